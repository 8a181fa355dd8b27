import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT, sourceFiles } from './source-files.ts';

/** What goes wrong between a provider and us, as docs/pitfalls.md numbers it. */
const COUNT = 36;
/** `pitfall 14: …`, `pitfalls 9 and 10: …`, `pitfalls 1, 3 and 24: …` in the title of a test or of a group of tests. */
const NAMED = /\bpitfalls? (\d+(?:(?:, | and )\d+)*)/g;
/** A test's or group's title, also one of a table of cases. */
const TITLE = /['"`](?:[^'"`\n]*?)\bpitfalls? \d+[^'"`\n]*/g;

const tests = sourceFiles(['src', 'plugins', 'test'], { tests: true }).filter(
  // Stories that are told at every provider have their titles in the table from which they are told.
  ({ path }) => (path.endsWith('.test.ts') && !path.startsWith('test/architecture/')) || path.startsWith('test/stories/providers/'),
);

/** The numbers that titles name, each with its files. */
function namedBy(): ReadonlyMap<number, ReadonlySet<string>> {
  const found = new Map<number, Set<string>>();
  for (const { path, text } of tests)
    for (const [title] of text.matchAll(TITLE))
      for (const [, numbers = ''] of title.matchAll(NAMED))
        for (const number of numbers.split(/, | and /)) {
          const files = found.get(Number(number)) ?? new Set<string>();
          found.set(Number(number), files.add(path));
        }
  return found;
}

const all = Array.from({ length: COUNT }, (_, index) => index + 1);

describe('the pitfalls of payment providers', () => {
  test('each has a test that names it', () => {
    const named = namedBy();
    expect(all.filter((number) => !named.has(number))).toEqual([]);
    expect([...named.keys()].filter((number) => number < 1 || number > COUNT)).toEqual([]);
  });

  test('docs/pitfalls.md has a rule for each, in order, and the files that it names test it', () => {
    const named = namedBy();
    const rows = [...readFileSync(join(ROOT, 'docs/pitfalls.md'), 'utf8').matchAll(/^\| (\d+)\s+\|.*\|(.*)\|$/gm)];
    expect(rows.map(([, number]) => Number(number))).toEqual(all);
    const wrong = rows.flatMap(([, number, cell = '']) => {
      const files = [...cell.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
      const known = named.get(Number(number)) ?? new Set();
      const strange = files.filter((file) => ![...known].some((path) => path.includes(file)));
      return files.length === 0 ? [`${number}: no test is named`] : strange.map((file) => `${number}: ${file} does not name it`);
    });
    expect(wrong).toEqual([]);
  });
});
