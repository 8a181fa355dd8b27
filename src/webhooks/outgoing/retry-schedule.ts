/** When a delivery that was not taken is sent again: over three days and a bit, as the Standard Webhooks specification advises. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The pauses after the first, second … attempt (Standard Webhooks, "Delivery schedule and retries"). */
export const PAUSES_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** The longest that an answer may ask us to wait. */
export const LONGEST_WAIT_MS = 24 * HOUR;

/** From so many failures in a row on, an endpoint rests as a whole. */
export const RESTS_AFTER = 5;
const LONGEST_REST_MS = 5 * MINUTE;

/**
 * How long a delivery waits after `attempts` attempts, or `undefined` when there was the last. Up to a fifth is added, so that what
 * failed together does not come back together.
 *
 * @param random from 0 to 1
 * @param askedMs what the portal asked for (Retry-After)
 */
export function pauseAfter(attempts: number, random: number, askedMs = 0): number | undefined {
  const pause = PAUSES_MS[attempts - 1];
  if (pause === undefined) return undefined;
  return Math.max(Math.round(pause * (1 + random / 5)), Math.min(askedMs, LONGEST_WAIT_MS));
}

/**
 * How long an endpoint rests after `failures` failures in a row; 0 when it does not. One that is down is asked by one delivery at a
 * time then, not by all that wait.
 */
export function restAfter(failures: number): number {
  return failures < RESTS_AFTER ? 0 : Math.min(5 * SECOND * 2 ** Math.min(failures - RESTS_AFTER, 10), LONGEST_REST_MS);
}

/** Milliseconds of a Retry-After header: seconds or a date (RFC 9110 §10.2.3); 0 when there is none that can be read. */
export function retryAfterMs(header: string | readonly string[] | undefined, now: Date): number {
  if (typeof header !== 'string') return 0;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND;
  const at = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? 0 : Math.max(0, at - now.getTime());
}
