import { createHash } from 'node:crypto';
import { failed, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { AmountError, UnreadableAmount } from './amounts.ts';
import { fetchWanted } from './certificates.ts';
import { doubt, outcomeOfAnswer, outcomeOfBreak, type Manner } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { HOSTS, tokenFor } from './tokens.ts';

/** One request to PayPal's API. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  /** Sent as `PayPal-Request-Id`: the same key makes PayPal repeat its first answer. */
  readonly key?: string;
  /** What the sandbox can be told to refuse by `mockResponse`. */
  readonly operation?: 'create' | 'authorize' | 'capture' | 'charge' | 'refund' | 'void';
}

/** Shorter than the host's 15 s, so that our own words win over an abort. */
const TIMEOUT_MS = 13_000;
/** PayPal's limit for `PayPal-Request-Id`. */
const LONGEST_KEY = 108;

/** Sends one request and turns whatever comes of it into an outcome. `T` is what PayPal's documents promise; all its fields are optional. */
export async function callPaypal<T>(context: Context<Settings>, manner: Manner, call: ApiCall): Promise<Outcome<T>> {
  const token = await tokenFor(context);
  if (token.kind !== 'ok') return token;
  await fetchWanted(context);
  const first = await send<T>(context, manner, call, token.value.value);
  if (first.kind !== 'failed' || first.code !== TOKEN_REFUSED) return first;
  // A token can end before its time. Refused means that nothing was done, so once more is safe.
  const fresh = await tokenFor(context, token.value.value);
  if (fresh.kind !== 'ok') return fresh;
  const second = await send<T>(context, manner, call, fresh.value.value);
  return second.kind === 'failed' && second.code === TOKEN_REFUSED ? failed('auth', second.message, { field: 'clientSecret' }) : second;
}

/** Runs `work`; an amount that PayPal does not take, or that cannot be read, becomes an outcome. */
export async function withAmounts<T>(manner: Manner, work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AmountError) return failed('input', error.message, { field: 'amount' });
    if (error instanceof UnreadableAmount) return doubt(manner, error.message);
    throw error;
  }
}

const TOKEN_REFUSED = 'TOKEN_REFUSED';

async function send<T>(context: Context<Settings>, manner: Manner, call: ApiCall, token: string): Promise<Outcome<T>> {
  let response: Response;
  let text: string;
  try {
    response = await context.fetch(`https://${HOSTS[context.mode]}${call.path}`, {
      method: call.method,
      headers: headersOf(context, call, token),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    text = await response.text();
  } catch (error) {
    return outcomeOfBreak(error, manner);
  }
  const body = parsed(text);
  if (response.status === 401) return failed('auth', 'PayPal refuses its own token.', { code: TOKEN_REFUSED });
  if (!response.ok) return outcomeOfAnswer(response.status, body, manner, response.headers.get('retry-after'));
  if (response.status !== 204 && body === undefined) return doubt(manner, 'PayPal’s answer could not be read.');
  return ok(body as T, response.headers.get('paypal-debug-id') ?? ''); // all fields of T are optional, and each reader checks its own
}

function headersOf(context: Context<Settings>, { body, key, operation }: ApiCall, token: string): Record<string, string> {
  const [mocked, answer] = (context.settings.mockResponse ?? '').split(':');
  const isMocked = context.mode === 'test' && operation !== undefined && mocked === operation;
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    // The default answer is only id, status and links.
    prefer: 'return=representation',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(key === undefined || key === '' ? {} : { 'paypal-request-id': shortKey(key) }),
    ...(isMocked ? { 'paypal-mock-response': JSON.stringify({ mock_application_codes: answer }) } : {}),
  };
}

/** A key that is too long is sent as its hash: still the same for every attempt. */
function shortKey(key: string): string {
  return key.length <= LONGEST_KEY ? key : `sha256-${createHash('sha256').update(key).digest('hex')}`;
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
