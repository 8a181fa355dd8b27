/**
 * Our side in memory: the real rules of `src/domain/payments` (facts, change, bookings, refunds) with rows that are objects. What the
 * services do around the rules is done here once more, in small; `database-core.ts` runs the services themselves.
 */
import type { CreatedPayment, DisputeFacts, Outcome, PaymentFacts, RefundResult, SettlementPage } from '@kassaflow/plugin-sdk';
import { bookingOf, type MoneyPath } from '../../src/domain/payments/payment-books.ts';
import { changeOf, SECOND_FETCH_AFTER_MS, type KnownPayment } from '../../src/domain/payments/payment-change.ts';
import { readFacts, tookMoney, type Facts, type PaymentAmounts } from '../../src/domain/payments/payment.ts';
import { settleListed, type ListedRefund } from '../../src/domain/payments/refund-list.ts';
import { withSettled } from '../../src/domain/payments/settled-facts.ts';
import { refundable, settle, type RefundState } from '../../src/domain/payments/refund.ts';
import { idOf, newUuid } from '../../src/kernel/ids.ts';
import { accounts } from '../../src/domain/ledger/index.ts';
import { DESK_WEBHOOK_URL, type DeskCalls } from '../desks/desk-calls.ts';
import type { Posted, SettledDays } from '../desks/desk.ts';
import type { Books, Core, Settled } from './core.ts';
import type { Trouble } from './history.ts';
import { MemoryAttempts } from './memory-attempts.ts';
import { MemorySettlements } from './memory-settlements.ts';
import { TOTAL } from './plot.ts';
import { bent, type PlantedBug } from './planted-bug.ts';

type Refund = { -readonly [Key in keyof ListedRefund]: ListedRefund[Key] };

const CONNECTION = '01981f2e-0000-7000-8000-000000000001';
const NOTHING: PaymentAmounts = {
  authorized: 0n,
  voided: 0n,
  captured: 0n,
  refunded: 0n,
  refundPending: 0n,
  chargedBack: 0n,
  fee: undefined,
};

export class MemoryCore implements Core {
  readonly reference: string;
  payment = '';
  readonly #calls: DeskCalls;
  readonly #bug: PlantedBug | undefined;
  #shares: { readonly intended: bigint; allocated: bigint; elsewhere: bigint }[] = [];
  #known: KnownPayment;
  #asked: { whole: bigint; captures: bigint; pending: bigint } = { whole: BigInt(TOTAL), captures: 0n, pending: 0n };
  #refunds: Refund[] = [];
  readonly #ledger = new Map<string, bigint>();
  readonly #attempts: MemoryAttempts;
  readonly #settlements: MemorySettlements;
  /** What settlements alone have told; `undefined` before the first. */
  #settledBack: bigint | undefined;
  #disputes: readonly DisputeFacts[] = [];
  #kept: PaymentFacts | undefined;
  #completions = 0;

  constructor(calls: DeskCalls, id: string, bug?: PlantedBug) {
    this.#calls = calls;
    this.#bug = bug;
    this.reference = idOf('pay', id);
    this.#attempts = new MemoryAttempts(calls, this.reference, bug);
    const currency = calls.desk.currency as KnownPayment['currency']; // desks name real currencies
    this.#settlements = new MemorySettlements(currency);
    this.#known = {
      ...NOTHING,
      state: 'created',
      currency,
      asked: { least: BigInt(TOTAL), most: BigInt(TOTAL) },
      fetchedAt: undefined,
      doubtedAt: undefined,
      contradicted: false,
      mismatched: false,
      takenWhenAuthorized: false,
      lapsed: false,
    };
  }

  async open(invoices: readonly number[], manual: boolean, trouble: Trouble): Promise<void> {
    const { desk } = this.#calls;
    this.#shares = invoices.map((amount) => ({ intended: BigInt(amount), allocated: 0n, elsewhere: 0n }));
    const order = {
      reference: this.reference,
      amount: this.#money(TOTAL),
      description: 'A history',
      returnUrl: 'https://shop.example/back',
      webhookUrl: DESK_WEBHOOK_URL,
      capture: manual ? 'manual' : 'automatic',
      metadata: {},
      ...desk.order,
    };
    const outcome = await this.#attempts.send<CreatedPayment>('create', order, trouble);
    if (outcome === 'too-late') throw new Error('nobody waits for so long before a payment is open');
    if (outcome.kind !== 'ok') return;
    this.payment = outcome.value.providerId;
    this.#apply(readFacts(outcome.value.facts));
  }

  async capture(amount: number, trouble: Trouble): Promise<boolean> {
    const { authorized, voided, captured } = this.#known;
    if (BigInt(amount) > authorized - voided - captured) return false;
    this.#asked.captures += BigInt(amount);
    this.#asked.pending = BigInt(amount);
    const outcome = await this.#attempts.send<PaymentFacts>('capture', { providerId: this.payment, amount: this.#money(amount) }, trouble);
    const isDone = await this.#concluded(outcome, () => this.#known.captured >= this.#asked.captures);
    if (!isDone) this.#asked.captures -= this.#asked.pending;
    this.#asked.pending = 0n;
    return isDone;
  }

  async cancel(trouble: Trouble): Promise<boolean> {
    const outcome = await this.#attempts.send<PaymentFacts>('cancel', { providerId: this.payment }, trouble);
    return this.#concluded(outcome, () => this.#known.state === 'cancelled');
  }

  async refund(amount: number, trouble: Trouble): Promise<boolean> {
    const { desk } = this.#calls;
    if (!tookMoney(this.#known.state) || BigInt(amount) > refundable(this.#known, this.#refunds)) return false;
    const refund: Refund = {
      id: newUuid(),
      amount: BigInt(amount),
      state: 'requested',
      sentAt: this.#now(),
      acceptedAt: null,
      providerId: null,
      origin: 'kassaflow',
    };
    this.#refunds.push(refund);
    const input = { providerId: this.payment, reference: idOf('ref', refund.id), amount: this.#money(amount) };
    const outcome = await this.#attempts.send<RefundResult>('refund', input, trouble);
    if (outcome === 'too-late') {
      await this.look();
      // It is only known to be under way, or done: the facts move it there, and nothing else does.
      return stateOf(refund) === 'completed' || stateOf(refund) === 'pending';
    }
    if (outcome.kind === 'ok') refund.providerId = outcome.value.providerId;
    if (refund.state === 'requested') {
      const isAccepted = outcome.kind === 'ok' && outcome.value.state !== 'failed';
      Object.assign(refund, isAccepted ? { state: 'pending', acceptedAt: new Date(desk.now()) } : { state: 'failed' });
    }
    if (outcome.kind === 'ok') await this.look();
    return stateOf(refund) !== 'failed';
  }

  async payElsewhere(invoice: number, amount: number): Promise<number> {
    const share = this.#shares[invoice];
    if (!share) return 0;
    const open = share.intended - share.elsewhere - share.allocated;
    const paid = BigInt(amount) < open ? BigInt(amount) : open;
    share.elsewhere += paid;
    return Number(paid);
  }

  async look(): Promise<void> {
    if (this.payment === '') return;
    this.#apply(readFacts(await this.#fetch()));
  }

  async keepLook(): Promise<void> {
    if (this.payment !== '') this.#kept = await this.#fetch();
  }

  async applyKept(): Promise<void> {
    if (this.#kept) this.#apply(readFacts(this.#kept));
  }

  async laggingLook(): Promise<void> {
    if (this.#kept) this.#apply(readFacts({ ...this.#kept, fetchStartedAt: this.#calls.desk.now() }));
  }

  async deliver(posted: Posted): Promise<void> {
    const signals = await this.#calls.signalsIn(posted);
    if (signals.some(({ providerId, reference }) => reference === this.reference || providerId === this.payment)) await this.look();
  }

  /** As `HoldAgainstPayments` does: where lines say more than our books, the provider is asked, and then they are held against it again. */
  async settle(days: SettledDays): Promise<Settled> {
    for (let page: string | undefined, isMore = true; isMore; isMore = page !== undefined) {
      const read = await this.#ask<SettlementPage>('payments.settlements', page === undefined ? days : { ...days, page });
      for (const line of read.lines) {
        const isOurs = line.reference === undefined ? line.payment === this.payment : line.reference === this.reference;
        if (isOurs) this.#settlements.add(line);
      }
      page = read.next;
    }
    await this.#tellChargebacks();
    if (this.#held().unexplained !== 0) {
      await this.look();
      await this.#tellChargebacks();
    }
    return this.#held();
  }

  async close(): Promise<Books> {
    if (this.#known.doubtedAt) {
      await this.#calls.desk.advance(SECOND_FETCH_AFTER_MS);
      await this.look();
    }
    const { state, captured, refunded, chargedBack } = this.#known;
    return {
      state,
      captured: Number(captured),
      refunded: Number(refunded),
      chargedBack: Number(chargedBack),
      owed: this.#balance(accounts.clearing(CONNECTION)) + this.#balance(accounts.fees),
      fees: this.#balance(accounts.fees),
      allocated: this.#shares.map(({ allocated }) => Number(allocated)),
      onInvoices: 0 - this.#balance(accounts.receivable),
      unallocated: 0 - this.#balance(accounts.unallocated),
      refundsDone: this.#refunds.reduce((sum, refund) => sum + (refund.state === 'completed' ? Number(refund.amount) : 0), 0),
      completions: this.#completions,
    };
  }

  async #concluded(outcome: Outcome<PaymentFacts> | 'too-late', isDone: () => boolean): Promise<boolean> {
    if (outcome === 'too-late') {
      await this.look();
      return isDone();
    }
    if (outcome.kind === 'ok') this.#apply(readFacts(outcome.value));
    return outcome.kind === 'ok';
  }

  #fetch(): Promise<PaymentFacts> {
    return this.#ask<PaymentFacts>('payments.fetch', { providerId: this.payment });
  }

  async #ask<T>(method: 'payments.fetch' | 'payments.settlements', input: object): Promise<T> {
    const outcome = await this.#calls.call<T>({
      tenantId: '',
      connectionId: '',
      method,
      input,
      idempotencyKey: '',
      attempt: 1,
      timeoutMs: 15_000,
    });
    if (outcome.kind !== 'ok') throw new Error(`${method} of ${this.payment} has no answer: ${JSON.stringify(outcome)}`);
    return outcome.value;
  }

  /** Where only settlements tell of chargebacks, they make them facts. */
  async #tellChargebacks(): Promise<void> {
    const { chargebacksInSettlements } = await this.#calls.traits();
    const disputes = chargebacksInSettlements ? this.#settlements.disputes() : undefined;
    if (!disputes || this.#known.captured === 0n) return;
    this.#settledBack = disputes.reduce((sum, { state, amount }) => sum + (state === 'opened' ? BigInt(amount) : 0n), 0n);
    const { fetchedAt = this.#now(), currency } = this.#known;
    const unsaid = {
      method: undefined,
      failure: undefined,
      mandate: undefined,
      refunds: undefined,
      captureBefore: undefined,
      provisionalUntil: undefined,
    };
    this.#apply({ ...this.#known, ...unsaid, currency, providerState: '', started: true, ended: undefined, fetchedAt, disputes });
  }

  #held(): Settled {
    return this.#settlements.against(this.#known, this.#disputes);
  }

  #apply(reported: Facts): void {
    const told =
      this.#bug === 'chargeback-forgotten'
        ? reported
        : withSettled({ settledChargedBackMinor: this.#settledBack ?? null, settledRefundedMinor: null }, reported);
    this.#disputes = told.disputes ?? this.#disputes;

    const known = { ...this.#known, asked: this.#bounds(), ...(this.#bug === 'stale-wins' ? { fetchedAt: undefined } : {}) };
    const facts = bent(told, known, this.#bug);
    const change = changeOf(known, facts);
    if (change.kind === 'stale' || change.kind === 'wrong-currency') return;
    if (change.kind === 'contradicted') return void (this.#known = { ...this.#known, contradicted: true, fetchedAt: facts.fetchedAt });
    if (change.kind === 'doubtful') return void (this.#known = { ...this.#known, doubtedAt: change.doubtedAt });
    this.#book(known, facts);
    this.#settleRefunds(facts);
    this.#completions += change.events.filter((event) => event === 'payment.completed').length;
    const { authorized, voided, captured, refunded, refundPending, chargedBack, fetchedAt } = facts;
    const amounts = { authorized, voided, captured, refunded, refundPending, chargedBack, fee: facts.fee ?? known.fee };
    this.#known = {
      ...known,
      ...amounts,
      state: change.state,
      mismatched: change.mismatched,
      fetchedAt,
      doubtedAt: undefined,
      contradicted: false,
    };
  }

  #book(known: KnownPayment, facts: Facts): void {
    const path: MoneyPath = {
      connectionId: CONNECTION,
      currency: known.currency,
      rule: 'oldest-first',
      shares: this.#shares.map(({ intended, allocated, elsewhere }) => ({
        intended,
        allocated,
        room: this.#bug === 'invoice-overfilled' ? intended : intended - elsewhere,
      })),
    };
    const { postings, allocated } = bookingOf(known, facts, path);
    for (const [index, share] of this.#shares.entries()) share.allocated = allocated[index] ?? 0n;
    for (const { account, side, amount } of postings.flatMap(({ lines }) => lines))
      this.#ledger.set(account, (this.#ledger.get(account) ?? 0n) + (side === 'debit' ? amount.minor : -amount.minor));
  }

  #settleRefunds(facts: Facts): void {
    const moves = facts.refunds ? this.#listed(facts.refunds) : this.#totals(facts);
    if (this.#bug !== 'dashboard-ignored') this.#refunds.push(...moves);
  }

  /** Moves ours, and gives those that were made without us. */
  #listed(listed: NonNullable<Facts['refunds']>): Refund[] {
    const { named, foreign } = settleListed(this.#refunds, listed);
    for (const { id, providerId, to } of named) {
      const refund = this.#refunds.find((one) => one.id === id);
      if (refund) Object.assign(refund, { providerId: refund.providerId ?? providerId, ...(to && { state: to }) });
      if (refund && to === 'pending') refund.acceptedAt ??= this.#now();
    }
    return foreign.map(({ providerId, amount, state }) =>
      this.#foreign(BigInt(amount), providerId, state === 'done' ? 'completed' : 'pending'),
    );
  }

  #totals(facts: Facts): Refund[] {
    const { completed, failed, foreign } = settle(this.#refunds, facts);
    for (const refund of this.#refunds) {
      if (completed.includes(refund.id)) refund.state = 'completed';
      if (failed.includes(refund.id)) refund.state = 'failed';
    }
    return foreign > 0n ? [this.#foreign(foreign, null, 'completed')] : [];
  }

  #foreign(amount: bigint, providerId: string | null, state: RefundState): Refund {
    return { id: newUuid(), amount, state, sentAt: this.#now(), acceptedAt: this.#now(), providerId, origin: 'provider' };
  }

  #bounds(): KnownPayment['asked'] {
    const { whole, captures, pending } = this.#asked;
    return captures === 0n ? { least: whole, most: whole } : { least: captures - pending, most: captures };
  }

  #balance(account: string): number {
    return Number(this.#ledger.get(account) ?? 0n);
  }

  #now(): Date {
    return new Date(this.#calls.desk.now());
  }

  #money(minor: number): { readonly amount: string; readonly currency: string } {
    return { amount: (minor / 100).toFixed(2), currency: this.#calls.desk.currency };
  }
}

/** As it stands now: facts move it behind the compiler's back. */
function stateOf(refund: Refund): RefundState {
  return refund.state;
}
