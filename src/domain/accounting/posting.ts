/** Turns entries of our own books into one posting for an external book. */
import type { Money as WireMoney, Posting, PostingLine } from '@kassaflow/plugin-sdk';
import { money, toWire, type Money } from '../../kernel/money.ts';
import type { LedgerEntry } from '../ledger/index.ts';

/** What a posting is about. */
export type PostingSubject = 'invoice' | 'payment' | 'refund';

/**
 * Our entries that a subject is posted with. A refund is posted by itself, so a payment's posting stays the same whenever it is
 * made. Entries name the payment and not the refund: of several refunds of one amount it does not matter whose entry is taken,
 * because their lines are the same.
 */
export function entriesFor(subject: PostingSubject, entries: readonly LedgerEntry[], refunded: Money | undefined): readonly LedgerEntry[] {
  switch (subject) {
    case 'invoice':
      return entries.filter(({ kind }) => kind === 'invoice.issued');
    case 'payment':
      return entries.filter(({ kind }) => kind === 'payment.captured' || kind === 'payment.fee');
    case 'refund':
      return entries.filter((entry) => entry.kind === 'payment.refunded' && debitsOf(entry) === refunded?.minor).slice(-1);
  }
}

/** One line for each account, with what the entries together did to it; accounts that came out even are left out. */
export function postingLines(entries: readonly LedgerEntry[]): PostingLine[] {
  const net = new Map<string, Money>();
  for (const { account, side, amount } of entries.flatMap(({ lines }) => lines)) {
    const before = net.get(account)?.minor ?? 0n;
    net.set(account, money(before + (side === 'debit' ? amount.minor : -amount.minor), amount.currency));
  }
  return [...net].filter(([, amount]) => amount.minor !== 0n).map(([account, amount]) => lineOf(account, amount));
}

const JOURNALS: Readonly<Record<PostingSubject, Posting['journal']>> = { invoice: 'sales', payment: 'bank', refund: 'bank' };

/** The journal for a subject when the flow names none; the connection's settings map it to the package's own. */
export function journalOf(subject: PostingSubject): string {
  return JOURNALS[subject];
}

function lineOf(account: string, amount: Money): PostingLine {
  const wire: WireMoney = toWire(money(amount.minor < 0n ? -amount.minor : amount.minor, amount.currency));
  return amount.minor > 0n ? { account, debit: wire } : { account, credit: wire };
}

function debitsOf(entry: LedgerEntry): bigint {
  return entry.lines.filter(({ side }) => side === 'debit').reduce((total, { amount }) => total + amount.minor, 0n);
}
