import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

test('histories can be told from the command line: Node can strip the types of every file that it reads for that', () => {
  const files = reachedFrom(join(ROOT, 'test/histories/histories.ts'));
  expect(files.size).toBeGreaterThan(30);
  const problems = [...files].flatMap((file) => {
    try {
      stripTypeScriptTypes(readFileSync(file, 'utf8'));
      return [];
    } catch (error) {
      return [`${file}: ${String(error)}`];
    }
  });
  expect(problems).toEqual([]);
});

/** Files of `src/` are left out: of those the built ones are read. */
function reachedFrom(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file) || file.startsWith(join(ROOT, 'src/'))) return seen;
  seen.add(file);
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()'(\.[^']+\.ts)'/g))
    reachedFrom(join(dirname(file), path), seen);
  return seen;
}
