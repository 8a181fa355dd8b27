import { judgeReturnAddress, listedOrigins, type PortalMode } from '../portals/index.ts';
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
  const listed = await listedOrigins(tx);
  for (const { field, text } of named) {
    const verdict = judgeReturnAddress(text, { own, listed, mode });
    if (verdict === 'not-an-address') throw paymentErrors['return-url']({ field });
    if (verdict === 'not-listed') throw paymentErrors['return-origin']({ field, origin: new URL(text).origin });
  }
}
