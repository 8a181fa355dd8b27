import type { Span } from '../diagnostic.ts';

/**
 * A value of the file as the author wrote it, before anybody decides what kind it has.
 * A scalar keeps its source text, because `phone: 0612345678` must keep its zero: the reader of a field knows the kind.
 */
export type YamlNode = YamlScalar | YamlMap | YamlList;

export interface YamlScalar {
  readonly kind: 'scalar';
  /** The text, without quotes and with escapes resolved. */
  readonly text: string;
  /** Quoted, or a block (`|`, `>`): surely meant as a text. */
  readonly quoted: boolean;
  /** With its quotes. */
  readonly span: Span;
  /** Offset of the first character of the text. */
  readonly at: number;
}

export interface YamlMap {
  readonly kind: 'map';
  readonly entries: readonly YamlEntry[];
  readonly span: Span;
}

export interface YamlList {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly span: Span;
}

export interface YamlEntry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: YamlNode;
}

/** Tells whether nothing was written. */
export function isEmpty(node: YamlNode): boolean {
  return node.kind === 'scalar' && !node.quoted && (node.text === '' || node.text === '~' || node.text === 'null');
}

export function entryOf(map: YamlMap, key: string): YamlEntry | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** The value by YAML's own rules, for places that no schema types: `true`, `12`, `1.5`, text. */
export function guessed(node: YamlNode): unknown {
  if (node.kind === 'map') return Object.fromEntries(node.entries.map(({ key, value }) => [key, guessed(value)]));
  if (node.kind === 'list') return node.items.map(guessed);
  if (node.quoted) return node.text;
  if (isEmpty(node)) return null;
  if (node.text === 'true' || node.text === 'false') return node.text === 'true';
  return /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(node.text) ? Number(node.text) : node.text;
}
