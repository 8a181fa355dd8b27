/** Reads the parts of a test by kind, and gathers what is wrong with them, each with its place. */
import { after, parseDuration, type Duration } from '../../kernel/duration.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { nearest } from '../../kernel/nearest.ts';
import type { Place } from '../../flows/language/compiled-flow.ts';
import { Diagnostics, type Span } from '../../flows/language/diagnostic.ts';
import { entryOf, type YamlEntry, type YamlMap, type YamlNode } from '../../flows/language/yaml/node.ts';
import type { Located, Problem } from './flow-test.ts';

/** The problems of one file's tests. */
export class TestProblems {
  readonly found: Problem[] = [];
  readonly #positions: Diagnostics;

  constructor(source: string) {
    this.#positions = new Diagnostics(source);
  }

  at([start]: Span): Place {
    return this.#positions.position(start);
  }

  report(span: Span, message: string, help?: string): undefined {
    this.found.push({ message, place: this.at(span), ...(help !== undefined && { help: [help] }) });
    return undefined;
  }

  located<T>(node: YamlNode, value: T): Located<T> {
    return { value, place: this.at(node.span) };
  }
}

/** The keys of `map`; those that are not among `names` are reported. */
export function keysOf(
  map: YamlMap,
  owner: string,
  names: readonly string[],
  problems: TestProblems,
): (key: string) => YamlNode | undefined {
  for (const { key, keySpan } of map.entries) if (!names.includes(key)) unknownKey(owner, key, keySpan, names, problems);
  return (key) => entryOf(map, key)?.value;
}

/** @param names what could have been meant */
export function unknownKey(owner: string, found: string, span: Span, names: readonly string[], problems: TestProblems): undefined {
  const near = nearest(found, names);
  return problems.report(span, `${owner} has no "${found}".`, near === undefined ? `there is ${listed(names)}` : `did you mean ${near}?`);
}

/** Some words of a list, for a help line. */
export function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : `${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}`;
}

/** The text of a scalar; anything else is reported. */
export function textOf(node: YamlNode | undefined, owner: string, problems: TestProblems): string | undefined {
  if (!node) return undefined;
  return node.kind === 'scalar' ? node.text : problems.report(node.span, `${owner} is a text.`);
}

/** The items of a list; one item without a list is a list of one. */
export function itemsOf(node: YamlNode | undefined): readonly YamlNode[] {
  return !node ? [] : node.kind === 'list' ? node.items : [node];
}

/** The entries of a map; anything else is reported. */
export function entriesOf(node: YamlNode | undefined, owner: string, problems: TestProblems): readonly YamlEntry[] {
  if (!node) return [];
  return node.kind === 'map' ? node.entries : (problems.report(node.span, `${owner} is a list of names with values.`) ?? []);
}

/** A count above zero. */
export function countOf(node: YamlNode | undefined, owner: string, problems: TestProblems): number | undefined {
  if (!node) return undefined;
  const text = node.kind === 'scalar' ? node.text : '';
  return /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : problems.report(node.span, `${owner} is a whole number above zero.`);
}

/** `3d`, or several that follow each other: `3d + 2h`. `0s` is no time at all. */
export function durationsOf(node: YamlNode | undefined, owner: string, problems: TestProblems): readonly Duration[] | undefined {
  const text = textOf(node, owner, problems);
  if (!node || text === undefined) return undefined;
  if (/^0 ?(s|min|h|d)?$/.test(text)) return [];
  try {
    return text.split('+').map((part) => parseDuration(part.trim()));
  } catch (error) {
    if (isKassaflowError(error))
      return problems.report(node.span, `"${text}" is not a duration.`, error.spec.help ?? 'write for example 3d');
    throw error;
  }
}

/** The moment so long after `from`, by the calendar of the zone. */
export function later(from: Date, durations: readonly Duration[], timeZone: string): Date {
  return durations.reduce((moment, duration) => after(moment, duration, timeZone), from);
}
