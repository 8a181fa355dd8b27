/**
 * Our own Handlebars: a closed set of helpers, no prototype access, and a budget on loops.
 *
 * Rendering is synchronous, so the state of one rendering lives in `current`. Only `each` can repeat; it counts rounds and
 * the length of what it made, which bounds time and memory: 1,500 × 1,500 rounds took 768 ms before, and are refused now.
 */
import Handlebars, { type HelperOptions } from 'handlebars';
import { formatsFor, type Formats } from './formats.ts';
import { templateErrors } from './errors.ts';
import { isKassaflowError } from '../../../kernel/errors.ts';

export const ROUND_BUDGET = 10_000;
export const LONGEST_OUTPUT = 262_144;

/** Our helpers, and how many values each takes. */
export const HELPERS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  money: [1, 1],
  date: [1, 2],
  time: [1, 1],
  number: [1, 1],
  join: [1, 3],
  upper: [1, 1],
  lower: [1, 1],
  default: [2, 2],
  plural: [3, 3],
  link: [1, 1],
};
/** Helpers with a body. */
export const BLOCKS = new Set(['if', 'unless', 'each', 'with']);

/** What a rendering needs besides its values. */
export interface RenderSettings {
  readonly language: string;
  readonly timeZone: string;
}

const handlebars = Handlebars.create();
for (const name of ['log', 'lookup', 'helperMissing', 'blockHelperMissing']) handlebars.unregisterHelper(name);

let current: { formats: Formats; roundsLeft: number; outputLeft: number } = {
  formats: formatsFor('en', 'UTC'),
  roundsLeft: 0,
  outputLeft: 0,
};

/** Parses with positions. @throws Error of Handlebars with `hash.loc` on a mistake */
export function parseTemplate(source: string) {
  return handlebars.parse(source);
}

/** Compiles; mistakes that only compilation finds show at the first rendering. */
export function compileHandlebars(source: string, escape: boolean): (values: object, settings: RenderSettings) => string {
  const known = Object.fromEntries([...Object.keys(HELPERS), ...BLOCKS].map((name) => [name, true]));
  const render = handlebars.compile(source, {
    strict: true,
    knownHelpersOnly: true,
    knownHelpers: known as KnownHelpers,
    noEscape: !escape,
  });
  return (values, { language, timeZone }) => {
    current = { formats: formatsFor(language, timeZone), roundsLeft: ROUND_BUDGET, outputLeft: LONGEST_OUTPUT };
    try {
      const text = render(values, { allowProtoMethodsByDefault: false, allowProtoPropertiesByDefault: false });
      if (text.length > LONGEST_OUTPUT) throw templateErrors.output({ found: text.length });
      return text;
    } catch (error) {
      if (isKassaflowError(error)) throw error;
      throw templateErrors.value({}, { cause: error });
    }
  };
}

handlebars.registerHelper({
  money: (wire: unknown) => (isEmpty(wire) ? '' : current.formats.money(wire)),
  date: (at: unknown, style: unknown) =>
    isEmpty(at) ? '' : current.formats.date(moment(at), style === 'short' || style === 'long' ? style : 'medium'),
  time: (at: unknown) => (isEmpty(at) ? '' : current.formats.time(moment(at))),
  number: (value: unknown) => current.formats.number(numeric(value)),
  upper: (value: unknown) => textOf(value).toLocaleUpperCase(current.formats.locale),
  lower: (value: unknown) => textOf(value).toLocaleLowerCase(current.formats.locale),
  default: (value: unknown, instead: unknown) => (isEmpty(value) ? textOf(instead) : value),
  plural: (count: unknown, one: unknown, other: unknown) =>
    current.formats.plural(numeric(count)) === 'one' ? textOf(one) : textOf(other),
  join,
  link: safeLink,
  each,
});

type KnownHelpers = NonNullable<CompileOptions['knownHelpers']>;

/** `join list`, `join list ', '`, `join list 'number' ', '`. */
function join(list: unknown, ...rest: unknown[]): string {
  const texts = rest.slice(0, -1).map(textOf);
  const [field, separator] = texts.length > 1 ? [texts[0], texts[1]] : [undefined, texts[0]];
  if (!Array.isArray(list)) return '';
  spend(list.length);
  return list.map((item: unknown) => textOf(field === undefined ? item : own(item, field))).join(separator ?? ', ');
}

function each(this: unknown, list: unknown, options: HelperOptions): string {
  const items: readonly unknown[] = Array.isArray(list) ? list : typeof list === 'object' && list !== null ? Object.values(list) : [];
  if (items.length === 0) return options.inverse(this);
  let text = '';
  items.forEach((item, index) => {
    spend(1);
    const data = { ...(options.data as object), index, first: index === 0, last: index === items.length - 1 };
    const piece = options.fn(item, { data, blockParams: [item, index] });
    current.outputLeft -= piece.length;
    if (current.outputLeft < 0) throw templateErrors.output({ limit: LONGEST_OUTPUT });
    text += piece;
  });
  return text;
}

function spend(rounds: number): void {
  current.roundsLeft -= rounds;
  if (current.roundsLeft < 0) throw templateErrors.budget({ limit: ROUND_BUDGET });
}

/** Only web addresses: `javascript:` in a link would be run by the receiver's mail program. */
function safeLink(value: unknown): string {
  const text = textOf(value);
  if (text === '') return '';
  if (!/^https:\/\/[^\s"'<>`]+$/i.test(text)) throw templateErrors.value({ problem: 'not an https address' });
  return text;
}

function moment(value: unknown): Date {
  const date = new Date(textOf(value));
  if (Number.isNaN(date.getTime())) throw templateErrors.value({ problem: 'not a date' });
  return date;
}

function numeric(value: unknown): number {
  const number = typeof value === 'number' ? value : Number(textOf(value));
  if (!Number.isFinite(number)) throw templateErrors.value({ problem: 'not a number' });
  return number;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || value === 0;
}

function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined; // tested on this line
}
