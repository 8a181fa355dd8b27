/**
 * Identifiers: TypeIDs (a readable prefix over a UUIDv7) on the wire, plain `uuid` in the database.
 *
 * `pay_01jd3k…` sorts by creation time, tells a person what it names and cannot be mistaken for an id of another kind.
 * Source: TypeID specification 0.3 (base32 of the 128 bits, Crockford alphabet in lower case); RFC 9562 for UUIDv7.
 */
import { systemClock } from './clock.ts';
import { defineErrors } from './errors.ts';

/** What an id names. Plugins and domain modules use only these prefixes. */
export type IdPrefix =
  | 'ten'
  | 'key'
  | 'con'
  | 'evt'
  | 'cus'
  | 'inv'
  | 'pay'
  | 'req'
  | 'ref'
  | 'rcp'
  | 'man'
  | 'ntc'
  | 'ord'
  | 'pkg'
  | 'crd'
  | 'cre'
  | 'sub'
  | 'flw'
  | 'run'
  | 'led'
  | 'acc'
  | 'whk'
  | 'whd'
  | 'dlv'
  | 'tsk'
  | 'job'
  | 'chk'
  | 'dis'
  | 'set'
  | 'imp'
  | 'stk';

/** `pay_01jd3k4m5n6p7q8r9s0t1v2w3x`: a prefix and 26 base32 characters. */
export type Id<P extends IdPrefix = IdPrefix> = `${P}_${string}`;

export const idErrors = defineErrors('id', {
  format: {
    status: 404,
    title: 'There is nothing with this id',
    remedy: 'fix',
    help: 'An id is a prefix, an underscore and 26 letters and digits, as the API returned it.',
  },
});

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const VALUE = new Map(Array.from(ALPHABET, (letter, index) => [letter, BigInt(index)]));
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Where ids get their time and randomness from; tests pass their own. */
export interface IdSource {
  now(): number;
  random(bytes: Uint8Array): void;
}

/**
 * A generator of UUIDv7 values that never go back within one process: ids made in one millisecond count up in the
 * 12 bits after the time (RFC 9562 §6.2 method 1), so rows are inserted at the right edge of their index.
 */
export function uuidv7Generator(source: IdSource): () => string {
  const bytes = new Uint8Array(16);
  let lastMs = 0;
  let counter = 0;
  return () => {
    source.random(bytes);
    const ms = Math.max(source.now(), lastMs);
    counter = ms === lastMs ? counter + 1 : ((bytes[6] ?? 0) << 2) & 0x3ff;
    // More than 3,072 ids in a millisecond borrow the next one, so order holds without waiting.
    lastMs = counter > 0xfff ? ms + 1 : ms;
    if (counter > 0xfff) counter = 0;
    const high = lastMs / 0x1_0000_0000;
    const time = hex(high >> 8) + hex(high) + hex(lastMs >>> 24) + hex(lastMs >>> 16);
    const variant = hex(((bytes[8] ?? 0) & 0x3f) | 0x80) + hex(bytes[9] ?? 0);
    const tail =
      hex(bytes[10] ?? 0) + hex(bytes[11] ?? 0) + hex(bytes[12] ?? 0) + hex(bytes[13] ?? 0) + hex(bytes[14] ?? 0) + hex(bytes[15] ?? 0);
    return `${time}-${hex(lastMs >>> 8)}${hex(lastMs)}-${hex(0x70 | (counter >> 8))}${hex(counter)}-${variant}-${tail}`;
  };
}

/** A new `uuid` in time order. */
export const newUuid = uuidv7Generator({ now: () => systemClock.now().getTime(), random: pooledRandom(8_192) });

/** A new id on the wire. */
export function newId<P extends IdPrefix>(prefix: P): Id<P> {
  return idOf(prefix, newUuid());
}

/** The wire id of a stored `uuid`. @throws RangeError when `uuid` is not one */
export function idOf<P extends IdPrefix>(prefix: P, uuid: string): Id<P> {
  if (!UUID.test(uuid)) throw new RangeError(`idOf: not a uuid: ${uuid.slice(0, 40)}`);
  const hex = uuid.replaceAll('-', '');
  let text = '';
  // 128 bits behind two zero bits are 26 groups of five. Small integers: with `bigint` this took five times as long, and
  // every event and run needs one.
  let rest = 0;
  let bits = 2;
  for (let index = 0; index < 32; index += 2) {
    rest = (rest << 8) | Number.parseInt(hex.slice(index, index + 2), 16);
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET.charAt((rest >> (bits - 5)) & 31);
    rest &= (1 << bits) - 1;
  }
  return `${prefix}_${text}`;
}

/**
 * The stored `uuid` of a wire id of the kind `prefix`.
 * @throws id.format for anything else; the answer is the same as for an id that does not exist
 */
export function uuidOf(prefix: IdPrefix, id: unknown): string {
  const text = typeof id === 'string' && id.startsWith(`${prefix}_`) ? id.slice(prefix.length + 1) : '';
  if (text.length !== 26 || text.charAt(0) > '7') throw idErrors.format({ expected: `${prefix}_…` });
  let value = 0n;
  for (const letter of text) {
    const digit = VALUE.get(letter);
    if (digit === undefined) throw idErrors.format({ expected: `${prefix}_…` });
    value = (value << 5n) | digit;
  }
  const hex = value.toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Two digits for the lowest eight bits. */
function hex(value: number): string {
  return HEX[value & 0xff] ?? '';
}

/** Random bytes from a pool of `size`: one call to the system's generator costs as much for 8 KiB as for 16 bytes. */
function pooledRandom(size: number): (bytes: Uint8Array) => void {
  const pool = new Uint8Array(size);
  let used = size;
  return (bytes) => {
    if (used + bytes.length > size) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    // Byte by byte: a view of the pool for `set` costs more than the sixteen bytes.
    for (let index = 0; index < bytes.length; index += 1) bytes[index] = pool[used + index] ?? 0;
    used += bytes.length;
  };
}
