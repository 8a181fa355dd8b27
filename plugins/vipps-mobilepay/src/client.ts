import { createHash } from 'node:crypto';
import { failed, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { doubt, outcomeOfBreak, outcomeOfProblem, type Manner } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { SYSTEM_HEADERS } from './system-headers.ts';
import { forgetToken, HOSTS, tokenOf, type TokenKind } from './tokens.ts';

/** Shorter than the host's 15 s, so that our own words win over an abort. */
const TIMEOUT_MS = 14_000;

/** Statuses that say nothing by themselves. */
const REASON_IN_BODY: ReadonlySet<number> = new Set([400, 409, 422]);

/** The longest idempotency key, by API: ePayment takes 50 characters, Recurring 40 (their OpenAPI files). */
export const KEY_LENGTH = { epayment: 50, recurring: 40 } as const;

export interface VippsRequest {
  readonly manner: Manner;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With everything in it encoded. */
  readonly path: string;
  readonly body?: object;
  /** The longest key that the API takes; without it none is sent. */
  readonly keyLength?: number;
  readonly token?: TokenKind;
}

/** An answer of 200–299. `body` is `undefined` where it was empty. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Sends one request to the environment of the connection's mode: a test connection has no way to real money. A token that was
 * refused is renewed once; the 401 before it proves that nothing was carried out.
 */
export async function send(context: Context<Settings>, request: VippsRequest): Promise<Outcome<Answer>> {
  const kind = request.token ?? 'merchant';
  for (let isRenewed = false; ; isRenewed = true) {
    const token = await Promise.race([tokenOf(context, kind), stopped(context.signal)]);
    if (token.kind !== 'ok') return token;
    const outcome = await exchange(context, request, token.value);
    if (isRenewed || outcome.kind !== 'failed' || outcome.code !== 'http-401') return outcome;
    await forgetToken(context, kind, token.value);
  }
}

/** Others may go on waiting for the same token; this call need not. */
function stopped(signal: AbortSignal): Promise<Outcome<never>> {
  return new Promise((resolve) => {
    const stop = (): void => resolve(failed('temporary', 'The call was stopped before anything was sent.'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

async function exchange(context: Context<Settings>, request: VippsRequest, token: string): Promise<Outcome<Answer>> {
  const { manner, method, path, body } = request;
  let response: Response;
  let text: string;
  try {
    response = await context.fetch(`https://${HOSTS[context.mode]}${path}`, {
      method,
      headers: headersOf(context, request, token),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    text = await response.text();
  } catch (error) {
    return outcomeOfBreak(error, manner);
  }
  const parsed = parse(text);
  // A refusal whose reason cannot be read may be one that passes; asked again under the same key, it comes again in full.
  if (!parsed && REASON_IN_BODY.has(response.status))
    return doubt(manner, `Vipps MobilePay answered ${response.status}, and why could not be read.`);
  if (!response.ok)
    return outcomeOfProblem({ status: response.status, retryAfter: response.headers.get('retry-after'), body: parsed?.value }, manner);
  if (!parsed) return doubt(manner, 'Vipps MobilePay’s answer could not be read.');
  return ok({ status: response.status, body: parsed.value });
}

function headersOf(context: Context<Settings>, { body, keyLength }: VippsRequest, token: string): Record<string, string> {
  const { subscriptionKey, merchantSerialNumber } = context.settings;
  const key = keyLength === undefined ? '' : keyOf(context.idempotencyKey, keyLength);
  return {
    ...SYSTEM_HEADERS,
    Authorization: `Bearer ${token}`,
    'Ocp-Apim-Subscription-Key': subscriptionKey,
    'Merchant-Serial-Number': merchantSerialNumber,
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(key === '' ? {} : { 'Idempotency-Key': key }),
  };
}

/** Our key, or what always comes out of it where it is longer than theirs may be or has a sign that they refuse. */
export function keyOf(key: string, longest: number): string {
  if (key.length <= longest && /^[\w:.-]*$/.test(key)) return key;
  return createHash('sha256').update(key).digest('hex').slice(0, longest);
}

function parse(text: string): { readonly value: unknown } | undefined {
  if (text === '') return { value: undefined };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
