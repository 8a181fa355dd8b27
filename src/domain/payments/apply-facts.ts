import { Inject, Injectable } from '@nestjs/common';
import type { RefundFacts } from '@kassaflow/plugin-sdk';
import { EventLog } from '../../events/event-log.ts';
import type { EventDraft } from '../../events/event.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, newUuid } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { Invoices, roomOf } from '../invoices/index.ts';
import { Ledger } from '../ledger/index.ts';
import { Disputes } from './disputes/disputes.service.ts';
import { Mandates } from './mandates/mandates.service.ts';
import { beginDueCapture } from './captures/due-capture.ts';
import { watchOf } from './captures/capture-watch.ts';
import type { MoneyListener } from './money-moved.ts';
import type { Attempt } from './payment-attempts.ts';
import { bookingOf, type PaymentPosting } from './payment-books.ts';
import { changeOf, isNews, SECOND_FETCH_AFTER_MS, type KnownPayment, type PaymentEventType } from './payment-change.ts';
import { beginChecks, checkBy, endChecks } from './payment-checks.ts';
import { PaymentInvoiceEntity, type PaymentRow } from './payment.entity.ts';
import { PaymentSubjects, refundSubject } from './payment-subjects.ts';
import { isOpen, type Facts, type PaymentAmounts } from './payment.ts';
import { RefundEntity, type RefundRow } from './refund.entity.ts';
import { settleListed } from './refund-list.ts';
import { settle, type RefundView } from './refund.ts';
import { withSettled } from './settled-facts.ts';

/** What became of a payment's new facts. `again`: fetch once more after `afterMs` before they are believed. */
export type Applied =
  | { readonly kind: 'stale' }
  /** `isNews`: they were others than before. `capture` was written down and is to be sent once the transaction has ended. */
  | { readonly kind: 'applied'; readonly isNews: boolean; readonly capture?: Attempt }
  | { readonly kind: 'again'; readonly afterMs: number };

/** Hears of a payment whose state has changed, in the same transaction. The row is locked. */
export type PaymentListener = (tx: Transaction, payment: PaymentRow) => Promise<void>;

/**
 * Brings a payment to what its provider reports: state, allocation, ledger, refunds and events, all in the caller's
 * transaction. Applying the same facts again changes nothing.
 */
@Injectable()
export class ApplyFacts {
  readonly #listeners: PaymentListener[] = [];
  readonly #moneyListeners: MoneyListener[] = [];

  constructor(
    private readonly invoices: Invoices,
    private readonly ledger: Ledger,
    private readonly eventLog: EventLog,
    private readonly subjects: PaymentSubjects,
    private readonly mandates: Mandates,
    private readonly disputes: Disputes,
    private readonly metrics: Metrics,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  whenChanged(listener: PaymentListener): void {
    this.#listeners.push(listener);
  }

  /** What it writes is there when the payment's events are recorded, and their contexts are made. */
  whenMoneyMoved(listener: MoneyListener): void {
    this.#moneyListeners.push(listener);
  }

  async tellListeners(tx: Transaction, row: PaymentRow): Promise<void> {
    for (const listener of this.#listeners) await listener(tx, row);
  }

  /** @param row locked in this transaction */
  async apply(tx: Transaction, row: PaymentRow, reported: Facts): Promise<Applied> {
    const known = knownOf(row);
    const facts = withSettled(row, reported);
    const change = changeOf(known, facts);
    switch (change.kind) {
      case 'stale':
        return { kind: 'stale' };
      case 'doubtful':
        row.doubtedAt = change.doubtedAt;
        await tx.em.flush();
        await checkBy(tx, row.id, new Date(this.clock.now().getTime() + SECOND_FETCH_AFTER_MS), this.clock.now());
        return { kind: 'again', afterMs: SECOND_FETCH_AFTER_MS };
      case 'contradicted':
        await this.#contradicted(tx, row, facts, change.isNew);
        return { kind: 'applied', isNews: true };
      case 'wrong-currency':
        await this.#wrongCurrency(tx, row, facts, change.isNew);
        return { kind: 'applied', isNews: true };
      case 'facts':
        const news = isNews({ ...known, providerState: row.providerState }, facts);
        this.#save(row, facts, change.state, change.mismatched);
        await tx.em.flush();
        const overpaid = await this.#book(tx, row, known, facts);
        await this.#settleRefunds(tx, row, facts);
        await this.#recordMandate(tx, row, facts);
        // A mismatch has told of it already.
        const isOverpaid = overpaid > 0n && !change.mismatched;
        await this.#appendAll(tx, row, isOverpaid ? [...change.events, 'payment.overpaid'] : change.events, known, facts, overpaid);
        if (facts.disputes) await this.disputes.record(tx, row, facts.disputes);
        await this.#scheduleChecks(tx, row, known);
        if (change.state !== known.state) await this.#count(tx, row);
        if (change.state !== known.state) await this.tellListeners(tx, row);
        const capture = await beginDueCapture(tx, row, this.clock.now());
        return { kind: 'applied', isNews: news, ...(capture && { capture }) };
    }
  }

  /** A payment that waits for money, or has a refund under way, is asked about from time to time. */
  async #scheduleChecks(tx: Transaction, row: PaymentRow, known: KnownPayment): Promise<void> {
    const refunds = await tx.em.count(RefundEntity, { paymentId: row.id, state: { $in: ['requested', 'pending'] }, sentAt: { $ne: null } });
    if (!isOpen(row.state) && refunds === 0) await endChecks(tx, row.id);
    else if (known.fetchedAt === undefined || (isOpen(row.state) && row.state !== known.state))
      await beginChecks(tx, row, this.clock.now());
  }

  /** What came of the permission to charge: the payment left one behind, or a bank says that there is none any more. */
  async #recordMandate(tx: Transaction, row: PaymentRow, { mandate, failure, fetchedAt }: Facts): Promise<void> {
    if (mandate) await this.mandates.record(tx, row, mandate, fetchedAt);
    if (row.mandateId && failure) await this.mandates.chargeFailed(tx, row.mandateId, failure);
  }

  #save(row: PaymentRow, facts: Facts, state: PaymentRow['state'], mismatched: boolean): void {
    Object.assign(row, {
      state,
      authorizedMinor: facts.authorized,
      voidedMinor: facts.voided,
      capturedMinor: facts.captured,
      refundedMinor: facts.refunded,
      refundPendingMinor: facts.refundPending,
      chargedBackMinor: facts.chargedBack,
      feeMinor: facts.fee ?? row.feeMinor,
      method: facts.method ?? row.method,
      providerState: facts.providerState,
      failure: facts.failure ?? null,
      next: state === 'created' || state === 'pending' ? row.next : null,
      mismatched,
      provisionalUntil: facts.provisionalUntil ?? row.provisionalUntil,
      ...watchOf(row, facts, this.config.captureNoticeMs),
      factsFetchedAt: facts.fetchedAt,
      doubtedAt: null,
      contradictedAt: null,
      completedAt: facts.captured > 0n ? (row.completedAt ?? this.clock.now()) : null,
    });
  }

  /** Puts the money on the invoices and in the books. @returns what is more than the invoices can take, when that has grown */
  async #book(tx: Transaction, row: PaymentRow, known: KnownPayment, facts: Facts): Promise<bigint> {
    const shares = await tx.em.find(PaymentInvoiceEntity, { paymentId: row.id }, { orderBy: { position: 'asc' } });
    const locked = await this.invoices.lock(
      tx,
      shares.map(({ invoiceId }) => invoiceId),
    );
    const invoiceOf = new Map(locked.map((invoice) => [invoice.id, invoice]));
    const path = shares.map((share) => {
      const invoice = invoiceOf.get(share.invoiceId);
      return {
        intended: share.intendedMinor,
        allocated: share.allocatedMinor,
        room: (invoice ? roomOf(invoice).minor : 0n) + share.allocatedMinor,
      };
    });
    const allocatedBefore = shares.map(({ allocatedMinor }) => allocatedMinor);
    const { postings, moves, allocated, overpaid } = bookingOf(known, facts, {
      connectionId: row.connectionId,
      currency: row.currency,
      rule: row.split,
      shares: path,
    });
    for (const [index, share] of shares.entries()) {
      const change = (allocated[index] ?? 0n) - share.allocatedMinor;
      const invoice = invoiceOf.get(share.invoiceId);
      if (change === 0n || !invoice) continue;
      share.allocatedMinor += change;
      await this.invoices.cover(tx, invoice, money(change, row.currency));
    }
    for (const posting of postings) await this.#post(tx, row, posting, facts);
    if (moves.length === 0) return overpaid;
    const invoiceIds = shares.map(({ invoiceId }) => invoiceId);
    const moved = { before: known, invoiceIds, allocatedBefore, moves, at: facts.bookedAt ?? facts.fetchedAt };
    for (const listener of this.#moneyListeners) await listener(tx, row, moved);
    return overpaid;
  }

  async #post(tx: Transaction, row: PaymentRow, posting: PaymentPosting, facts: Facts): Promise<void> {
    const id = idOf('pay', row.id);
    await this.ledger.post(tx, {
      // The version counts changes of this payment, so a dispute that is lost, won and lost again posts three times.
      key: `${id}:${row.version}:${posting.kind}`,
      kind: posting.kind,
      subject: `payment/${id}`,
      description: row.description,
      effectiveAt: facts.bookedAt ?? facts.fetchedAt,
      lines: posting.lines,
    });
  }

  /** Moves our refunds to where the provider's totals say they are, and records those that were made there without us. */
  async #settleRefunds(tx: Transaction, row: PaymentRow, facts: Facts): Promise<void> {
    const refunds = await tx.em.find(RefundEntity, { paymentId: row.id }, { orderBy: { id: 'asc' } });
    if (facts.refunds) return this.#settleListed(tx, row, refunds, facts.refunds);
    const { completed, failed, foreign } = settle(refunds.map(viewOf), facts);
    for (const refund of refunds) {
      if (completed.includes(refund.id)) await this.#recordRefund(tx, row, refund, 'completed');
      if (failed.includes(refund.id)) await this.#recordRefund(tx, row, refund, 'failed');
    }
    if (foreign > 0n) await this.#recordRefund(tx, row, this.#foreignRefund(tx, row, foreign, null), 'completed');
  }

  async #settleListed(tx: Transaction, row: PaymentRow, refunds: readonly RefundRow[], listed: readonly RefundFacts[]): Promise<void> {
    const { named, foreign } = settleListed(
      refunds.map((refund) => ({ ...viewOf(refund), providerId: refund.providerId ?? null, origin: refund.origin })),
      listed,
    );
    for (const { id, providerId, to } of named) {
      const refund = refunds.find((one) => one.id === id);
      if (!refund) continue;
      refund.providerId ??= providerId;
      if (to === 'pending') Object.assign(refund, { state: to, acceptedAt: refund.acceptedAt ?? this.clock.now() });
      else if (to) await this.#recordRefund(tx, row, refund, to);
    }
    for (const { providerId, amount, state } of foreign) {
      const refund = this.#foreignRefund(tx, row, BigInt(amount), providerId);
      if (state === 'done') await this.#recordRefund(tx, row, refund, 'completed');
      else refund.state = 'pending';
    }
    await tx.em.flush();
  }

  /** One that was made at the provider without us. */
  #foreignRefund(tx: Transaction, row: PaymentRow, amountMinor: bigint, providerId: string | null): RefundRow {
    return tx.em.create(RefundEntity, {
      id: newUuid(),
      tenantId: tx.tenantId,
      paymentId: row.id,
      currency: row.currency,
      amountMinor,
      state: 'requested',
      origin: 'provider',
      providerId,
      reason: '',
      requestedBy: '',
      atTerminal: false,
      credits: 0n,
      createdAt: this.clock.now(),
      sentAt: this.clock.now(),
      acceptedAt: this.clock.now(),
      requestKey: null,
      version: 1,
    });
  }

  async #recordRefund(tx: Transaction, row: PaymentRow, refund: RefundRow, state: 'completed' | 'failed'): Promise<void> {
    refund.state = state;
    await tx.em.flush();
    const context = await this.subjects.contextOf(tx, row);
    await this.eventLog.append(tx, {
      type: `refund.${state}`,
      subject: `refund/${idOf('ref', refund.id)}`,
      data: { ...context, refund: refundSubject(refund) },
    });
  }

  async #appendAll(
    tx: Transaction,
    row: PaymentRow,
    events: readonly PaymentEventType[],
    known: PaymentAmounts,
    facts: Facts,
    overpaid: bigint,
  ): Promise<void> {
    if (events.length === 0) return;
    const context = await this.subjects.contextOf(tx, row);
    const subject = `payment/${idOf('pay', row.id)}`;
    const wire = (minor: bigint) => toWire(money(minor, row.currency));
    const isLost = events.includes('payment.failed') || events.includes('payment.charged-back');
    const decline = isLost ? await this.mandates.declined(tx, row, facts) : undefined;
    const more: Partial<Record<PaymentEventType, object>> = {
      ...(decline && { 'payment.failed': { decline }, 'payment.charged-back': { decline } }),
      'payment.amount-mismatch': { expected: wire(askedOf(row).most), received: wire(facts.captured || facts.authorized) },
      'payment.overpaid': { unallocated: wire(overpaid) },
      'payment.authorization-expired': { left: wire(known.authorized - known.voided - known.captured) },
      'payment.reversed': { change: wire(facts.captured - known.captured + known.chargedBack - facts.chargedBack) },
    };
    await this.eventLog.append(tx, ...events.map((type): EventDraft => ({ type, subject, data: { ...context, ...more[type] } })));
  }

  async #count(tx: Transaction, row: PaymentRow): Promise<void> {
    const [payment] = await this.subjects.of(tx, [row]);
    const { state, currency, amountMinor } = row;
    const { provider = '', method = '' } = payment ?? {};
    tx.afterCommit(() => {
      this.metrics.payments.inc({ provider, method, state });
      this.metrics.paymentAmountMinor.inc({ currency, state }, Number(amountMinor));
    });
  }

  /** What was booked stays. It is told once; the provider is asked for 30 days whether it says something else. */
  async #contradicted(tx: Transaction, row: PaymentRow, facts: Facts, isNew: boolean): Promise<void> {
    const now = this.clock.now();
    Object.assign(row, { factsFetchedAt: facts.fetchedAt, contradictedAt: row.contradictedAt ?? now });
    await tx.em.flush();
    if (!isNew) return;
    await beginChecks(tx, row, now);
    await this.eventLog.append(tx, {
      type: 'payment.contradicted',
      subject: `payment/${idOf('pay', row.id)}`,
      data: { ...(await this.subjects.contextOf(tx, row)), providerState: facts.providerState },
    });
  }

  /** Money in a currency that we did not ask for cannot be booked: it is shown once, and a person decides. */
  async #wrongCurrency(tx: Transaction, row: PaymentRow, facts: Facts, isNew: boolean): Promise<void> {
    Object.assign(row, { providerState: facts.providerState, factsFetchedAt: facts.fetchedAt, mismatched: row.mismatched || isNew });
    await tx.em.flush();
    if (!isNew || !facts.currency) return;
    const context = await this.subjects.contextOf(tx, row);
    const amounts = { expected: toWire(money(row.amountMinor, row.currency)), received: toWire(money(facts.captured, facts.currency)) };
    await this.eventLog.append(tx, {
      type: 'payment.amount-mismatch',
      subject: `payment/${idOf('pay', row.id)}`,
      data: { ...context, ...amounts },
    });
  }
}

export function viewOf(refund: RefundRow): RefundView {
  return {
    id: refund.id,
    amount: refund.amountMinor,
    state: refund.state,
    sentAt: refund.sentAt ?? null,
    acceptedAt: refund.acceptedAt ?? null,
  };
}

export function amountsOf(row: PaymentRow): PaymentAmounts {
  return {
    authorized: row.authorizedMinor,
    voided: row.voidedMinor,
    captured: row.capturedMinor,
    refunded: row.refundedMinor,
    refundPending: row.refundPendingMinor,
    chargedBack: row.chargedBackMinor,
    fee: row.feeMinor ?? undefined,
  };
}

function knownOf(row: PaymentRow): KnownPayment {
  return {
    ...amountsOf(row),
    state: row.state,
    currency: row.currency,
    asked: askedOf(row),
    mismatched: row.mismatched,
    takenWhenAuthorized: row.capture === 'when-authorized',
    lapsed: row.lapsedAt !== null && row.lapsedAt !== undefined,
    fetchedAt: row.factsFetchedAt ?? undefined,
    doubtedAt: row.doubtedAt ?? undefined,
    contradicted: row.contradictedAt !== null && row.contradictedAt !== undefined,
  };
}

function askedOf({ amountMinor, captureAskedMinor, capturePendingMinor }: PaymentRow): KnownPayment['asked'] {
  if (captureAskedMinor === 0n) return { least: amountMinor, most: amountMinor };
  return { least: captureAskedMinor - capturePendingMinor, most: captureAskedMinor };
}
