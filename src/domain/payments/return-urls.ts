import { listedOrigins, mayLeadTo, readReturnAddress, type PortalMode } from '../portals/index.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { paymentErrors } from './payment.errors.ts';

/** What leads a payer back, by the name of its field. */
export interface ReturnUrls {
  readonly returnUrl: string;
  readonly cancelUrl?: string | undefined;
}

/**
 * Payers are sent to the tenant's own portals only: see `domain/portals`. Addresses of ours, which begin with `own`, are always taken.
 * @throws payment.return-url, payment.return-origin
 */
export async function checkReturnUrls(tx: Transaction, urls: ReturnUrls, { mode, own }: { mode: PortalMode; own: string }): Promise<void> {
  const { returnUrl, cancelUrl } = urls;
  const named = Object.entries({ returnUrl, cancelUrl }).flatMap(([field, text]) => (text === undefined ? [] : [{ field, text }]));
  const foreign = named.filter(({ text }) => text !== own && !text.startsWith(`${own}/`));
  const addresses = foreign.map(({ field, text }) => {
    const url = readReturnAddress(text, mode);
    if (!url) throw paymentErrors['return-url']({ field });
    return { field, url };
  });
  if (addresses.length === 0) return;
  const listed = await listedOrigins(tx);
  const stranger = addresses.find(({ url }) => !mayLeadTo(url, listed, mode));
  if (stranger) throw paymentErrors['return-origin']({ field: stranger.field, origin: stranger.url.origin });
}
