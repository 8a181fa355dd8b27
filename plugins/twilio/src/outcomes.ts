import { declined, failed, unknown, type FailureReason, type Outcome } from '@kassaflow/plugin-sdk';
import type { Manner } from './client.ts';

/** An error as Twilio's library throws it. */
interface RestError {
  readonly status: number;
  readonly code?: number;
  readonly message: string;
}

type Meaning = { readonly declined: string } | { readonly reason: FailureReason; readonly field?: string };

/**
 * https://www.twilio.com/docs/api/errors: what a code means for a step. Twilio asks not to lean on codes, because they
 * change (changelog of 2024-07-10), so a code that is not here falls back on its HTTP status.
 */
const CODES: Readonly<Record<number, Meaning>> = {
  20003: { reason: 'auth', field: 'authToken' },
  20404: { reason: 'auth', field: 'accountSid' },
  30002: { reason: 'auth' },
  21212: { reason: 'auth', field: 'from' },
  21606: { reason: 'auth', field: 'from' },
  21660: { reason: 'auth', field: 'from' },
  21211: { reason: 'input', field: 'to' },
  21602: { reason: 'input', field: 'text' },
  21617: { reason: 'input', field: 'text' },
  21614: { declined: 'not-a-mobile-number' },
  21610: { declined: 'opted-out' },
  21408: { reason: 'permanent' },
  21612: { reason: 'permanent' },
  30022: { reason: 'rate-limited' },
  63038: { reason: 'rate-limited' },
  30001: { reason: 'temporary' },
};

const MESSAGES: Readonly<Record<string, string>> = {
  'not-a-mobile-number': 'This number cannot receive text messages.',
  'opted-out': 'The person behind this number asked for no more messages.',
};

/** 63038 is a cap for a day; an hour finds the next day soon enough. */
const DAILY_CAP = 63038;
const HOUR_MS = 3_600_000;

export function outcomeOf(error: unknown, manner: Manner): Outcome<never> {
  if (isRestError(error)) return outcomeOfAnswer(error, manner);
  const code = codeOf(error);
  if (code === 'EGRESS_REFUSED') return failed('permanent', 'The host does not let this plugin reach Twilio.', { code });
  // A connection that never opened proves that nothing was sent.
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return failed('temporary', 'Twilio cannot be reached.', { code });
  return doubt(manner, 'The connection to Twilio broke before it answered.');
}

function outcomeOfAnswer({ status, code, message }: RestError, manner: Manner): Outcome<never> {
  const meaning = code === undefined ? undefined : CODES[code];
  const named = code === undefined ? {} : { code: String(code) };
  if (meaning && 'declined' in meaning) return declined(meaning.declined, MESSAGES[meaning.declined] ?? 'Twilio refused the message.');
  if (meaning?.reason === 'rate-limited' || status === 429) {
    return failed('rate-limited', 'Twilio asks to slow down.', { ...named, retryAfterMs: code === DAILY_CAP ? HOUR_MS : 1000 });
  }
  if (meaning)
    return failed(meaning.reason, withoutNumbers(message), { ...named, ...(meaning.field === undefined ? {} : { field: meaning.field }) });
  if (status >= 500 || status < 400) return doubt(manner, `Twilio answered ${status} and did not say whether it took the message.`);
  if (status === 401 || status === 403) return failed('auth', 'Twilio refuses these credentials.', named);
  return failed('permanent', withoutNumbers(message), named);
}

function doubt(manner: Manner, message: string): Outcome<never> {
  return manner === 'read' ? failed('temporary', message) : unknown(message);
}

/** Twilio repeats the phone number in its messages; ours go to logs. */
function withoutNumbers(message: string): string {
  return message.replace(/\+?\d{6,}/g, '…');
}

function isRestError(error: unknown): error is RestError {
  return (
    typeof error === 'object' &&
    error !== null &&
    'status' in error &&
    typeof error.status === 'number' &&
    'message' in error &&
    typeof error.message === 'string'
  );
}

/** The system's code of a broken connection; `fetch` hides it one level down. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? codeOf(error.cause) : undefined;
}
