import { createHash } from 'node:crypto';
import { failed, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { outcomeOfBreak, outcomeOfProblem } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { SYSTEM_HEADERS } from './system-headers.ts';
import { REPORT_TOKEN_LIFE_S } from './unverified.ts';
import { textAt, valueAt } from './wire-values.ts';

/** `merchant`: the sales unit's own keys. `reports`: accounting keys, where the connection has them, for the Report API. */
export type TokenKind = 'merchant' | 'reports';

/** Each environment has its own keys, sales units and hosts (https://developer.vippsmobilepay.com/docs/knowledge-base/servers/). */
export const HOSTS = { test: 'apitest.vipps.no', live: 'api.vipps.no' } as const;

const TIMEOUT_MS = 10_000;
/** A token is renewed when nine tenths of its life are over: 54 minutes in test, 21.6 hours live. */
const PART_OF_LIFE = 0.9;

/** More connections than one process has; past it the oldest token is asked for again, so that connections that are gone take no room. */
const MOST_HELD = 2_000;

interface Held {
  readonly fingerprint: string;
  /** Epoch milliseconds; endless while the answer is awaited, so that calls meanwhile wait for the same one. */
  renewAt: number;
  readonly token: Promise<Outcome<string>>;
}

/** The only thing this plugin remembers: tokens, per connection. Several may be valid at once, so processes need not agree on one. */
const held = new Map<string, Held>();

/** The token for a call; fetched once under parallel calls, and anew when the connection's keys change. */
export function tokenOf(context: Context<Settings>, kind: TokenKind): Promise<Outcome<string>> {
  const name = `${context.connection.id}/${kind}`;
  const fingerprint = fingerprintOf(context);
  const known = held.get(name);
  if (known?.fingerprint === fingerprint && context.now().getTime() < known.renewAt) return known.token;

  const begun: Held = {
    fingerprint,
    renewAt: Number.POSITIVE_INFINITY,
    token: askForToken(context, kind, context.mode).then((answer) => {
      if (answer.kind === 'ok') begun.renewAt = answer.value.renewAt;
      else if (held.get(name) === begun) held.delete(name);
      return answer.kind === 'ok' ? ok(answer.value.token) : answer;
    }),
  };
  held.delete(name);
  held.set(name, begun);
  for (const oldest of held.keys()) {
    if (held.size <= MOST_HELD) break;
    held.delete(oldest);
  }
  return begun.token;
}

/** Forgets a token that was refused, unless another call has a new one already. */
export async function forgetToken(context: Context<Settings>, kind: TokenKind, token: string): Promise<void> {
  const name = `${context.connection.id}/${kind}`;
  const known = held.get(name);
  const value = await known?.token;
  if (known && held.get(name) === known && value?.kind === 'ok' && value.value === token) held.delete(name);
}

/** Tells whether an environment knows the connection's keys. Used to say that live keys were put into a test connection. */
export async function isKnownIn(context: Context<Settings>, mode: 'test' | 'live'): Promise<boolean> {
  return (await askForToken(context, 'merchant', mode)).kind === 'ok';
}

async function askForToken(
  context: Context<Settings>,
  kind: TokenKind,
  mode: 'test' | 'live',
): Promise<Outcome<{ readonly token: string; readonly renewAt: number }>> {
  const askedAt = context.now().getTime();
  const { path, headers } = requestOf(context.settings, kind);
  let response: Response;
  let text: string;
  try {
    // Not the call's own signal: others may wait for the same token.
    response = await context.fetch(`https://${HOSTS[mode]}${path}`, { method: 'POST', headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    text = await response.text();
  } catch (error) {
    return outcomeOfBreak(error, 'read');
  }
  const body = parse(text);
  if (!response.ok) {
    // The token service answers wrong keys with 400 too (`invalid_client`): OAuth 2.0, RFC 6749 §5.2.
    const isRefusal = [400, 401, 403].includes(response.status);
    const problem = outcomeOfProblem(
      { status: isRefusal ? 401 : response.status, retryAfter: response.headers.get('retry-after'), body },
      'read',
    );
    if (problem.kind !== 'failed' || problem.reason !== 'auth') return problem;
    return failed('auth', 'Vipps MobilePay does not know these keys.', {
      code: `http-${response.status}`,
      field: kind === 'reports' ? 'reportClientSecret' : (problem.field ?? 'clientSecret'),
    });
  }
  const token = textAt(body, 'access_token');
  if (token === undefined) return failed('temporary', 'Vipps MobilePay’s answer to the keys could not be read.');
  // Numbers are texts in this answer: "expires_in": "3600".
  const life = Number(valueAt(body, 'expires_in') ?? (kind === 'reports' ? REPORT_TOKEN_LIFE_S : 0));
  return ok({ token, renewAt: askedAt + (Number.isFinite(life) && life > 0 ? life * 1_000 * PART_OF_LIFE : 0) });
}

function requestOf(settings: Readonly<Settings>, kind: TokenKind): { readonly path: string; readonly headers: Record<string, string> } {
  const { clientId, clientSecret, subscriptionKey, merchantSerialNumber, reportClientId, reportClientSecret } = settings;
  const sender = { ...SYSTEM_HEADERS, 'Merchant-Serial-Number': merchantSerialNumber };
  if (kind === 'reports' && reportClientId && reportClientSecret)
    return { path: '/miami/v1/token', headers: { ...sender, client_id: reportClientId, client_secret: reportClientSecret } };
  return {
    path: '/accesstoken/get',
    headers: { ...sender, client_id: clientId, client_secret: clientSecret, 'Ocp-Apim-Subscription-Key': subscriptionKey },
  };
}

/** Changes with the keys and the mode; not reversible, so that no secret lies about as a map's key. */
function fingerprintOf({ settings, mode }: Context<Settings>): string {
  const { clientId, clientSecret, subscriptionKey, merchantSerialNumber, reportClientId, reportClientSecret } = settings;
  const parts = [mode, clientId, clientSecret, subscriptionKey, merchantSerialNumber, reportClientId, reportClientSecret];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
