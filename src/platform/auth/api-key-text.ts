/**
 * An API key as a caller holds it: `kf_test_<id>_<secret><check>`.
 *
 * `id` is the 26 characters of the key's TypeID and finds the row; `secret` is 32 random bytes in hexadecimal; `check` is
 * the CRC-32 of all before it, so that a key cut short while copying is told from a wrong one without asking the database,
 * and so that secret scanners can tell one from noise. Stored is only SHA-256(id ‖ secret): 256 random bits need no slow
 * hash, since there is nothing to guess.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { idOf, type Id } from '../../kernel/ids.ts';
import type { Mode } from './caller.ts';

export interface ApiKeyText {
  readonly mode: Mode;
  /** `key_…`: what finds the row. */
  readonly id: Id<'key'>;
  /** What to compare with the stored hash. */
  readonly hash: Buffer;
}

const TEXT = /^kf_(test|live)_([0-9a-hjkmnp-tv-z]{26})_([0-9a-f]{64})([0-9a-f]{8})$/;

/** Makes the key of the row with the `uuid` `id`; its text exists only here and in what the caller is told once. */
export function newApiKeyText(mode: Mode, id: string): { text: string; hash: Buffer } {
  const keyId = idOf('key', id);
  const tail = keyId.slice('key_'.length);
  const secret = randomBytes(32).toString('hex');
  const checked = `kf_${mode}_${tail}_${secret}`;
  return { text: checked + checkOf(checked), hash: hashOf(keyId, secret) };
}

/** Reads a key, or gives `undefined` for anything that cannot be one. */
export function readApiKeyText(text: string): ApiKeyText | undefined {
  const [, mode, tail = '', secret = '', check = ''] = TEXT.exec(text) ?? [];
  if ((mode !== 'test' && mode !== 'live') || tail.charAt(0) > '7') return undefined;
  if (checkOf(text.slice(0, -check.length)) !== check) return undefined;
  const id = `key_${tail}` as const;
  return { mode, id, hash: hashOf(id, secret) };
}

/** Compares in a time that does not depend on where the difference is. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function checkOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

function hashOf(id: Id<'key'>, secret: string): Buffer {
  return hash('sha256', id + secret, 'buffer');
}
