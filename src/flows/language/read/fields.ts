/** Reads the keys of one map by kind, and reports what is unknown, missing or of another kind. */
import { isKassaflowError } from '../../../kernel/errors.ts';
import { DURATION_UNITS, parseDuration } from '../../../kernel/duration.ts';
import { nearest } from '../../../kernel/nearest.ts';
import type { Diagnostics, Span } from '../diagnostic.ts';
import type { DurationText, NumberText, Text } from '../syntax.ts';
import { isEmpty, type YamlEntry, type YamlList, type YamlMap, type YamlNode } from '../yaml/node.ts';

/** A map, what to call it in messages, and where problems go. */
export class Fields {
  readonly #entries: ReadonlyMap<string, YamlEntry>;

  constructor(
    readonly map: YamlMap,
    readonly owner: string,
    readonly diagnostics: Diagnostics,
  ) {
    this.#entries = new Map(map.entries.map((entry) => [entry.key, entry]));
  }

  /** Reports keys outside `names`. */
  only(names: readonly string[], suggestions: readonly string[] = names): this {
    for (const { key, keySpan } of this.map.entries) {
      if (names.includes(key)) continue;
      // `-wait: 3d`: a dash without a space became part of the key.
      if (key.startsWith('-') && suggestions.includes(key.slice(1))) {
        this.diagnostics.report('flow.dash', keySpan, {}, `write  - ${key.slice(1)}: …`);
        continue;
      }
      const near = nearest(key, suggestions);
      this.diagnostics.report(
        'flow.unknown-key',
        keySpan,
        { owner: this.owner, name: key, names: names.join(', ') },
        near === undefined ? undefined : `did you mean ${near}?`,
      );
    }
    return this;
  }

  entry(key: string): YamlEntry | undefined {
    return this.#entries.get(key);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Reports a key that must be there. */
  need(key: string, span: Span): YamlEntry | undefined {
    const entry = this.#entries.get(key);
    if (!entry) this.diagnostics.report('flow.missing-key', span, { owner: this.owner, name: key });
    return entry;
  }

  text(key: string): Text | undefined {
    const entry = this.#entries.get(key);
    return entry && textOf(entry, this.diagnostics);
  }

  duration(key: string): DurationText | undefined {
    const text = this.text(key);
    return text && durationOf(text, this.diagnostics);
  }

  number(key: string, least: number, most: number, whole = true): NumberText | undefined {
    const text = this.text(key);
    if (!text) return undefined;
    const value = /^-?[0-9]+(\.[0-9]+)?$/.test(text.text) ? Number(text.text) : Number.NaN;
    if (Number.isNaN(value) || (whole && !Number.isInteger(value)))
      this.diagnostics.report('flow.kind', text.span, {
        owner: key,
        expected: whole ? 'a whole number' : 'a number',
        example: `${key}: ${least}`,
      });
    else if (value < least || value > most) this.diagnostics.report('flow.range', text.span, { owner: key, least, most });
    else return { ...text, value };
    return undefined;
  }

  /** One of a few words. */
  word<const W extends string>(key: string, words: readonly W[]): (Text & { readonly text: W }) | undefined {
    const text = this.text(key);
    if (!text) return undefined;
    const found = words.find((word) => word === text.text);
    if (found !== undefined) return { ...text, text: found };
    const near = nearest(text.text, words);
    this.diagnostics.report(
      'flow.value',
      text.span,
      { owner: key, found: text.text, names: words.join(', ') },
      near === undefined ? undefined : `did you mean ${near}?`,
    );
    return undefined;
  }

  /** As {@link word}, and what was written when it is none of them: so that nobody says that it is missing. */
  wordAsWritten(key: string, words: readonly string[]): Text | undefined {
    return this.word(key, words) ?? this.text(key);
  }

  map_(key: string): YamlMap | undefined {
    const value = this.#entries.get(key)?.value;
    if (!value || value.kind === 'map') return value;
    if (!isEmpty(value))
      this.diagnostics.report('flow.kind', value.span, { owner: key, expected: 'names with values', example: `${key}: { name: value }` });
    return undefined;
  }

  list(key: string): YamlList | undefined {
    const value = this.#entries.get(key)?.value;
    if (!value || value.kind === 'list') return value;
    this.diagnostics.report('flow.kind', spanOrKey(value, this.#entries.get(key)), {
      owner: key,
      expected: 'a list',
      example: `${key}: with one "- " per entry`,
    });
    return undefined;
  }
}

/** The text of a scalar; reports a map or list, and an empty value. */
export function textOf({ key, keySpan, value }: YamlEntry, diagnostics: Diagnostics): Text | undefined {
  if (value.kind === 'scalar' && !isEmpty(value)) return { text: value.text, span: value.span, at: value.at };
  const span = value.kind === 'scalar' ? keySpan : value.span;
  // A repair may already have said what is wrong here.
  if (!diagnostics.has(value.span) && !diagnostics.has(keySpan))
    diagnostics.report('flow.kind', span, { owner: key, expected: 'a text', example: `${key}: …` });
  return undefined;
}

/** The text of an item of a list. */
export function itemText(value: YamlNode, owner: string, diagnostics: Diagnostics): Text | undefined {
  return textOf({ key: owner, keySpan: value.span, value }, diagnostics);
}

/** Parses a duration; reports with the nearest unit when it is none. */
export function durationOf(text: Text, diagnostics: Diagnostics): DurationText {
  try {
    return { ...text, duration: parseDuration(text.text) };
  } catch (error) {
    if (!isKassaflowError(error)) throw error;
    const [, count = '1', unit = ''] = /^\s*([0-9]*)\s*(.*)$/.exec(text.text) ?? [];
    // A number alone could be anything: no unit is guessed.
    const close = unit.trim() === '' ? undefined : (UNITS_BY_NAME[unit.trim()] ?? nearest(unit.trim(), Object.keys(DURATION_UNITS)));
    const near = close !== undefined && count !== '1' && `${close}s` in DURATION_UNITS ? `${close}s` : close;
    const better = near !== undefined && /^[1-9][0-9]{0,8}$/.test(count) && error.code !== 'duration.range';
    diagnostics.report(
      'flow.duration',
      text.span,
      { found: text.text },
      better
        ? `did you mean ${count}${near.length > 3 ? ' ' : ''}${near}?`
        : error.code === 'duration.range'
          ? 'the longest duration is ten years'
          : undefined,
    );
    return text;
  }
}

/** Units that people know from elsewhere. */
const UNITS_BY_NAME: Readonly<Record<string, string>> = {
  m: 'min',
  mins: 'min',
  minute: 'min',
  minutes: 'min',
  seconds: 's',
  second: 's',
  hr: 'h',
  hrs: 'h',
};

function spanOrKey(value: YamlNode, entry: YamlEntry | undefined): Span {
  return value.span[1] > value.span[0] ? value.span : (entry?.keySpan ?? value.span);
}

/** Leaves out what is undefined, because a key that is present means something. */
export function present<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
