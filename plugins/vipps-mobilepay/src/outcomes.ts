import { declined, failed, unknown, type Outcome } from '@kassaflow/plugin-sdk';
import { CODES, FIELDS } from './codes.ts';
import { BUSY_MS, REST_MS } from './unverified.ts';
import { listAt, textAt, valueAt } from './wire-values.ts';

/** What a call does to the world: after a `read` that broke, nothing can have happened. */
export type Manner = 'read' | 'write';

/** A connection that never opened proves that nothing was sent. */
const NEVER_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** Nobody knows: after a `write` it may have happened. */
export function doubt(manner: Manner, message: string): Outcome<never> {
  return manner === 'read' ? failed('temporary', message) : unknown(message);
}

/** What a rejected fetch means. Its text stays out: it may name an address with our reference. */
export function outcomeOfBreak(error: unknown, manner: Manner): Outcome<never> {
  const codes = [...causesOf(error)].map((cause) => textAt(cause, 'code'));
  if (codes.includes('EGRESS_REFUSED'))
    return failed('permanent', 'The host does not let this plugin reach Vipps MobilePay.', { code: 'EGRESS_REFUSED' });
  const neverSent = codes.find((code) => code !== undefined && NEVER_SENT.has(code));
  if (neverSent !== undefined) return failed('temporary', 'Vipps MobilePay cannot be reached.', { code: neverSent });
  return doubt(manner, 'The connection to Vipps MobilePay broke before it answered.');
}

/**
 * What an answer outside 200–299 means. Only the status and the numeric code decide; texts are reworded over time
 * (https://developer.vippsmobilepay.com/docs/knowledge-base/errors/).
 */
export function outcomeOfProblem(
  answer: { readonly status: number; readonly retryAfter: string | null; readonly body: unknown },
  manner: Manner,
): Outcome<never> {
  const { status, body } = answer;
  const trace = textAt(body, 'traceId') ?? textAt(body, 'contextId');
  const traced = (text: string): string => (trace === undefined ? text : `${text} (trace ${trace.slice(0, 80)})`);
  // A status that says neither yes nor no, and a gateway's time-out: 3xx is never a part of this API.
  if (status < 400 || status >= 500 || status === 408) return doubt(manner, traced(`Vipps MobilePay answered ${status}.`));
  if (status === 429)
    return failed('rate-limited', 'Vipps MobilePay asks to slow down.', {
      code: 'http-429',
      retryAfterMs: restMs(answer.retryAfter, manner),
    });
  const code = codeOf(body);
  // A code of the API itself says more than the status: a push that is not approved is no matter of keys.
  if (code === undefined && (status === 401 || status === 403))
    return failed('auth', traced(`Vipps MobilePay refuses these keys for this call (${status}).`), {
      code: `http-${status}`,
      ...fieldOfRefusal(body),
    });

  const meaning = code === undefined ? undefined : CODES[code];
  if (code !== undefined && meaning) {
    if ('sameKey' in meaning) return doubt(manner, traced(`${meaning.says} (${code})`));
    if ('declined' in meaning) return declined(meaning.declined, traced(`${meaning.says} (${code})`));
    const { reason, says, ...more } = meaning;
    return failed(reason, traced(`${says} (${code})`), { ...more, code });
  }
  if (status === 423)
    return failed('temporary', traced('Vipps MobilePay is busy with this payment.'), { code: code ?? 'http-423', retryAfterMs: BUSY_MS });
  const field = fieldOf(body);
  if (field !== undefined && (status === 400 || status === 422))
    return failed('input', traced(`Vipps MobilePay does not take this ${field}.`), { field, code: code ?? `http-${status}` });
  const title = textAt(body, 'title');
  return failed('permanent', traced(`Vipps MobilePay refuses the call: ${title?.slice(0, 200) ?? `status ${status}`}.`), {
    code: code ?? `http-${status}`,
  });
}

/** The numeric code of a problem: `extraDetails: [{name: "ErrorCode", reason: "6080"}]`. */
function codeOf(body: unknown): string | undefined {
  const detail = listAt(body, 'extraDetails').find((entry) => textAt(entry, 'name') === 'ErrorCode');
  const code = textAt(detail, 'reason');
  return code !== undefined && /^\d{3,6}$/.test(code) ? code : undefined;
}

/** Which of our fields a refusal is about. ePayment names it in `name`, Recurring in `field`. */
function fieldOf(body: unknown): string | undefined {
  for (const detail of listAt(body, 'extraDetails')) {
    const theirs = (textAt(detail, 'name') ?? textAt(detail, 'field') ?? '').toLowerCase();
    const [fit] = FIELDS.filter(([name]) => theirs === name || theirs.startsWith(`${name}.`)).toSorted(([a], [b]) => b.length - a.length);
    if (fit) return fit[1];
  }
  return undefined;
}

/** The gateway before the API says when it is the subscription key that it does not know. */
function fieldOfRefusal(body: unknown): { readonly field?: string } {
  const text = textAt(body, 'message') ?? textAt(body, 'result', 'message') ?? '';
  return /subscription key/i.test(text) ? { field: 'subscriptionKey' } : {};
}

function restMs(retryAfter: string | null, manner: Manner): number {
  const seconds = Number(retryAfter ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3_600) * 1_000 : REST_MS[manner];
}

/** An error and what caused it; a circle of causes ends the walk. Errors of another realm are no `Error` of ours. */
function* causesOf(error: unknown): Generator<unknown> {
  const seen = new Set<unknown>();
  for (let cause = error; typeof cause === 'object' && cause !== null && !seen.has(cause); cause = valueAt(cause, 'cause')) {
    seen.add(cause);
    yield cause;
  }
}
