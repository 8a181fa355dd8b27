import type { Log, SettlementLine } from '@kassaflow/plugin-sdk';
import { decimalOf } from './amounts.ts';
import { fromVippsReference } from './references.ts';
import { momentAt, textAt, wholeAt } from './wire-values.ts';

/**
 * Entry types of the funds ledger (https://developer.vippsmobilepay.com/docs/APIs/report-api/api-guide/entry-types/). New ones appear
 * without notice; what always holds is that `amount` is signed and says what happened to the balance.
 */
const KINDS: Readonly<Record<string, SettlementLine['kind']>> = {
  capture: 'payment',
  refund: 'refund',
  'capture-fee': 'fee',
  'fees-retained': 'fee',
  'fees-invoiced': 'fee',
  'service-fee': 'fee',
  'credit-note': 'adjustment',
  'payout-scheduled': 'payout',
  // The word of the API's first edition.
  'scheduled-for-payout': 'payout',
  // Money that was to go to the bank and stays, or comes from there: a payout the other way round.
  'payout-aborted': 'payout',
  'retained-disputed-capture': 'chargeback',
  'returned-disputed-capture': 'chargeback-reversal',
  correction: 'adjustment',
  'top-up': 'payout',
};

export interface LedgerEntry {
  readonly line: SettlementLine;
  readonly amount: number;
  readonly balanceBefore: number;
  readonly balanceAfter: number;
}

/** One entry as a line. `undefined` for an entry without an amount, a balance, a currency or a time. */
export function entryOf(raw: unknown, ledger: string, log: Log): LedgerEntry | undefined {
  const [amount, balanceBefore, balanceAfter] = ['amount', 'balanceBefore', 'balanceAfter'].map((name) => wholeAt(raw, name));
  const currency = textAt(raw, 'currency');
  const bookedAt = momentAt(raw, 'time');
  const type = textAt(raw, 'entryType');
  if (amount === undefined || balanceBefore === undefined || balanceAfter === undefined) return undefined;
  if (currency === undefined || bookedAt === undefined || type === undefined) return undefined;

  const kind = Object.hasOwn(KINDS, type) ? (KINDS[type] ?? 'unknown') : 'unknown';
  if (kind === 'unknown') log.warn('a ledger has an entry of a type that this plugin does not know', { entryType: type.slice(0, 100) });
  const psp = textAt(raw, 'pspReference');
  const ledgerDate = textAt(raw, 'ledgerDate');
  const isFee = kind === 'fee';
  const line: SettlementLine = {
    // `pspReference` is not unique: a dispute has the one of its capture. The balance after it is, for the same day and type.
    providerId: [ledger, ledgerDate ?? '', type, psp ?? '', balanceAfter].join('/').slice(0, 255),
    kind,
    providerType: type.slice(0, 200),
    ...(kind === 'payout' && amount < 0 && psp !== undefined ? { payout: psp } : {}),
    ...referencesOf(kind, textAt(raw, 'reference'), psp),
    currency,
    gross: isFee ? decimalOf(0) : decimalOf(amount),
    fee: isFee ? decimalOf(-amount) : decimalOf(0),
    net: decimalOf(amount),
    bookedAt,
    ...(ledgerDate === undefined ? {} : { bookedOn: ledgerDate }),
  };
  return { line, amount, balanceBefore, balanceAfter };
}

function referencesOf(
  kind: SettlementLine['kind'],
  theirs: string | undefined,
  psp: string | undefined,
): Pick<SettlementLine, 'payment' | 'reference' | 'refund'> {
  // A payout's reference is the text on the bank statement.
  if (theirs === undefined || kind === 'payout') return {};
  const ours = fromVippsReference(theirs);
  return {
    payment: theirs,
    ...(ours === undefined ? {} : { reference: ours }),
    ...(kind === 'refund' && psp !== undefined ? { refund: psp } : {}),
  };
}
