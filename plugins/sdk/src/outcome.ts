/**
 * What a call to a provider came to. A plugin returns one of these four; it never has to throw.
 *
 * The four differ in what happens next, and that is the only thing the engine asks:
 * - `ok`: it happened. The flow goes on with `value`.
 * - `declined`: the provider answered, and the answer is no (a card without funds). A result that a flow branches on.
 * - `failed`: it surely did not happen. `reason` decides whether and when another attempt is made.
 * - `unknown`: the request may have been carried out, and nobody knows (time-out after sending, connection reset, a 5xx).
 *   It is never simply sent again: see {@link Effect}.
 */
export type Outcome<T> = Ok<T> | Declined | Failed | Unknown;

export interface Ok<T> {
  readonly kind: 'ok';
  readonly value: T;
  /** The provider's own id of what was made or found, for people who search their dashboard. Empty when it has none. */
  readonly reference: string;
}

export interface Declined {
  readonly kind: 'declined';
  /** Stable and ours where a list exists (see `DeclineReason`), else the provider's code. */
  readonly code: string;
  /** One sentence for a person, without personal data. */
  readonly message: string;
}

/**
 * Why nothing happened:
 * - `temporary`: try again by the step's retry policy.
 * - `rate-limited`: try again after `retryAfterMs`; all steps of this connection slow down.
 * - `auth`: the credentials are refused. Steps of this connection pause, a person is told, no attempt is used up.
 * - `input`: what the flow sent is wrong; `field` names the input field. Never retried.
 * - `permanent`: the provider will never do this. Never retried.
 */
export type FailureReason = 'temporary' | 'rate-limited' | 'auth' | 'input' | 'permanent';

export interface Failed {
  readonly kind: 'failed';
  readonly reason: FailureReason;
  /** One sentence for a person: what the provider said and what to do about it. Never a secret. */
  readonly message: string;
  /** The provider's own error code, if it has one. */
  readonly code?: string;
  readonly retryAfterMs?: number;
  /** With `input`: the field of the action's input or of the connection's settings. */
  readonly field?: string;
}

export interface Unknown {
  readonly kind: 'unknown';
  readonly message: string;
}

/** It happened. */
export function ok<T>(value: T, reference = ''): Ok<T> {
  return { kind: 'ok', value, reference };
}

/** The provider said no. */
export function declined(code: string, message: string): Declined {
  return { kind: 'declined', code, message };
}

/** It surely did not happen. */
export function failed(reason: FailureReason, message: string, more: Pick<Failed, 'code' | 'retryAfterMs' | 'field'> = {}): Failed {
  return { kind: 'failed', reason, message, ...more };
}

/** It may have happened. */
export function unknown(message: string): Unknown {
  return { kind: 'unknown', message };
}
