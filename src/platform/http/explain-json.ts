/** Reads text that is not acceptable JSON, character by character, and says what is wrong and where. */
import type { KassaflowError } from '../../kernel/errors.ts';
import { requestErrors } from './request-errors.ts';

/** The deepest nesting that is accepted; deeper than any event or flow, far from any stack's end. */
export const MAX_DEPTH = 64;

/** Keys by which a careless merge reaches a prototype. */
export function isForbiddenKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}

/** The first thing wrong with `text` for `parseStrictJson`, with its line and column or with a JSON pointer. */
export function explainJson(text: string): KassaflowError {
  const reader = new Reader(text);
  try {
    reader.document();
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
  return reader.syntaxError('something else than JSON');
}

/** Carries the finding out of the recursion. */
class Refusal extends Error {
  constructor(readonly reason: KassaflowError) {
    super(reason.message);
  }
}

const WORD = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;

/** A recursive-descent reader of RFC 8259; the depth limit bounds the recursion. */
class Reader {
  #at = 0;
  readonly #path: (string | number)[] = [];

  constructor(private readonly text: string) {}

  document(): void {
    this.#value();
    this.#space();
    if (this.#at < this.text.length) throw new Refusal(this.syntaxError('the end'));
  }

  syntaxError(expected: string): KassaflowError {
    const before = this.text.slice(0, this.#at).split('\n');
    const found = this.text.charAt(this.#at);
    return requestErrors.syntax({
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      found: found === '' ? 'the end of the body' : JSON.stringify(found),
      expected,
    });
  }

  #value(): void {
    this.#space();
    const first = this.text.charAt(this.#at);
    if (first === '{') this.#nested('}', () => this.#members());
    else if (first === '[') this.#nested(']', () => this.#items());
    else if (first === '"') this.#string();
    else if (this.#match(WORD) === undefined) throw new Refusal(this.syntaxError('a value'));
  }

  #nested(close: string, inside: () => void): void {
    if (this.#path.length >= MAX_DEPTH) throw new Refusal(requestErrors['too-deep']({ limit: MAX_DEPTH }));
    this.#at += 1;
    if (!this.#take(close)) {
      inside();
      if (!this.#take(close)) throw new Refusal(this.syntaxError(`"," or "${close}"`));
    }
  }

  #members(): void {
    const seen = new Set<string>();
    do {
      this.#space();
      if (this.text.charAt(this.#at) !== '"') throw new Refusal(this.syntaxError('a key in double quotes'));
      const key = this.#string();
      this.#path.push(key);
      if (isForbiddenKey(key)) throw this.#refuse('forbidden-key');
      if (seen.has(key)) throw this.#refuse('duplicate-key');
      seen.add(key);
      if (!this.#take(':')) throw new Refusal(this.syntaxError('":"'));
      this.#value();
      this.#path.pop();
    } while (this.#take(','));
  }

  #items(): void {
    let index = 0;
    do {
      this.#path.push(index);
      this.#value();
      this.#path.pop();
      index += 1;
    } while (this.#take(','));
  }

  #string(): string {
    const value = parsedText(this.text, this.#at);
    if (value === undefined) throw new Refusal(this.syntaxError('text that is closed, without line breaks and with valid escapes'));
    this.#at = endOfText(this.text, this.#at) + 1;
    if (value.includes('\0')) throw this.#refuse('nul-character');
    if (!value.isWellFormed()) throw this.#refuse('lone-surrogate');
    return value;
  }

  #refuse(name: 'forbidden-key' | 'duplicate-key' | 'nul-character' | 'lone-surrogate'): Refusal {
    const pointer = jsonPointer(this.#path);
    const error = requestErrors[name]({ pointer: pointer.slice(0, 200) });
    return new Refusal(error.with([{ pointer, code: error.code, detail: error.spec.title }]));
  }

  #take(symbol: string): boolean {
    this.#space();
    if (this.text.charAt(this.#at) !== symbol) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    this.#match(SPACE);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}

function parsedText(text: string, start: number): string | undefined {
  try {
    const value: unknown = JSON.parse(text.slice(start, endOfText(text, start) + 1));
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Where the text that begins at `start` has its closing quote. A loop, because a pattern over a megabyte fills the stack. */
function endOfText(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
}

/** RFC 6901: `/lines/0/amount`. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
