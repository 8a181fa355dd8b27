import { failed, ok, TokenKeeper, type AccessToken, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { outcomeOfAnswer, outcomeOfBreak } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { AUTH_HOSTS, SCOPE, TOKEN_PATH, TOKEN_SECONDS } from './wire.ts';

/** A token is renewed so long before its end: clocks differ, and a call must not outlive it. */
const MARGIN_MS = 30_000;
const TIMEOUT_MS = 10_000;

const keeper = new TokenKeeper<AccessToken>();

/** The connection's token. `stale` is one that Softpay has just refused. */
export function tokenFor(context: Context<Settings>, stale?: string): Promise<Outcome<AccessToken>> {
  const { clientId, clientSecret } = context.settings;
  return keeper.tokenFor(context, [clientId, clientSecret], () => askToken(context, context.mode), stale);
}

/** Asks for a token, in one mode or the other. Nothing can have happened when it fails. */
export async function askToken(context: Context<Settings>, mode: 'test' | 'live'): Promise<Outcome<AccessToken>> {
  const { clientId, clientSecret } = context.settings;
  try {
    const response = await context.fetch(`https://${AUTH_HOSTS[mode]}${TOKEN_PATH}`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE }).toString(),
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const body: unknown = await response.json().catch(() => undefined);
    // OAuth's word for wrong credentials is 401, and with some servers 400.
    if (response.status === 400)
      return failed('auth', 'Softpay does not accept the client ID and secret of this connection.', { field: 'clientSecret' });
    if (response.status !== 200) return outcomeOfAnswer(response.status, body, 'read', response.headers.get('retry-after'));
    const { access_token: value, expires_in: seconds } = (body ?? {}) as Record<string, unknown>; // checked on the next line
    if (typeof value !== 'string') return failed('temporary', 'Softpay’s token could not be read.');
    const lifetime = typeof seconds === 'number' ? seconds : TOKEN_SECONDS;
    return ok({ value, goodUntil: context.now().getTime() + lifetime * 1000 - MARGIN_MS });
  } catch (error) {
    return outcomeOfBreak(error, 'read');
  }
}
