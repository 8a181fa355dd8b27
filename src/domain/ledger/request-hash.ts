import { createHash } from 'node:crypto';

/**
 * SHA-256 over the content of a keyed request: tells a repeat, which gets the first answer, from the reuse of its key for
 * something else, which is refused. `parts` are in a fixed order, so the same request has the same bytes.
 */
export function requestHash(...parts: readonly (string | bigint | number)[]): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(parts.map(String)))
    .digest();
}
