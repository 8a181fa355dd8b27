/**
 * The address at which an invoice is paid, `/i/{token}`: its id and 128 random bits that are stored with it. It is made with the invoice,
 * stays the same for as long as that is kept, and takes no money once nothing is to be paid. Whoever has it sees the invoice.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { isKassaflowError } from '../../kernel/errors.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import type { InvoiceRow } from './invoice.entity.ts';

const SECRET_BYTES = 16;
const TOKEN = /^([0-7][0-9a-hjkmnp-tv-z]{25})([\w-]{22,64})$/;

export function newLinkSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** @param origin under which people reach us */
export function payUrlOf({ id, linkSecret }: Pick<InvoiceRow, 'id' | 'linkSecret'>, origin: string): string {
  return `${origin}/i/${idOf('inv', id).slice('inv_'.length)}${linkSecret}`;
}

/** What a token claims; `undefined` when it is none. */
export function readPayToken(token: string): { readonly invoiceId: string; readonly secret: string } | undefined {
  const [, id, secret] = TOKEN.exec(token) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  try {
    return { invoiceId: uuidOf('inv', `inv_${id}`), secret };
  } catch (error) {
    if (isKassaflowError(error)) return undefined;
    throw error;
  }
}

export function opensInvoice({ linkSecret }: Pick<InvoiceRow, 'linkSecret'>, secret: string): boolean {
  const [known, claimed] = [Buffer.from(linkSecret), Buffer.from(secret)];
  return known.length === claimed.length && timingSafeEqual(known, claimed);
}
