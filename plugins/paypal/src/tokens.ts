import { createHash } from 'node:crypto';
import { failed, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { outcomeOfAnswer, outcomeOfBreak } from './outcomes.ts';
import type { Settings } from './settings.ts';

/** PayPal's API by mode (https://developer.paypal.com/api/rest/requests/). */
export const HOSTS: Readonly<Record<'test' | 'live', string>> = { test: 'api-m.sandbox.paypal.com', live: 'api-m.paypal.com' };

/** An access token and what it may do. */
export interface Token {
  readonly value: string;
  readonly scope: string;
  readonly appId: string;
  /** Epoch milliseconds. */
  readonly goodUntil: number;
}

/** A token is renewed so long before its end: clocks differ, and a call must not outlive it. */
const MARGIN_MS = 60_000;
const TIMEOUT_MS = 10_000;
/** Connections whose tokens are kept; the oldest goes first. */
const MOST_KEPT = 500;

/** The one state of this plugin: tokens live about nine hours, and PayPal blocks who asks for one per call. */
const kept = new Map<string, { readonly asked: Promise<Outcome<Token>>; token?: Token }>();

/**
 * The connection's token: the kept one, or a new one that calls made meanwhile wait for too.
 * `stale` is a token that PayPal has just refused.
 */
export async function tokenFor(context: Context<Settings>, stale?: string): Promise<Outcome<Token>> {
  const key = keyOf(context);
  const known = kept.get(key);
  if (known && (!known.token || (known.token.value !== stale && known.token.goodUntil > context.now().getTime()))) return known.asked;
  const entry: { asked: Promise<Outcome<Token>>; token?: Token } = { asked: askToken(context, context.mode) };
  if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value ?? '');
  kept.set(key, entry);
  const answer = await entry.asked;
  if (answer.kind === 'ok') entry.token = answer.value;
  else if (kept.get(key) === entry) kept.delete(key);
  return answer;
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

/** With the credentials in it, hashed, a connection whose secret is changed gets another token. */
function keyOf({ connection, mode, settings }: Context<Settings>): string {
  return createHash('sha256').update(`${connection.id}\n${mode}\n${settings.clientId}\n${settings.clientSecret}`).digest('base64');
}
