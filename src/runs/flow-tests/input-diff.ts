/** The differences between what a test expects of an input and what the input was: only what the test names is looked at. */
import { isRecord } from '../../kernel/record.ts';

const MOST_TEXT = 300;

/** One block of lines per difference. */
export function differences(expected: unknown, actual: unknown, at = ''): string[] {
  if (isRecord(expected) && isRecord(actual))
    return Object.entries(expected).flatMap(([name, value]) => differences(value, actual[name], at === '' ? name : `${at}.${name}`));
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length)
    return expected.flatMap((value, index) => differences(value, actual[index], `${at}[${index}]`));
  if (sameValue(expected, actual)) return [];
  return [at === '' ? 'the whole' : at, `- ${shown(expected)}`, `+ ${shown(actual)}`];
}

/** A value for people: JSON, on one line and not without end. */
export function shown(value: unknown): string {
  if (value === undefined) return '(nothing)';
  const text = JSON.stringify(value) ?? '(nothing)';
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
}

/** Amounts are written with spaces that do not break (`€ 12,10`); nobody types those, and nobody sees the difference. */
function sameValue(a: unknown, b: unknown): boolean {
  if (typeof a === 'string' && typeof b === 'string') return plainSpaces(a) === plainSpaces(b);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, index) => sameValue(value, b[index]));
  if (isRecord(a) && isRecord(b)) {
    const names = Object.keys(a);
    return names.length === Object.keys(b).length && names.every((name) => sameValue(a[name], b[name]));
  }
  return Object.is(a, b);
}

/** Also used for reasons. */
export function plainSpaces(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, ' ');
}
