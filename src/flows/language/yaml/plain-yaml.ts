/**
 * Reads the plain part of YAML in which nearly every flow is written, a line at a time: block maps and lists, texts on one
 * line, `{ }` and `[ ]`, texts after `|`. Half of the time of a check was the YAML library's, which reads all of YAML.
 *
 * It never guesses: at anything else it gives nothing, and the library reads the text. What it gives is what the library gives,
 * with the same places; a test holds both against each other on damaged flows.
 */
import type { YamlEntry, YamlList, YamlMap, YamlNode, YamlScalar } from './node.ts';

/** @returns the tree, or nothing when the text has something in it that is not plain */
export function readPlain(source: string): YamlMap | undefined {
  return UNUSUAL.test(source) ? undefined : new PlainReader(source).document();
}

/** Control characters (tabs and carriage returns too), the byte order mark, and marks of documents and directives. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNUSUAL = /[\0-\t\v-\x1f\ufeff]|^(?:---|\.\.\.|%)/m;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const KEY = /([A-Za-z_][\w.-]*):(?= |\n|$)/y;
const KEY_IN_BRACES = /([A-Za-z_][\w.-]*):(?=[ \n])/y;
const DOUBLE = /"((?:[^"\\\n]|\\["\\n])*)"/y;
const SINGLE = /'((?:[^'\n]|'')*)'/y;
/** The first letter of a text without quotes is no mark of YAML. */
const TEXT = /[^\s,[\]{}#&*!|>'"%@`?:-][^\n]*/y;
const TEXT_IN_BRACES = /[^\s,[\]{}#&*!|>'"%@`?:-](?:[^,[\]{}\n#:]|:(?=[^\s,[\]{}]))*/y;
const REST_OF_LINE = / *(?: #[^\n]*)?(?=\n|$)/y;
const LITERAL = /\|(-?)\n/y;

class PlainReader {
  /** Where the next line begins. */
  #next = 0;
  /** The line that is looked at: its spaces (-1 after the last line), where they end, where it ends. */
  #indent = -1;
  #from = 0;
  #to = 0;
  /** Where the value that was read last ends, with the rest of its line. */
  #end = 0;

  constructor(readonly source: string) {}

  document(): YamlMap | undefined {
    const root = this.#line() && this.#indent === 0 ? this.#map(0, this.#from) : undefined;
    return this.#indent === -1 ? root : undefined;
  }

  /** Goes to the next line that says something. @returns false at a comment that stands deeper than what follows: it would belong to a block above */
  #line(): boolean {
    const { source } = this;
    let comment = 0;
    while (this.#next < source.length) {
      const begin = this.#next;
      this.#endLineAt(begin);
      const from = this.#skipSpaces(begin);
      if (from >= this.#to) continue;
      if (source.charCodeAt(from) === 0x23) {
        comment = Math.max(comment, from - begin);
        continue;
      }
      this.#from = from;
      this.#indent = from - begin;
      return comment <= this.#indent;
    }
    this.#indent = -1;
    return comment === 0;
  }

  /** The line that holds `at` is looked at. */
  #endLineAt(at: number): void {
    const newline = this.source.indexOf('\n', at);
    this.#to = newline < 0 ? this.source.length : newline;
    this.#next = this.#to + (newline < 0 ? 0 : 1);
  }

  #map(indent: number, start: number): YamlMap | undefined {
    const entries: YamlEntry[] = [];
    const names = new Set<string>();
    do {
      const key = this.#match(KEY, this.#from)?.[1];
      if (key === undefined || names.has(key) || FORBIDDEN.has(key)) return undefined;
      names.add(key);
      const keySpan = [this.#from, this.#from + key.length] as const;
      const value = this.#value(indent, keySpan[1] + 1);
      if (!value) return undefined;
      entries.push({ key, keySpan, value });
    } while (this.#indent === indent);
    return this.#indent > indent ? undefined : { kind: 'map', entries, span: [start, this.#end] };
  }

  #list(indent: number, start: number): YamlList | undefined {
    const items: YamlNode[] = [];
    do {
      if (!this.#atDash()) return undefined;
      const begin = this.#from - indent;
      const at = this.#skipSpaces(this.#from + 1);
      this.#from = at;
      const item = this.#match(KEY, at) ? this.#map(at - begin, at) : this.#leaf(indent, at);
      if (!item) return undefined;
      items.push(item);
    } while (this.#indent === indent);
    return this.#indent > indent ? undefined : { kind: 'list', items, span: [start, this.#end] };
  }

  /** What stands after a key at `indent`: on its line, or deeper on the next ones. */
  #value(indent: number, at: number): YamlNode | undefined {
    const begin = this.#skipSpaces(at);
    const nested = begin >= this.#to || (begin > at && this.source.charCodeAt(begin) === 0x23);
    if (!nested) return this.#leaf(indent, begin);
    if (!this.#line() || this.#indent <= indent) return undefined;
    if (this.#opens(this.#from)) return this.#leaf(indent, this.#from);
    return this.#atDash() ? this.#list(this.#indent, this.#from) : this.#map(this.#indent, this.#from);
  }

  /** A value that begins at `at`, with the rest of its line. A deeper line after it would go on with it, which is not plain. */
  #leaf(indent: number, at: number): YamlNode | undefined {
    if (this.source.charCodeAt(at) === 0x7c) return this.#literal(indent, at);
    const node = this.#quoted(at) ?? this.#collection(at, indent) ?? this.#text(at);
    if (!node || !this.#match(REST_OF_LINE, node.span[1])) return undefined;
    this.#end = this.#next;
    return this.#line() && this.#indent <= indent ? node : undefined;
  }

  #text(at: number): YamlScalar | undefined {
    const line = this.#match(TEXT, at)?.[0];
    if (line === undefined) return undefined;
    const comment = line.indexOf(' #');
    const text = (comment < 0 ? line : line.slice(0, comment)).replace(/ +$/, '');
    return text.includes(': ') || text.endsWith(':') ? undefined : plain(text, at);
  }

  #quoted(at: number): YamlScalar | undefined {
    const mark = this.source.charCodeAt(at);
    const found = mark === 0x22 ? this.#match(DOUBLE, at) : mark === 0x27 ? this.#match(SINGLE, at) : undefined;
    if (!found) return undefined;
    const [whole, inside = ''] = found;
    const text =
      mark === 0x27 ? inside.replaceAll("''", "'") : inside.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
    return { kind: 'scalar', text, quoted: true, span: [at, at + whole.length], at: at + 1 };
  }

  /** `{ a: b }` or `[a, b]`, over several lines too, all deeper than `indent`. */
  #collection(at: number, indent: number): YamlNode | undefined {
    if (!this.#opens(at)) return undefined;
    const map = this.source.charAt(at) === '{';
    const close = map ? '}' : ']';
    const entries: YamlEntry[] = [];
    const items: YamlNode[] = [];
    let cursor = this.#skipBlank(at + 1, indent);
    while (this.source.charAt(cursor) !== close) {
      const begin = cursor;
      const name = map ? this.#match(KEY_IN_BRACES, begin)?.[1] : undefined;
      if (map && (name === undefined || FORBIDDEN.has(name) || entries.some(({ key }) => key === name))) return undefined;
      const from = name === undefined ? begin : this.#skipBlank(begin + name.length + 1, indent);
      const value = this.#quoted(from) ?? this.#collection(from, indent) ?? this.#textInBraces(from);
      if (!value) return undefined;
      if (name === undefined) items.push(value);
      else entries.push({ key: name, keySpan: [begin, begin + name.length], value });
      cursor = this.#skipBlank(value.span[1], indent);
      if (this.source.charAt(cursor) === ',') cursor = this.#skipBlank(cursor + 1, indent);
      else if (this.source.charAt(cursor) !== close) return undefined;
    }
    const span = [at, cursor + 1] as const;
    return map ? { kind: 'map', entries, span } : { kind: 'list', items, span };
  }

  #textInBraces(at: number): YamlScalar | undefined {
    const text = this.#match(TEXT_IN_BRACES, at)?.[0].replace(/ +$/, '');
    return text === undefined ? undefined : plain(text, at);
  }

  /** The lines after `|`, as they are. */
  #literal(indent: number, at: number): YamlScalar | undefined {
    const header = this.#match(LITERAL, at);
    if (!header) return undefined;
    const { source } = this;
    const first = at + header[0].length;
    const deep = this.#skipSpaces(first) - first;
    if (deep <= indent || source.charCodeAt(first + deep) === 0x0a || first + deep >= source.length) return undefined;
    const margin = ' '.repeat(deep);
    const lines: string[] = [];
    let cursor = first;
    let end = first;
    let blank = 0;
    while (cursor < source.length) {
      const newline = source.indexOf('\n', cursor);
      if (newline < 0) return undefined;
      if (newline === cursor) blank += 1;
      else if (source.startsWith(margin, cursor) && this.#skipSpaces(cursor) < newline) {
        for (; blank > 0; blank -= 1) lines.push('');
        lines.push(source.slice(cursor + deep, newline));
        end = newline + 1;
      } else break;
      cursor = newline + 1;
    }
    this.#end = end;
    this.#next = end;
    const text = lines.join('\n') + (header[1] === '-' ? '' : '\n');
    return this.#line() && this.#indent <= indent ? { kind: 'scalar', text, quoted: true, span: [at, end], at: first } : undefined;
  }

  #atDash(): boolean {
    return this.source.charCodeAt(this.#from) === 0x2d && this.source.charCodeAt(this.#from + 1) === 0x20;
  }

  #skipSpaces(from: number): number {
    let at = from;
    while (this.source.charCodeAt(at) === 0x20) at += 1;
    return at;
  }

  /** Goes over the ends of lines too. @returns a place at which nothing is found when a line stands no deeper than `indent` */
  #skipBlank(from: number, indent: number): number {
    let at = this.#skipSpaces(from);
    while (this.source.charCodeAt(at) === 0x0a) {
      const begin = at + 1;
      at = this.#skipSpaces(begin);
      if (at - begin <= indent && this.source.charCodeAt(at) !== 0x0a) return this.source.length;
      this.#endLineAt(begin);
    }
    return at;
  }

  #opens(at: number): boolean {
    return this.source.charCodeAt(at) === 0x7b || this.source.charCodeAt(at) === 0x5b;
  }

  #match(pattern: RegExp, at: number): RegExpExecArray | undefined {
    pattern.lastIndex = at;
    return pattern.exec(this.source) ?? undefined;
  }
}

function plain(text: string, at: number): YamlScalar {
  return { kind: 'scalar', text, quoted: false, span: [at, at + text.length], at };
}
