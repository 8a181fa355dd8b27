/** What one payment's money ought to come to, counted by the simplest means: it knows no provider, no webhook and no ledger. */
import type { Act, Manners } from '../desks/desk.ts';

interface Part {
  readonly amount: number;
  readonly at: number;
  state: 'pending' | 'done' | 'failed';
}

export const TOTAL = 2_000;

export class Model {
  readonly #manners: Manners;
  readonly #manual: boolean;
  readonly refunds: Part[] = [];
  stage: 'open' | 'under-way' | 'held' | 'taken' | 'failed' | 'cancelled' | 'expired' = 'open';
  captured = 0;
  #isSlow = false;
  dispute: { readonly amount: number; state: 'opened' | 'won' | 'lost' } | undefined;

  constructor(manners: Manners, manual: boolean) {
    this.#manners = manners;
    this.#manual = manual;
  }

  get refunded(): number {
    return sum(this.refunds.filter(({ state }) => state === 'done'));
  }

  get chargedBack(): number {
    return this.dispute && this.dispute.state !== 'won' ? this.dispute.amount : 0;
  }

  /** What can still go back. */
  get left(): number {
    return this.captured - sum(this.refunds.filter(({ state }) => state !== 'failed')) - this.chargedBack;
  }

  get state(): string {
    if (this.captured === 0)
      return {
        open: 'open',
        'under-way': 'pending',
        held: 'authorized',
        taken: '?',
        failed: 'failed',
        cancelled: 'cancelled',
        expired: 'expired',
      }[this.stage];
    if (this.chargedBack > 0) return 'charged-back';
    if (this.refunded === 0) return 'completed';
    return this.refunded === this.captured ? 'refunded' : 'partially-refunded';
  }

  /** The amount (or which refund) with which the act can happen now; `undefined` when it cannot. */
  fits(act: Act | 'capture' | 'refund' | 'cancel', number: number): number | undefined {
    const whole = this.#manners.refunds === 'whole';
    const part = whole ? (this.left === this.captured ? this.left : 0) : 1 + (number % Math.max(1, this.left));
    const which = number % Math.max(1, this.refunds.length);
    const refund = this.refunds[which]?.state;
    const possible: Readonly<Record<typeof act, number | false>> = {
      approve: this.stage === 'open' && TOTAL,
      'approve-slowly': this.stage === 'open' && !this.#manual && TOTAL,
      arrive: this.stage === 'under-way' && TOTAL,
      bounce: this.stage === 'under-way' && TOTAL,
      decline: this.stage === 'open' && this.#manners.declined !== 'when-taken' && TOTAL,
      abandon: this.stage === 'open' && TOTAL,
      expire: this.stage === 'open' && TOTAL,
      capture: this.stage === 'held' && (this.#manners.capture === 'whole' ? TOTAL : 1 + (number % (TOTAL - this.captured))),
      cancel: this.stage === 'held' && this.captured === 0 && TOTAL,
      // A hold of which parts are still to be taken is left alone: providers differ in whether it can be paid back by then.
      refund: this.stage === 'taken' && this.left > 0 && part > 0 && part,
      'refund-at-desk': this.stage === 'taken' && this.left > 0 && part > 0 && part,
      'finish-refund': refund === 'pending' && which,
      'fail-refund': (refund === 'pending' || refund === 'done') && which,
      dispute: this.stage === 'taken' && !this.dispute && this.left > 0 && this.left,
      'win-dispute': this.dispute?.state === 'opened' && this.dispute.amount,
      'lose-dispute': this.dispute?.state === 'opened' && this.dispute.amount,
    };
    const fit = possible[act];
    return fit === false ? undefined : fit;
  }

  /** It happens. */
  take(act: Act | 'capture' | 'refund' | 'cancel', number: number, at: number): void {
    if (act === 'approve') this.#approved();
    else if (act === 'approve-slowly') this.#goSlowly();
    else if (act === 'arrive') Object.assign(this, { stage: 'taken', captured: TOTAL });
    else if (act === 'bounce') this.stage = 'failed';
    else if (act === 'decline' && this.#manners.declined === 'failed') this.stage = 'failed';
    else if (act === 'abandon') this.stage = this.#manners.abandoned;
    else if (act === 'cancel') this.stage = 'cancelled';
    else if (act === 'expire') this.stage = 'expired';
    else if (act === 'capture') this.#captured(number);
    else if (act === 'refund' || act === 'refund-at-desk')
      this.refunds.push({ amount: number, at, state: this.#isSlow ? this.#manners.slowRefund : this.#manners.refund });
    else if (act === 'dispute') this.dispute = { amount: number, state: 'opened' };
    else if (this.dispute && (act === 'win-dispute' || act === 'lose-dispute')) this.dispute.state = act === 'win-dispute' ? 'won' : 'lost';
    const refund = this.refunds[number];
    if (refund && (act === 'finish-refund' || act === 'fail-refund')) refund.state = act === 'finish-refund' ? 'done' : 'failed';
  }

  /** Banks take their time for a refund. */
  pass(now: number): void {
    for (const refund of this.refunds)
      if (refund.state === 'pending' && now >= refund.at + this.#manners.refundTakesMs) refund.state = 'done';
  }

  #approved(): void {
    if (this.#manual) this.stage = 'held';
    else Object.assign(this, { stage: 'taken', captured: TOTAL });
  }

  #goSlowly(): void {
    this.stage = 'under-way';
    this.#isSlow = true;
  }

  #captured(amount: number): void {
    this.captured += amount;
    if (this.captured === TOTAL || this.#manners.capture === 'once') this.stage = 'taken';
  }
}

function sum(parts: readonly Part[]): number {
  return parts.reduce((total, { amount }) => total + amount, 0);
}
