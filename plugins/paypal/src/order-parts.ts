/** An order's parts and words, read in one place. */
import type { Context, RefundFacts } from '@kassaflow/plugin-sdk';
import { fromPaypal, type WireMoney } from './amounts.ts';
import type { Settings } from './settings.ts';
import type { Authorization, Capture, Order, Refund } from './wire.ts';

/** The parts of an order, from all its purchase units; we make one. */
export interface Parts {
  readonly currency: string;
  /** What was asked for, in minor units. */
  readonly asked: number;
  readonly authorizations: readonly Authorization[];
  readonly captures: readonly Capture[];
  readonly refunds: readonly Refund[];
  /** Our payment id. */
  readonly reference: string | undefined;
  readonly isCancelled: boolean;
}

/**
 * Our own mark, at the end of an open order's `custom_id`: PayPal has no way to end an order before it is approved. A marked order
 * is never captured by us, and nobody else can.
 */
export const CANCELLED_MARK = '~cancelled';

/** The money came. `REVERSED` is in no list of PayPal's, and its event exists. */
const TAKEN = new Set(['COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'REVERSED']);
const NOT_TAKEN = new Set(['PENDING', 'DECLINED', 'FAILED']);
/** The statuses of an authorization of which money was held at some time. */
export const HELD = new Set(['CREATED', 'PARTIALLY_CAPTURED', 'CAPTURED', 'VOIDED']);
const HOLDS = new Set(['CREATED', 'PARTIALLY_CAPTURED']);
const ORDER_WORDS = new Set(['CREATED', 'SAVED', 'APPROVED', 'VOIDED', 'COMPLETED', 'PAYER_ACTION_REQUIRED']);
const REFUND_STATES: Readonly<Record<string, RefundFacts['state']>> = {
  COMPLETED: 'done',
  PENDING: 'pending',
  FAILED: 'failed',
  CANCELLED: 'failed',
};

export function partsOf(order: Order): Parts {
  const units = order.purchase_units ?? [];
  const customId = units[0]?.custom_id;
  return {
    currency: units[0]?.amount?.currency_code ?? '',
    asked: units.reduce((sum, { amount }) => sum + minor(amount), 0),
    authorizations: units.flatMap(({ payments }) => payments?.authorizations ?? []),
    captures: units.flatMap(({ payments }) => payments?.captures ?? []),
    refunds: units.flatMap(({ payments }) => payments?.refunds ?? []),
    reference: referenceOf(customId),
    isCancelled: customId?.endsWith(CANCELLED_MARK) ?? false,
  };
}

/** Our payment id out of a `custom_id`. */
export function referenceOf(customId: string | undefined): string | undefined {
  return customId?.endsWith(CANCELLED_MARK) ? customId.slice(0, -CANCELLED_MARK.length) : customId || undefined;
}

/** A word that is not in PayPal's list counts as money when it comes with a net amount, which PayPal tells only of money that came. */
export function isTaken(capture: Capture): boolean {
  const word = capture.status ?? '';
  return TAKEN.has(word) || (!NOT_TAKEN.has(word) && capture.seller_receivable_breakdown?.net_amount !== undefined);
}

/** A hold that can still be taken from. */
export function isOpenHold({ status }: Authorization): boolean {
  return HOLDS.has(status ?? '');
}

export function refundState(status: string | undefined): RefundFacts['state'] {
  return REFUND_STATES[status ?? ''] ?? 'pending';
}

/** What an order is at PayPal, for people: `COMPLETED, capture PENDING (ECHECK)`. The order's own word tells little. */
export function wordsOf(order: Order, { authorizations, captures }: Parts): string {
  const word = (kind: string) => (one: Capture | Authorization) =>
    `${kind} ${one.status ?? '?'}${one.status_details?.reason === undefined ? '' : ` (${one.status_details.reason})`}`;
  const words = [order.status ?? 'unknown', ...authorizations.map(word('authorization')), ...captures.map(word('capture'))];
  return words.join(', ').slice(0, 500);
}

/** Says so when PayPal uses a word that is in none of its lists. */
export function warnOfNewWords({ log }: Context<Settings>, order: Order, { captures, authorizations, refunds }: Parts): void {
  const odd = [
    ...(ORDER_WORDS.has(order.status ?? '') ? [] : [`order ${order.status ?? 'without status'}`]),
    ...captures.flatMap(({ status = '' }) => (TAKEN.has(status) || NOT_TAKEN.has(status) ? [] : [`capture ${status}`])),
    ...authorizations.flatMap(({ status = '' }) =>
      HELD.has(status) || status === 'DENIED' || status === 'PENDING' ? [] : [`authorization ${status}`],
    ),
    ...refunds.flatMap(({ status = '' }) => (status in REFUND_STATES ? [] : [`refund ${status}`])),
  ];
  if (odd.length > 0) log.warn('PayPal used words that this plugin does not know', { order: order.id, words: odd.join(', ') });
}

/** Minor units of a list of movements. */
export function total(movements: readonly (Capture | Authorization)[]): number {
  return movements.reduce((sum, { amount }) => sum + minor(amount), 0);
}

/** Minor units; nothing is zero. */
export function minor(amount: WireMoney | undefined): number {
  return amount === undefined ? 0 : fromPaypal(amount);
}
