import type { Context, DisputeFacts, MandateFacts, PaymentFacts, PaymentFailure, RefundFacts } from '@kassaflow/plugin-sdk';
import { fromPaypal, type WireMoney } from './amounts.ts';
import { AUTHORIZATION_MS, ORDER_HOURS } from './assumptions.ts';
import { CAPTURE_REASONS } from './declines.ts';
import { chargedBackOf } from './disputes.ts';
import type { Settings } from './settings.ts';
import { momentOf, type Authorization, type Capture, type Order, type Refund } from './wire.ts';

/** What PayPal knows about one payment, fetched together. */
export interface Seen {
  readonly order: Order;
  readonly disputes: readonly DisputeFacts[];
  /** When the first request for these was sent. */
  readonly fetchStartedAt: number;
  /** Why the last attempt to hold or take the money was refused, where that was seen. */
  readonly failure?: PaymentFailure;
}

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
const REFUSED = new Set(['DECLINED', 'FAILED']);
const HELD = new Set(['CREATED', 'PARTIALLY_CAPTURED', 'CAPTURED', 'VOIDED']);
const HOLDS = new Set(['CREATED', 'PARTIALLY_CAPTURED']);
const ORDER_WORDS = new Set(['CREATED', 'SAVED', 'APPROVED', 'VOIDED', 'COMPLETED', 'PAYER_ACTION_REQUIRED']);
/** The payer has not done anything yet, as far as PayPal tells: it says the same after he has opened its page. */
const UNTOUCHED = new Set(['CREATED', 'SAVED', 'PAYER_ACTION_REQUIRED']);
const REFUND_STATES: Readonly<Record<string, RefundFacts['state']>> = {
  COMPLETED: 'done',
  PENDING: 'pending',
  FAILED: 'failed',
  CANCELLED: 'failed',
};

/** Turns what PayPal knows into amounts and dates. Never a state: an order stays `COMPLETED` after refunds and disputes. */
export function factsOf(context: Context<Settings>, seen: Seen): PaymentFacts {
  const { order, disputes, fetchStartedAt } = seen;
  const parts = partsOf(order);
  warnOfNewWords(context, order, parts);
  const captured = total(parts.captures.filter(isTaken));
  const hold = holdOf(context, order, parts, captured);
  const refunds = parts.refunds.map((refund) => refundFacts(refund, parts.reference));
  const refunded = refundedOf(refunds, parts, captured);
  const ended = captured > 0 ? undefined : endedOf(order, parts, hold);
  const failure = seen.failure ?? failureOf(parts.captures);
  const mandate = mandateOf(order);
  const fee = feeOf(parts);
  return {
    providerState: wordsOf(order, parts),
    currency: parts.currency,
    started: !UNTOUCHED.has(order.status ?? '') || parts.captures.length > 0,
    ...(ended === undefined ? {} : { ended }),
    authorized: hold.authorized,
    voided: hold.voided,
    captured,
    refunded,
    refundPending: Math.min(sumOf(refunds, 'pending'), captured - refunded),
    chargedBack: chargedBackOf(disputes, parts.captures, captured - refunded),
    fetchStartedAt,
    ...(hold.captureBefore === undefined ? {} : { captureBefore: hold.captureBefore }),
    method: Object.keys(order.payment_source ?? {})[0]?.replaceAll('_', '-') ?? 'paypal',
    ...(fee === undefined ? {} : { fee }),
    ...(failure === undefined || captured > 0 ? {} : { failure }),
    refunds,
    disputes,
    ...(mandate === undefined ? {} : { mandate }),
  };
}

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

/** Until when an approved order can be captured: PayPal gives the payer's approval as long as the order had to be approved. */
export function approvalEnds(settings: Settings, order: Order): number | undefined {
  const approvedAt = momentOf(order.update_time) ?? momentOf(order.create_time);
  return approvedAt === undefined ? undefined : approvedAt + (settings.orderHours ?? ORDER_HOURS) * 3_600_000;
}

export function refundState(status: string | undefined): RefundFacts['state'] {
  return REFUND_STATES[status ?? ''] ?? 'pending';
}

interface Hold {
  readonly authorized: number;
  readonly voided: number;
  readonly captureBefore?: number;
  readonly isOver: boolean;
}

/**
 * With intent AUTHORIZE the money is held at PayPal. With intent CAPTURE nothing is held: the payer's approval stands for it, because until
 * its end the money is ours for the taking and for nobody's else.
 */
function holdOf(context: Context<Settings>, order: Order, parts: Parts, captured: number): Hold {
  const { settings } = context;
  const at = context.now().getTime();
  if (order.intent !== 'AUTHORIZE') {
    const isApproved = order.status === 'APPROVED' && parts.captures.length === 0;
    const captureBefore = approvalEnds(settings, order);
    const isOver = captureBefore !== undefined && at > captureBefore + (isApproved ? 0 : approvalMs(settings));
    if (!isApproved) return { authorized: captured, voided: 0, isOver: isOver && parts.captures.length === 0 };
    return {
      authorized: parts.asked,
      voided: isOver || parts.isCancelled ? parts.asked : 0,
      ...(captureBefore === undefined ? {} : { captureBefore }),
      isOver,
    };
  }
  const held = parts.authorizations.filter(({ status }) => HELD.has(status ?? ''));
  const ends = (hold: Authorization): number =>
    momentOf(hold.expiration_time) ?? (momentOf(hold.create_time) ?? Number.POSITIVE_INFINITY) + AUTHORIZATION_MS;
  const open = held.filter((hold) => isOpenHold(hold) && at <= ends(hold));
  const authorized = total(held);
  const captureBefore = Math.min(...open.map(ends));
  const approval = approvalEnds(settings, order);
  return {
    authorized,
    voided: open.length > 0 ? 0 : Math.max(0, authorized - captured),
    ...(Number.isFinite(captureBefore) ? { captureBefore } : {}),
    isOver:
      held.length > 0
        ? held.every((hold) => isOpenHold(hold) && at > ends(hold))
        : approval !== undefined && at > approval + (order.status === 'APPROVED' ? 0 : approvalMs(settings)),
  };
}

function endedOf(order: Order, parts: Parts, hold: Hold): PaymentFacts['ended'] {
  if (parts.captures.some(({ status }) => !REFUSED.has(status ?? ''))) return undefined;
  if (parts.isCancelled || order.status === 'VOIDED') return 'cancelled';
  if (parts.captures.length > 0) return 'failed';
  if (parts.authorizations.length > 0 && parts.authorizations.every(({ status }) => status === 'DENIED')) return 'failed';
  if (hold.isOver) return 'expired';
  return parts.authorizations.some(({ status }) => status === 'VOIDED') && hold.voided === hold.authorized ? 'cancelled' : undefined;
}

function refundFacts(refund: Refund, paymentReference: string | undefined): RefundFacts {
  const { id = 'unknown', custom_id: reference, status_details: details } = refund;
  const state = refundState(refund.status);
  return {
    providerId: id,
    // One made in PayPal's dashboard repeats the payment's own id.
    ...(reference === undefined || reference === '' || reference === paymentReference ? {} : { reference }),
    amount: minor(refund.amount),
    state,
    ...(state === 'failed' && details?.reason !== undefined ? { failure: details.reason } : {}),
  };
}

/** A capture that PayPal calls wholly refunded is so, also when a refund of it is not listed. */
function refundedOf(refunds: readonly RefundFacts[], { captures }: Parts, captured: number): number {
  const whole = total(captures.filter(({ status }) => status === 'REFUNDED'));
  return Math.min(captured, Math.max(sumOf(refunds, 'done'), whole));
}

function failureOf(captures: readonly Capture[]): PaymentFailure | undefined {
  const refused = captures.findLast(({ status }) => REFUSED.has(status ?? ''));
  if (!refused) return undefined;
  const providerCode = refused.status_details?.reason ?? refused.status;
  const [reason, retryable] = CAPTURE_REASONS[refused.status_details?.reason ?? ''] ?? ['other', true];
  return { reason, retryable, ...(providerCode === undefined ? {} : { providerCode }) };
}

/** The permission that came of an order whose payer agreed to be charged again. */
function mandateOf({ payment_source: source }: Order): MandateFacts | undefined {
  const wallet = source?.['paypal'];
  const { id, status, customer } = wallet?.attributes?.vault ?? {};
  if (id === undefined) return undefined;
  return {
    providerId: id,
    kind: 'wallet',
    state: status === undefined || status === 'VAULTED' ? 'active' : 'pending',
    ...(customer?.id === undefined ? {} : { customer: customer.id }),
    label: 'PayPal',
    ...(wallet?.account_id === undefined ? {} : { fingerprint: wallet.account_id }),
  };
}

/** A fee in another currency than the payment's belongs to the settlement, not here. */
function feeOf({ captures, currency }: Parts): number | undefined {
  const fees = captures.flatMap(({ seller_receivable_breakdown: breakdown }) => breakdown?.paypal_fee ?? []);
  return fees.length === 0 || fees.some((fee) => fee.currency_code !== currency)
    ? undefined
    : fees.reduce((sum, fee) => sum + minor(fee), 0);
}

/** `COMPLETED, capture PENDING (ECHECK)`: the order's word alone tells little. */
function wordsOf(order: Order, { authorizations, captures }: Parts): string {
  const word = (kind: string) => (one: Capture | Authorization) =>
    `${kind} ${one.status ?? '?'}${one.status_details?.reason === undefined ? '' : ` (${one.status_details.reason})`}`;
  const words = [order.status ?? 'unknown', ...authorizations.map(word('authorization')), ...captures.map(word('capture'))];
  return words.join(', ').slice(0, 500);
}

function warnOfNewWords({ log }: Context<Settings>, order: Order, { captures, authorizations, refunds }: Parts): void {
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

function approvalMs(settings: Settings): number {
  return (settings.orderHours ?? ORDER_HOURS) * 3_600_000;
}

function total(movements: readonly (Capture | Authorization)[]): number {
  return movements.reduce((sum, { amount }) => sum + minor(amount), 0);
}

function sumOf(refunds: readonly RefundFacts[], state: RefundFacts['state']): number {
  return refunds.reduce((sum, refund) => sum + (refund.state === state ? refund.amount : 0), 0);
}

function minor(amount: WireMoney | undefined): number {
  return amount === undefined ? 0 : fromPaypal(amount);
}
