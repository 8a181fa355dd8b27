/** Request ids: unique over restarts and processes, and made in nanoseconds. */
import { randomBytes } from 'node:crypto';

/** A source of ids like `req-5f0c2a91-1z3`: eight random hexadecimal digits per process and a count. Never taken from a caller. */
export function requestIds(): () => string {
  const process = randomBytes(4).toString('hex');
  let count = 0;
  return () => `req-${process}-${(count += 1).toString(36)}`;
}
