/**
 * JSON from outside: what `JSON.parse` accepts, minus what later hurts.
 *
 * Refused are bytes that are not UTF-8, more than 64 levels, more than 10,000 keys, a key twice in one object (two readers
 * would see two amounts), the keys that reach prototypes, U+0000 and lone surrogates (PostgreSQL's `jsonb` refuses them,
 * SQLSTATE 22P05 and 22P02, long after the signature was checked).
 *
 * Two passes, because nearly every body is right and events come in by the thousand per second: `parseStrictJson` is the
 * fast one (native UTF-8 check, one scan over the bytes, native parse, one walk); when it sees that something is wrong,
 * `explainJson` reads the text again, slowly, and says what and where.
 */
import { isUtf8 } from 'node:buffer';
import { explainJson, isForbiddenKey, MAX_DEPTH } from './explain-json.ts';
import { requestErrors } from './request-errors.ts';

export const MAX_KEYS = 10_000;

/**
 * Parses one JSON document.
 * @throws request.body-empty, request.not-utf8, request.syntax, request.too-deep, request.too-many-keys,
 *   request.duplicate-key, request.forbidden-key, request.nul-character, request.lone-surrogate
 */
export function parseStrictJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw requestErrors['body-empty']();
  if (!isUtf8(bytes)) throw requestErrors['not-utf8']({ byte: firstInvalidByte(bytes) });
  const shape = measure(bytes);
  if (shape.keys > MAX_KEYS) throw requestErrors['too-many-keys']({ keys: shape.keys, limit: MAX_KEYS });
  const text = bytes.toString('utf8');
  if (shape.depth > MAX_DEPTH) throw explainJson(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw explainJson(text);
  }
  // An escape is the only way to write U+0000 or half a pair in a body that is UTF-8 and JSON.
  const looksIntoText = text.includes('\\u');
  // A key that came twice is there once after parsing, so fewer keys than colons means that one was lost.
  if (countKeys(value, looksIntoText) !== shape.keys) throw explainJson(text);
  return value;
}

/** Depth of nesting and number of colons outside text. For JSON the colons are the keys; other text is refused by the parser. */
function measure(bytes: Buffer): { depth: number; keys: number } {
  let keys = 0;
  let level = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case 0x22: // "
        at = endOfText(bytes, at);
        break;
      case 0x3a: // :
        keys += 1;
        break;
      case 0x7b: // {
      case 0x5b: // [
        level += 1;
        if (level > depth) depth = level;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        level -= 1;
        break;
      default:
        break;
    }
  }
  return { depth, keys };
}

/** Where the text that begins at `start` has its closing quote. */
function endOfText(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === 0x22) return at;
    if (byte === 0x5c) at += 1; // a backslash takes the next byte with it
  }
  return at;
}

/** How many keys `value` has in all, or -1 when a key or a text is one of those refused. Depth was limited before. */
function countKeys(value: unknown, looksIntoText: boolean): number {
  if (typeof value === 'string') return looksIntoText && !isStorable(value) ? -1 : 0;
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) {
      const inside = countKeys(item, looksIntoText);
      if (inside < 0) return -1;
      count += inside;
    }
    return count;
  }
  for (const [key, item] of Object.entries(value)) {
    if (isForbiddenKey(key) || (looksIntoText && !isStorable(key))) return -1;
    const inside = countKeys(item, looksIntoText);
    if (inside < 0) return -1;
    count += inside + 1;
  }
  return count;
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** The offset of the first byte that is not UTF-8, by halving: a prefix is valid up to three bytes of an unfinished character. */
function firstInvalidByte(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isUtf8Prefix(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return startOfCharacter(bytes, good);
}

function isUtf8Prefix(bytes: Buffer): boolean {
  return isUtf8(bytes.subarray(0, startOfCharacter(bytes, bytes.length)));
}

/** Steps back over the last character of `bytes[0, end)` when it is unfinished there. */
function startOfCharacter(bytes: Buffer, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back += 1) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? end - back : end;
    }
  }
  return end;
}
