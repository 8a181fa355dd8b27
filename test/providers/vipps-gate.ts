import { createHash, randomBytes } from 'node:crypto';
import { jsonReply, type Received, type Reply } from '../../plugins/sandbox/src/provider/http-server.ts';
import type { VippsClock } from './vipps-clock.ts';
import { VippsProblem } from './vipps-problem.ts';

export interface VippsKeys {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly subscriptionKey: string;
  readonly merchantSerialNumber: string;
  /** Keys that may only read reports. */
  readonly reportClientId: string;
  readonly reportClientSecret: string;
}

export interface VippsLimits {
  /** Creations, captures, cancellations and refunds of one payment in a minute, each counted for itself. */
  writes: number;
  /** Questions about one payment in a minute. */
  reads: number;
}

const MINUTE_MS = 60_000;
const LIFE_S = { test: 3_600, live: 86_400 } as const;
const REPORT_LIFE_S = 900;
const SYSTEM_HEADERS = ['vipps-system-name', 'vipps-system-version', 'vipps-system-plugin-name', 'vipps-system-plugin-version'];

/** What stands before the APIs: tokens, keys, limits, and answers that were given before. */
export class VippsGate {
  readonly #clock: VippsClock;
  readonly #mode: 'test' | 'live';
  readonly #tokens = new Map<string, { readonly until: number; readonly kind: 'merchant' | 'reports' }>();
  readonly #calls = new Map<string, number[]>();
  readonly #answers = new Map<string, { readonly request: string; readonly reply: Reply }>();
  keys: VippsKeys;
  readonly limits: VippsLimits = { writes: 5, reads: 120 };
  /** APIs that the sales unit has not ordered, by the beginning of their path. */
  readonly withoutProducts: string[] = [];
  /** How often a token was given out. */
  tokensGiven = 0;

  constructor(clock: VippsClock, mode: 'test' | 'live', keys: VippsKeys) {
    this.#clock = clock;
    this.#mode = mode;
    this.keys = keys;
  }

  /** `POST /accesstoken/get` and `POST /miami/v1/token`: no body, the keys in headers, numbers as texts. */
  token(request: Received): Reply {
    const { headers } = request;
    const isReports = request.path === '/miami/v1/token';
    const [id, secret] = isReports
      ? [this.keys.reportClientId, this.keys.reportClientSecret]
      : [this.keys.clientId, this.keys.clientSecret];
    if (request.body.length > 0) return jsonReply(400, { error: 'invalid_request' });
    if (!isReports && headers['ocp-apim-subscription-key'] !== this.keys.subscriptionKey) return wrongSubscriptionKey();
    if (headers['client_id'] !== id || headers['client_secret'] !== secret)
      return jsonReply(headers['client_id'] === id ? 401 : 400, { error: 'invalid_client' });
    const token = `eyJ0${randomBytes(16).toString('hex')}`;
    const life = isReports ? REPORT_LIFE_S : LIFE_S[this.#mode];
    const now = this.#clock.now();
    this.#tokens.set(token, { until: now + life * 1_000, kind: isReports ? 'reports' : 'merchant' });
    this.tokensGiven += 1;
    return jsonReply(200, {
      token_type: 'Bearer',
      expires_in: String(life),
      ext_expires_in: String(life),
      expires_on: String(Math.floor(now / 1_000) + life),
      not_before: String(Math.floor(now / 1_000)),
      resource: '00000002-0000-0000-c000-000000000000',
      access_token: token,
    });
  }

  /** All tokens are refused from now on, as after a change of keys in the portal. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  /** A refusal by the gateway, which has another form than the APIs' own and is never kept for a key. */
  refuse({ headers, path }: Received): Reply | undefined {
    const [, token = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
    const known = this.#tokens.get(token);
    if (!known || known.until <= this.#clock.now()) return azure(401, 'Unauthorized');
    const isReport = path.startsWith('/report/') || path.startsWith('/settlement/');
    if (known.kind === 'reports' && !isReport) return azure(403, 'Forbidden');
    if (!isReport && headers['ocp-apim-subscription-key'] !== this.keys.subscriptionKey) return wrongSubscriptionKey();
    if (headers['merchant-serial-number'] !== this.keys.merchantSerialNumber) return azure(403, 'Forbidden');
    if (this.withoutProducts.some((product) => path.startsWith(product))) return azure(403, 'Forbidden');
    if (isReport && this.#mode === 'test') return azure(404, 'Resource not found');
    const bad = SYSTEM_HEADERS.find((name) => typeof headers[name] !== 'string' || headers[name].length === 0 || headers[name].length > 30);
    return bad === undefined ? undefined : azure(400, `The header ${bad} is missing or too long`);
  }

  /** One more call about a payment. */
  isTooMany(operation: string, subject: string): boolean {
    const now = this.#clock.now();
    const isRead = operation.startsWith('GET');
    const name = `${isRead ? 'GET' : operation} ${subject}`;
    const recent = (this.#calls.get(name) ?? []).filter((at) => at > now - MINUTE_MS);
    const isFull = recent.length >= (isRead ? this.limits.reads : this.limits.writes);
    this.#calls.set(name, isFull ? recent : [...recent, now]);
    return isFull;
  }

  /**
   * Answers under an idempotency key. A 2xx and a 4xx are kept for good: the same key has the same answer for ever, an error too.
   * Another request under the key is a conflict. What broke (5xx) is not kept.
   */
  once(request: Received, longest: number, work: (key: string) => Reply): { readonly reply: Reply; readonly executed: boolean } {
    const key = String(request.headers['idempotency-key'] ?? '');
    if (key === '' || key.length > longest || /[#?/\\]/.test(key))
      throw new VippsProblem(400, 'Bad Request', { field: 'Idempotency-Key', reason: `must have 1 to ${longest} characters` });
    const hash = createHash('sha256').update(`${request.method} ${request.path}\n`).update(request.body).digest('hex');
    const earlier = this.#answers.get(key);
    if (earlier && earlier.request !== hash) throw new VippsProblem(409, 'Idempotency conflict', { code: conflictOf(request.path) });
    if (earlier) return { reply: earlier.reply, executed: false };
    const reply = work(key);
    if (reply.status < 500) this.#answers.set(key, { request: hash, reply });
    return { reply, executed: reply.status < 400 };
  }
}

function conflictOf(path: string): number {
  if (path.endsWith('/capture')) return 4010;
  return path.endsWith('/refund') ? 4150 : 4020;
}

function wrongSubscriptionKey(): Reply {
  return jsonReply(401, {
    statusCode: 401,
    message: 'Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.',
  });
}

export function azure(status: number, message: string): Reply {
  return jsonReply(status, {
    responseInfo: { responseCode: status, responseMessage: message },
    result: { message: '(An error from Azure API Management)' },
  });
}
