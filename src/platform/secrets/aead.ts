/** AES-256-GCM with everything that is needed to open a blob again, save the key, inside the blob. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** `version (1) | key id (8) | nonce (12) | ciphertext | tag (16)` */
const VERSION = 1;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES;

/** 32 bytes and the name under which blobs refer to them; the name says nothing about the bytes. */
export interface Key {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * Encrypts `plaintext`. `place` is authenticated but not stored: {@link open} must be given the same one, so a blob
 * copied to another row or field does not open. A random nonce is safe for 2^32 blobs of one key (NIST SP 800-38D §8.3).
 */
export function seal(key: Key, place: readonly string[], plaintext: Buffer): Buffer {
  const header = Buffer.concat([Buffer.of(VERSION), Buffer.from(key.id, 'hex'), randomBytes(NONCE_BYTES)]);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, header.subarray(1 + KEY_ID_BYTES));
  cipher.setAAD(authenticated(header, place));
  return Buffer.concat([header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Decrypts a blob of {@link seal}, or gives `undefined` when a byte of it, the key or the place is another. */
export function open(key: Key, place: readonly string[], blob: Buffer): Buffer | undefined {
  if (keyIdOf(blob) !== key.id) return undefined;
  const header = blob.subarray(0, HEADER_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, header.subarray(1 + KEY_ID_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(authenticated(header, place));
  decipher.setAuthTag(blob.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(blob.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Which key a blob was made with, or `undefined` when it is not a blob of ours. */
export function keyIdOf(blob: Buffer): string | undefined {
  return blob.length >= HEADER_BYTES + TAG_BYTES && blob[0] === VERSION ? blob.toString('hex', 1, 1 + KEY_ID_BYTES) : undefined;
}

/** The parts are written as JSON, so that no two different places give the same bytes. */
function authenticated(header: Buffer, place: readonly string[]): Buffer {
  return Buffer.concat([header.subarray(0, 1 + KEY_ID_BYTES), Buffer.from(JSON.stringify(place))]);
}
