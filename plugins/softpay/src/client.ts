import { failed, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { doubt, outcomeOfAnswer, outcomeOfBreak, type Manner } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { tokenFor } from './tokens.ts';
import { API_HOSTS, API_PATHS, MERCHANT_HEADER } from './wire.ts';

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the API's own path: `/transactions`. */
  readonly path: string;
  readonly body?: object;
}

/** Shorter than the host's 15 s, so that our own words win over an abort. */
const TIMEOUT_MS = 13_000;
const TOKEN_REFUSED = 'TOKEN_REFUSED';

/** Sends one request and turns whatever comes of it into an outcome. All fields of `T` are optional, and each reader checks its own. */
export async function callSoftpay<T>(context: Context<Settings>, manner: Manner, call: ApiCall): Promise<Outcome<T>> {
  const token = await tokenFor(context);
  if (token.kind !== 'ok') return token;
  const first = await send<T>(context, manner, call, token.value.value);
  if (first.kind !== 'failed' || first.code !== TOKEN_REFUSED) return first;
  // A token can end before its time. Refused means that nothing was done, so once more is safe.
  const fresh = await tokenFor(context, token.value.value);
  if (fresh.kind !== 'ok') return fresh;
  const second = await send<T>(context, manner, call, fresh.value.value);
  return second.kind === 'failed' && second.code === TOKEN_REFUSED ? failed('auth', second.message, { field: 'clientSecret' }) : second;
}

async function send<T>(context: Context<Settings>, manner: Manner, call: ApiCall, token: string): Promise<Outcome<T>> {
  const { settings, mode } = context;
  let response: Response;
  let text: string;
  try {
    response = await context.fetch(`https://${API_HOSTS[mode]}${API_PATHS[settings.apiVersion ?? 'v3']}${call.path}`, {
      method: call.method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        [MERCHANT_HEADER]: settings.merchant,
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    text = await response.text();
  } catch (error) {
    return outcomeOfBreak(error, manner);
  }
  const body = parsed(text);
  if (response.status === 401) return failed('auth', 'Softpay refuses its own token.', { code: TOKEN_REFUSED });
  if (!response.ok) return outcomeOfAnswer(response.status, body, manner, response.headers.get('retry-after'));
  if (body === undefined && text !== '') return doubt(manner, 'Softpay’s answer could not be read.');
  return ok(body as T);
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
