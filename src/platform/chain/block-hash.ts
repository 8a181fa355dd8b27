import { hash } from 'node:crypto';

/** What the first block of a chain is chained to. */
export const GENESIS: Buffer = Buffer.alloc(32);

/** @param leaves the SHA-256 of each row, one behind the other */
export function blockHash(previous: Uint8Array, leaves: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([previous, leaves]), 'buffer');
}
