import { failed, ok, TokenKeeper, type AccessToken, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { outcomeOfAnswer, outcomeOfBreak } from './outcomes.ts';
import type { Settings } from './settings.ts';

/** PayPal's API by mode (https://developer.paypal.com/api/rest/requests/). */
export const HOSTS: Readonly<Record<'test' | 'live', string>> = { test: 'api-m.sandbox.paypal.com', live: 'api-m.paypal.com' };

/** An access token and what it may do. */
export interface Token extends AccessToken {
  readonly scope: string;
  readonly appId: string;
}

/** A token is renewed so long before its end: clocks differ, and a call must not outlive it. */
const MARGIN_MS = 60_000;
const TIMEOUT_MS = 10_000;

/** The one state of this plugin: tokens live about nine hours, and PayPal blocks who asks for one per call. */
const keeper = new TokenKeeper<Token>();

/** The connection's token. `stale` is one that PayPal has just refused. */
export function tokenFor(context: Context<Settings>, stale?: string): Promise<Outcome<Token>> {
  const { clientId, clientSecret } = context.settings;
  return keeper.tokenFor(context, [clientId, clientSecret], () => askToken(context, context.mode), stale);
}

/** Asks PayPal for a token, in one mode or the other. Nothing can have happened when it fails. */
export async function askToken(context: Context<Settings>, mode: 'test' | 'live'): Promise<Outcome<Token>> {
  const { clientId, clientSecret } = context.settings;
  try {
    const response = await context.fetch(`https://${HOSTS[mode]}/v1/oauth2/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: 'grant_type=client_credentials',
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (response.status !== 200) return outcomeOfAnswer(response.status, body, 'read', response.headers.get('retry-after'));
    return readToken(body, context.now().getTime());
  } catch (error) {
    return outcomeOfBreak(error, 'read');
  }
}

function readToken(body: unknown, now: number): Outcome<Token> {
  const { access_token: value, expires_in: seconds, scope, app_id: appId } = (body ?? {}) as Record<string, unknown>; // checked below
  if (typeof value !== 'string' || typeof seconds !== 'number') return failed('temporary', 'PayPal’s token could not be read.');
  return ok({
    value,
    scope: typeof scope === 'string' ? scope : '',
    appId: typeof appId === 'string' ? appId : '',
    goodUntil: now + seconds * 1000 - MARGIN_MS,
  });
}
