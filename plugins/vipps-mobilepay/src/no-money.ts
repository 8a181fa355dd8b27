import type { PaymentFacts } from '@kassaflow/plugin-sdk';
import { walletOf } from './amounts.ts';

/** The facts of what was made this moment, or waits for its customer: the provider's answer to it has an id and no amounts. */
export function noMoneyYet(
  providerState: 'CREATED' | 'PENDING',
  currency: string,
  { fetchStartedAt, started }: Pick<PaymentFacts, 'fetchStartedAt' | 'started'>,
): PaymentFacts {
  return {
    providerState,
    currency,
    started,
    authorized: 0,
    voided: 0,
    captured: 0,
    refunded: 0,
    refundPending: 0,
    chargedBack: 0,
    fetchStartedAt,
    method: walletOf(currency),
  };
}
