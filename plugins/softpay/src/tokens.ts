import { createHash } from 'node:crypto';
import { failed, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { outcomeOfAnswer, outcomeOfBreak } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { AUTH_HOSTS, SCOPE, TOKEN_PATH, TOKEN_SECONDS } from './wire.ts';

export interface Token {
  readonly value: string;
  /** Epoch milliseconds. */
  readonly goodUntil: number;
}

/** A token is renewed so long before its end: clocks differ, and a call must not outlive it. */
const MARGIN_MS = 30_000;
const TIMEOUT_MS = 10_000;
/** Connections whose tokens are kept; the oldest goes first. */
const MOST_KEPT = 500;

const kept = new Map<string, { readonly asked: Promise<Outcome<Token>>; token?: Token }>();

/** The connection's token: the kept one, or a new one that calls made meanwhile wait for too. `stale` is one that was just refused. */
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

/** Asks for a token, in one mode or the other. Nothing can have happened when it fails. */
export async function askToken(context: Context<Settings>, mode: 'test' | 'live'): Promise<Outcome<Token>> {
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

/** With the credentials in it, hashed, a connection whose secret is changed gets another token. */
function keyOf({ connection, mode, settings }: Context<Settings>): string {
  return createHash('sha256').update(`${connection.id}\n${mode}\n${settings.clientId}\n${settings.clientSecret}`).digest('base64');
}
