import { ledgerErrors } from './ledger.errors.ts';

/** The side on which an account grows: assets and expenses on the debit side, liabilities and income on the credit side. */
export type Side = 'debit' | 'credit';

const NORMAL: Readonly<Record<string, Side>> = { asset: 'debit', expense: 'debit', liability: 'credit', income: 'credit' };
const CODE = /^(asset|expense|liability|income):[a-z0-9][a-z0-9:_.-]{0,120}$/;

/** Codes of the accounts that the domain posts to; made on demand, one per tenant and currency. */
export const accounts = {
  /** What customers owe on issued invoices. */
  receivable: 'asset:receivable',
  /** What a provider holds for us until it pays out. @param connectionId `uuid` of the connection */
  clearing: (connectionId: string) => `asset:clearing:${connectionId}`,
  /** VAT to pay over. @param rate per ten thousand: 2100 is 21 % */
  vat: (rate: number) => `liability:vat:${rate}`,
  /** Received money that pays no invoice: overpayments and payments without an invoice. */
  unallocated: 'liability:unallocated',
  sales: 'income:sales',
  /** Invoices that were given up. */
  badDebts: 'expense:bad-debts',
  /** What providers keep for their service. */
  fees: 'expense:fees',
  /** VAT on what we buy, to reclaim. */
  inputVat: 'asset:vat:input',
  /** Paid out by a provider and on its way to the bank account. @param connectionId `uuid` of the connection */
  bankClearing: (connectionId: string) => `asset:bank-clearing:${connectionId}`,
  /** Money at a provider of which we do not know whose it is: a person has to look. @param connectionId `uuid` of the connection */
  suspense: (connectionId: string) => `liability:suspense:${connectionId}`,
  /**
   * What exchanging money brought: what was paid lies here on the debit side in its currency, and what came for it on the credit side in that of
   * the payout. Valued at the rates of the books it is the gain, or below zero the loss.
   */
  exchange: 'income:exchange',
  /** Parts of coins that sums leave. */
  rounding: 'expense:rounding',
} as const;

/** The normal side of the account `code`. @throws ledger.invalid-line for a code of no known kind */
export function normalSideOf(code: string): Side {
  const normal = CODE.test(code) ? NORMAL[code.slice(0, code.indexOf(':'))] : undefined;
  if (!normal) throw ledgerErrors['invalid-line']({ account: code.slice(0, 60) });
  return normal;
}

export function oppositeOf(side: Side): Side {
  return side === 'debit' ? 'credit' : 'debit';
}
