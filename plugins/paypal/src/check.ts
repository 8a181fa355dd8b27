import type { CheckResult, Context, Outcome } from '@kassaflow/plugin-sdk';
import { DISPUTES_SCOPE, REPORTS_SCOPE } from './assumptions.ts';
import type { Settings } from './settings.ts';
import { callPaypal } from './client.ts';
import { askToken, tokenFor } from './tokens.ts';

/** Tries the credentials against PayPal; sandbox and live are two places, so where they are accepted tells what they are. */
export async function check(context: Context<Settings>): Promise<CheckResult> {
  const { mode } = context;
  const token = await tokenFor(context);
  if (token.kind === 'ok') {
    const { scope, appId } = token.value;
    // Without disputes a chargeback would never be seen.
    if (!scope.split(' ').includes(DISPUTES_SCOPE))
      return {
        ok: false,
        message: 'Give the app the feature "Customer disputes" in PayPal’s developer dashboard, and try again.',
        field: 'clientId',
      };
    if (!scope.split(' ').includes(REPORTS_SCOPE))
      context.log.warn('The app lacks the feature "Transaction search": settlements cannot be read, and a lost answer cannot be looked up');
    // The token may be a kept one: whether it is still worth something only a call tells.
    const asked = await callPaypal(context, 'read', { method: 'GET', path: '/v1/notifications/webhooks' });
    if (asked.kind !== 'ok') return refusal(asked);
    return { ok: true, account: appId === '' ? 'PayPal' : `PayPal app ${appId}`, mode };
  }
  if (token.kind !== 'failed' || token.reason !== 'auth') return refusal(token);
  const other = mode === 'test' ? 'live' : 'test';
  const elsewhere = await askToken(context, other);
  return elsewhere.kind === 'ok'
    ? {
        ok: false,
        message: `This is a ${mode} connection, and these credentials are for ${other === 'test' ? 'the sandbox' : 'live'}.`,
        field: 'clientId',
      }
    : { ok: false, message: token.message, field: 'clientSecret' };
}

function refusal(outcome: Exclude<Outcome<unknown>, { kind: 'ok' }>): CheckResult {
  const isAuth = outcome.kind === 'failed' && outcome.reason === 'auth';
  return { ok: false, message: outcome.message, ...(isAuth ? { field: 'clientSecret' } : {}) };
}
