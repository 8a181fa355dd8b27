/**
 * A credential as its holder has it: `<start>_test_<id>_<secret><check>`.
 *
 * `id` is the 26 characters of the credential's TypeID and finds the row; `secret` is 32 random bytes in hexadecimal; `check` is
 * the CRC-32 of all before it, so that one cut short while copying is told from a wrong one without asking the database,
 * and so that secret scanners can tell one from noise. Stored is only SHA-256(id ‖ secret): 256 random bits need no slow
 * hash, since there is nothing to guess.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { idOf, type Id, type IdPrefix } from '../../kernel/ids.ts';
import type { Mode } from './caller.ts';

/** One kind of credential: how its text begins, and the prefix of its id. */
export interface SecretKind<P extends IdPrefix> {
  readonly start: string;
  readonly prefix: P;
}

/** What a text says. */
export interface ReadSecret<P extends IdPrefix> {
  readonly mode: Mode;
  /** What finds the row. */
  readonly id: Id<P>;
  /** What to compare with the stored hash. */
  readonly hash: Buffer;
}

const TEXT = /^([a-z]{2,3})_(test|live)_([0-9a-hjkmnp-tv-z]{26})_([0-9a-f]{64})([0-9a-f]{8})$/;

/** Makes the credential of the row with the `uuid` `id`; its text exists only here and in what its holder is told once. */
export function newSecretText<P extends IdPrefix>(
  { start, prefix }: SecretKind<P>,
  mode: Mode,
  id: string,
): { readonly text: string; readonly hash: Buffer } {
  const wireId = idOf(prefix, id);
  const tail = wireId.slice(prefix.length + 1);
  const secret = randomBytes(32).toString('hex');
  const checked = `${start}_${mode}_${tail}_${secret}`;
  return { text: checked + checkOf(checked), hash: hashOf(wireId, secret) };
}

/** Reads a credential of this kind, or gives `undefined` for anything that cannot be one. */
export function readSecretText<P extends IdPrefix>({ start, prefix }: SecretKind<P>, text: string): ReadSecret<P> | undefined {
  const [, begins, mode, tail = '', secret = '', check = ''] = TEXT.exec(text) ?? [];
  if (begins !== start || (mode !== 'test' && mode !== 'live') || tail.charAt(0) > '7') return undefined;
  if (checkOf(text.slice(0, -check.length)) !== check) return undefined;
  const id: Id<P> = `${prefix}_${tail}`;
  return { mode, id, hash: hashOf(id, secret) };
}

/** Compares in a time that does not depend on where the difference is. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function checkOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

function hashOf(id: string, secret: string): Buffer {
  return hash('sha256', id + secret, 'buffer');
}
