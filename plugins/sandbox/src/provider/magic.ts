import type { Amount } from './amount.ts';

/**
 * Amounts that decide how a payment goes, in whole units of any currency, so that every turn of a flow can be tried by hand: 1001.00 is one,
 * and 1001.01 is not.
 */
const REFUSED: Readonly<Record<number, string>> = {
  1001: 'insufficient_funds',
  1002: 'card_expired',
  1003: 'card_declined',
  1004: 'authentication_failed',
  1005: 'possible_fraud',
  1006: 'limit_exceeded',
  1007: 'account_closed',
  1008: 'mandate_revoked',
  1009: 'system_error',
};

/** A charge that the bank wants its customer for. */
const WANTS_CUSTOMER = 1010;
/** A direct debit that comes, and that the bank gives back a moment later. */
const GIVEN_BACK = 1011;
/** A payment whose refunds are accepted and fail a moment later. */
const REFUND_FAILS = 1012;

export interface Fate {
  /** The code with which the bank refuses. */
  readonly refused?: string;
  readonly wantsCustomer?: true;
  readonly isGivenBack?: true;
  readonly refundFails?: true;
}

/** How a payment of this amount goes; an ordinary one goes well. */
export function fateOf({ minor, digits }: Amount): Fate {
  const whole = minor / 10 ** digits;
  const refused = REFUSED[whole];
  return {
    ...(refused === undefined ? {} : { refused }),
    ...(whole === WANTS_CUSTOMER ? { wantsCustomer: true } : {}),
    ...(whole === GIVEN_BACK ? { isGivenBack: true } : {}),
    ...(whole === REFUND_FAILS ? { refundFails: true } : {}),
  };
}
