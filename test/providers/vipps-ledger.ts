import type { VippsClock } from './vipps-clock.ts';
import { VippsProblem, type Json } from './vipps-problem.ts';

interface Entry {
  readonly pspReference: string;
  readonly time: string;
  readonly ledgerDate: string;
  readonly entryType: string;
  readonly reference: string;
  readonly currency: string;
  readonly amount: number;
  readonly balanceBefore: number;
  readonly balanceAfter: number;
  readonly recipientHandle: string | null;
}

/** The Report API's funds ledger: https://developer.vippsmobilepay.com/docs/APIs/report-api/. */
export class VippsLedger {
  readonly #clock: VippsClock;
  readonly #handle: string;
  readonly #entries: Entry[] = [];
  readonly id = '302321';
  #payouts = 2_000_000;
  /** Entries of one answer. */
  pageSize = 1_000;

  constructor(clock: VippsClock, msn: string) {
    this.#clock = clock;
    this.#handle = `api:${msn}`;
  }

  get balance(): number {
    return this.#entries.at(-1)?.balanceAfter ?? 0;
  }

  all(): readonly Entry[] {
    return this.#entries;
  }

  book(
    entryType: string,
    {
      reference = '',
      pspReference,
      currency,
      amount,
    }: { readonly reference?: string; readonly pspReference: string; readonly currency: string; readonly amount: number },
  ): void {
    const balanceBefore = this.balance;
    this.#entries.push({
      pspReference,
      time: this.#clock.date().toISOString(),
      ledgerDate: this.#today(),
      entryType,
      reference,
      currency,
      amount,
      balanceBefore,
      balanceAfter: balanceBefore + amount,
      recipientHandle: reference === '' ? null : this.#handle,
    });
  }

  /** The bank of a customer takes the money of a capture back, or loses and gives it back. */
  dispute(reference: string, entryType: 'retained-disputed-capture' | 'returned-disputed-capture'): void {
    const capture = this.#entries.find((entry) => entry.reference === reference && entry.entryType === 'capture');
    if (!capture) throw new VippsProblem(404, 'There is no capture of this payment');
    const amount = entryType === 'retained-disputed-capture' ? -capture.amount : capture.amount;
    this.book(entryType, { reference, pspReference: capture.pspReference, currency: capture.currency, amount });
  }

  /** Ends the day: fees are kept and the rest is paid out. */
  payOut(fees: number): void {
    const currency = this.#entries.at(-1)?.currency ?? 'DKK';
    this.#payouts += 1;
    if (fees > 0) this.book('fees-retained', { pspReference: `01H7W7Q6Y5R-${this.#payouts}`, currency, amount: -fees });
    if (this.balance <= 0) return;
    this.book('payout-scheduled', {
      reference: `Vipps utbet. ${this.#payouts}`,
      pspReference: `${this.id}-${this.#payouts}`,
      currency,
      amount: -this.balance,
    });
  }

  ledgers(query: URLSearchParams): Json {
    const wanted = query.get('settlesForRecipientHandles');
    const ledger = {
      ledgerId: this.id,
      currency: this.#entries.at(-1)?.currency ?? 'DKK',
      payoutBankAccount: { scheme: 'BBAN:DK', id: '86011117947' },
      owner: { scheme: 'business:DK:CVR', id: '98765432' },
      settlesForRecipientHandles: [this.#handle],
    };
    const other = { ...ledger, ledgerId: '302322', settlesForRecipientHandles: ['api:999999'] };
    // The second one is of another sales unit, and only shown to who does not filter.
    return { items: wanted === null ? [ledger, other] : wanted === this.#handle ? [ledger] : [], cursor: '' };
  }

  report(id: string, topic: string, date: string, query: URLSearchParams): Json {
    if (id !== this.id) throw new VippsProblem(404, 'No such ledgerId');
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date) || (topic !== 'funds' && topic !== 'fees')) throw new VippsProblem(400, 'Bad Request');
    if (date > this.#today()) throw new VippsProblem(404, 'The report for this date is not available yet');
    const entries = topic === 'funds' ? this.#entries.filter((entry) => entry.ledgerDate === date) : [];
    const cursor = query.get('cursor');
    const from = cursor === null ? 0 : Number(Buffer.from(cursor, 'base64').toString('utf8'));
    if (!Number.isInteger(from)) throw new VippsProblem(400, 'Bad Request');
    const to = from + this.pageSize;
    const hasMore = to < entries.length;
    return {
      items: entries.slice(from, to),
      hasMore,
      ...(hasMore ? { cursor: Buffer.from(String(to)).toString('base64') } : {}),
      tryLater: date >= this.#today(),
    };
  }

  /** A ledger's day is the merchant's own, from midnight to midnight. */
  #today(): string {
    return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Copenhagen', dateStyle: 'short' }).format(this.#clock.date());
  }
}
