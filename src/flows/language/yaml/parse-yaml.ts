/** The text as a tree with offsets: YAML 1.2 core, one document, nothing hidden. All problems of the text in one run. */
import { isAlias, isMap, isPair, isScalar, isSeq, parseDocument, type Document, type Node } from 'yaml';
import type { Diagnostics, Span } from '../diagnostic.ts';
import { type YamlEntry, type YamlMap, type YamlNode, type YamlScalar } from './node.ts';
import { readPlain } from './plain-yaml.ts';
import { repair } from './repair.ts';

export const LARGEST_FILE = 262_144;
export const DEEPEST = 64;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** @returns nothing when the text is too large, too deep or empty; then the diagnostics say so */
export function parseYaml(source: string, diagnostics: Diagnostics): YamlNode | undefined {
  if (source.length > LARGEST_FILE || new TextEncoder().encode(source).length > LARGEST_FILE) {
    diagnostics.report('flow.too-large', [0, 1]);
    return undefined;
  }
  const repaired = repair(source, diagnostics);
  const deep = tooDeepAt(repaired);
  if (deep !== undefined) {
    diagnostics.report('flow.too-deep', [deep, deep + 1]);
    return undefined;
  }
  return (repaired === source ? readPlain(source) : undefined) ?? readAnything(source, repaired, diagnostics);
}

/** All of YAML. @param repaired the text with the structure that was meant, of the same length */
export function readAnything(source: string, repaired: string, diagnostics: Diagnostics): YamlNode | undefined {
  const document = parseDocument(repaired, {
    version: '1.2',
    // Scalars are read by their source text and the schema of their field: resolving them here would be thrown away.
    schema: 'failsafe',
    strict: true,
    uniqueKeys: true,
    merge: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  reportLibraryProblems(document, source, diagnostics);
  const root = document.contents;
  if (!root || (isScalar(root) && root.value === null)) {
    if (diagnostics.list().length === 0) diagnostics.report('flow.empty', [0, 1]);
    return undefined;
  }
  return new Conversion(source, diagnostics).node(root, [0, 0]);
}

class Conversion {
  constructor(
    readonly source: string,
    readonly diagnostics: Diagnostics,
  ) {}

  node(node: unknown, empty: Span): YamlNode {
    if (isMap(node)) return this.#map(node.items, spanOf(node, empty));
    if (isSeq(node))
      return {
        kind: 'list',
        items: node.items.map((item) => (isPair(item) ? this.#map([item], empty) : this.node(item, empty))),
        span: spanOf(node, empty),
      };
    if (isAlias(node)) {
      this.diagnostics.report('flow.alias', spanOf(node, empty));
      return emptyScalar(spanOf(node, empty));
    }
    if (!isScalar(node)) return emptyScalar(empty);
    this.#plainOnly(node, empty);
    const span = spanOf(node, empty);
    const type = node.type;
    if (type === 'PLAIN' || type === undefined) {
      const written = this.source.slice(...span);
      return {
        kind: 'scalar',
        text: written.includes('\n') ? written.replace(/\s*\n\s*/g, ' ') : written,
        quoted: false,
        span,
        at: span[0],
      };
    }
    const block = type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED';
    return {
      kind: 'scalar',
      text: typeof node.value === 'string' ? node.value : String(node.source ?? ''),
      quoted: true,
      span,
      at: block ? this.source.indexOf('\n', span[0]) + 1 : span[0] + 1,
    };
  }

  #map(items: readonly { key: unknown; value: unknown }[], span: Span): YamlMap {
    const entries: YamlEntry[] = [];
    const seen = new Map<string, number>();
    for (const { key, value } of items) {
      const keySpan = keySpanOf(key, span, this.source);
      const name = isScalar(key) ? this.source.slice(...keySpan).replace(/^["']|["']$/g, '') : '';
      if (!isScalar(key)) {
        this.diagnostics.report('flow.kind', keySpan, { owner: 'A key', expected: 'a name', example: 'name: value' });
        continue;
      }
      this.#plainOnly(key, keySpan);
      const first = seen.get(name);
      if (name === '<<') this.diagnostics.report('flow.merge-key', keySpan);
      else if (FORBIDDEN.has(name)) this.diagnostics.report('flow.forbidden-key', keySpan, { name });
      else if (first !== undefined)
        this.diagnostics.report('flow.duplicate-key', keySpan, { name, line: this.diagnostics.position(first).line });
      else {
        seen.set(name, keySpan[0]);
        entries.push({ key: name, keySpan, value: this.node(value, [keySpan[1], keySpan[1]]) });
      }
    }
    return { kind: 'map', entries, span };
  }

  #plainOnly(node: Node & { anchor?: string }, at: Span): void {
    if (node.anchor !== undefined) this.diagnostics.report('flow.alias', spanOf(node, at));
    if (node.tag !== undefined) this.diagnostics.report('flow.tag', spanOf(node, at), { found: node.tag });
  }
}

/** The place of a key in the source. Its first letter may have made room for a space (repair.ts), so words are taken whole. */
function keySpanOf(key: unknown, otherwise: Span, source: string): Span {
  const [from, to] = spanOf(key, otherwise);
  let start = from;
  while (start > 0 && /\w/.test(source.charAt(start - 1))) start -= 1;
  return [start, to];
}

function emptyScalar(span: Span): YamlScalar {
  return { kind: 'scalar', text: '', quoted: false, span, at: span[0] };
}

function spanOf(node: unknown, otherwise: Span): Span {
  const range =
    typeof node === 'object' && node !== null && 'range' in node ? (node.range as [number, number, number] | null | undefined) : undefined; // the library's type of `range`
  return range ? [range[0], range[1]] : otherwise;
}

/** What is left after the repair, in plain words. */
const SENTENCES: Readonly<Record<string, readonly [problem: string, help: string]>> = {
  BAD_INDENT: ['The indentation does not fit the lines above.', 'close open brackets, and line the key up with its siblings'],
  MISSING_CHAR: ['Something is missing here.', 'look for a quote, a bracket or a dash that is not there, or one space too few'],
  BLOCK_AS_IMPLICIT_KEY: ['Two keys are on one line.', 'put quotes around a text with ": " in it, or start a new line'],
  BLOCK_IN_FLOW: ['A text with ": " in it needs quotes.', 'put the text in quotes'],
  UNEXPECTED_TOKEN: ['This was not expected here.', 'put quotes around the whole text, or start a new line'],
  MULTILINE_IMPLICIT_KEY: ['A key without a colon.', 'write a colon and a space after the key'],
  IMPOSSIBLE: ['This cannot be read.', 'put quotes around the text'],
};

function reportLibraryProblems(document: Document, source: string, diagnostics: Diagnostics): void {
  const open = diagnostics.list().some((problem) => problem.code === 'flow.open' || problem.code === 'flow.bracket');
  for (const { code, pos, message } of document.errors.slice(0, 20)) {
    // Said better, with both lines, when the tree is converted.
    if (code === 'DUPLICATE_KEY' || code === 'MULTIPLE_DOCS') continue;
    // A quote or bracket that was not closed explains what follows from it.
    if (open) continue;
    const at = Math.min(pos[0], Math.max(0, source.length - 1));
    if (code === 'BAD_ALIAS') diagnostics.report('flow.alias', [at, pos[1]]);
    else if (code === 'TAB_AS_INDENT') diagnostics.report('flow.tab', [at, pos[1]]);
    else {
      const [problem, help] = SENTENCES[code] ?? [
        `${message}.`,
        'put quotes around the text, and compare the indentation with the lines around it',
      ];
      diagnostics.report('flow.yaml', [at, Math.max(at + 1, Math.min(pos[1], source.length))], { problem }, help);
    }
  }
}

/** Where nesting passes the limit, found without building anything: 20,000 brackets would overflow the parser's stack. */
function tooDeepAt(source: string): number | undefined {
  let flow = 0;
  let offset = 0;
  const indents: number[] = [];
  for (const line of source.split('\n')) {
    const indent = line.length - line.trimStart().length;
    const dashes = leadingDashes(line);
    if (line.trim() !== '' && flow === 0) {
      while (indents.length > 0 && (indents.at(-1) ?? 0) >= indent) indents.pop();
      indents.push(indent);
    }
    if (indents.length + dashes > DEEPEST) return offset;
    for (let index = 0; index < line.length; index += 1) {
      const character = line.charCodeAt(index);
      if (character === 0x7b || character === 0x5b) flow += 1;
      else if (character === 0x7d || character === 0x5d) flow = Math.max(0, flow - 1);
      if (flow + indents.length + dashes > DEEPEST) return offset + index;
    }
    offset += line.length + 1;
  }
  return undefined;
}

/** `- - - x` opens three lists on one line. */
function leadingDashes(line: string): number {
  let dashes = 0;
  for (let index = 0; index < line.length; index += 1) {
    const character = line.charAt(index);
    if (character === '-' && (index + 1 === line.length || line.charAt(index + 1) === ' ')) dashes += 1;
    else if (character !== ' ') break;
  }
  return dashes;
}
