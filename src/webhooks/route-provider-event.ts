import type { ProviderSignal } from '@kassaflow/plugin-sdk';
import type { SignalledImports } from '../domain/settlements/index.ts';
import { paymentIdIn, type Mandates, type Payments, type SignalResult } from '../domain/payments/index.ts';
import type { WebhookConnection } from '../plugin-host/provider-calls.ts';

/** The domain services that providers' signals go to. */
export interface SignalTargets {
  readonly payments: Payments;
  readonly mandates: Mandates;
  readonly settlements: SignalledImports;
}

type Route = (targets: SignalTargets, connection: WebhookConnection, signal: ProviderSignal) => Promise<SignalResult | undefined>;

/** What no payment is known by may be the step that leads to a mandate: some providers send the id of a payment of nothing, and no more. */
const toPayments: Route = async ({ payments, mandates }, { tenantId, connectionId }, { providerId, reference }) => {
  const result = await payments.applyProviderEvent(tenantId, connectionId, { providerId, reference });
  return result.kind === 'orphan' ? mandates.applyProviderEvent(tenantId, connectionId, { providerId, reference }) : result;
};

const toMandates: Route = ({ mandates }, { tenantId, connectionId }, { providerId, reference }) =>
  mandates.applyProviderEvent(tenantId, connectionId, { providerId, reference });

/** Whatever was paid out or kept is read from the provider's report. */
const toSettlements: Route = ({ settlements }, { tenantId, connectionId }) => settlements.applyProviderEvent(tenantId, connectionId);

/** Which service each kind of signal concerns. Refunds and chargebacks change their payment's totals; the rest has no owner yet. */
const ROUTES: Readonly<Record<ProviderSignal['kind'], Route | undefined>> = {
  payment: toPayments,
  refund: toPayments,
  chargeback: toPayments,
  mandate: toMandates,
  settlement: toSettlements,
  message: undefined,
  other: undefined,
};

/** Hands a signal to the service that it concerns; `undefined` when it concerns none. */
export async function routeProviderEvent(
  targets: SignalTargets,
  connection: WebhookConnection,
  signal: ProviderSignal,
): Promise<SignalResult | undefined> {
  return ROUTES[signal.kind]?.(targets, connection, signal);
}

/**
 * Signals with the same key lead to the same fetch, so only one of them is handed on. Payments are known by our reference first;
 * one that is not ours in form (another system's, on the same account) says nothing about which payment is meant.
 */
export function signalKey({ connectionId }: WebhookConnection, { kind, providerId, reference = '' }: ProviderSignal): string {
  // One import reads all settlements of a connection.
  if (kind === 'settlement') return `${connectionId} settlement`;
  const isPayment = ROUTES[kind] === toPayments;
  const named = isPayment && paymentIdIn(reference) !== undefined ? reference : (providerId ?? `reference ${reference}`);
  return [connectionId, isPayment ? 'payment' : kind, named].join(' ');
}
