import type { CheckResult, Context } from '@kassaflow/plugin-sdk';
import { send } from './client.ts';
import type { Settings } from './settings.ts';
import { isKnownIn } from './tokens.ts';

/** No payment has this reference; asking for it tells whether the keys may read this sales unit's payments. */
const NO_PAYMENT = 'kf-connection-check';

/**
 * Asks for a payment that does not exist. "No such payment" (5090) is the good answer: keys, subscription key and sales unit fit.
 * Keys that are refused are tried at the other environment's token service, so that the message can say when they are for that one.
 */
export async function check(context: Context<Settings>): Promise<CheckResult> {
  const { mode, settings } = context;
  const read = await send(context, { manner: 'read', method: 'GET', path: `/epayment/v1/payments/${NO_PAYMENT}` });
  const isThere = read.kind === 'ok' || (read.kind === 'failed' && (read.code === '5090' || read.code === 'http-404'));
  if (isThere) return { ok: true, account: `MSN ${settings.merchantSerialNumber}`, mode };
  if (read.kind !== 'failed' || read.reason !== 'auth') return { ok: false, message: read.message };

  // 403 comes with a good token: the keys are of this environment, and of another sales unit.
  const other = mode === 'test' ? 'live' : 'test';
  if (read.code !== 'http-403' && (await isKnownIn(context, other))) {
    return { ok: false, message: `These are ${other} keys, and the connection is for ${mode}.`, field: 'clientId' };
  }
  return { ok: false, message: read.message, field: read.field ?? 'merchantSerialNumber' };
}
