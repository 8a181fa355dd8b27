import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT, sourceFiles } from './source-files.ts';

const DECLARATION = /defineErrors\(\s*'([a-z-]+)',\s*\{([\s\S]*?)\n\}\)/g;
const ENTRY = /^ {2}'?([a-z][a-z0-9-]*)'?:\s*\{/gm;

test('every error of the code is explained in docs/errors.md, and every explained error exists', () => {
  const inCode = sourceFiles(['src']).flatMap(({ text }) =>
    [...text.matchAll(DECLARATION)].flatMap(([, module = '', body = '']) =>
      [...body.matchAll(ENTRY)].map(([, name = '']) => `${module}.${name}`),
    ),
  );
  const inDocs = [...readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').matchAll(/^\| `([a-z0-9.-]+)` \|/gm)].map(([, code = '']) => code);
  expect(inCode.length).toBeGreaterThan(40);
  expect(inDocs.toSorted()).toEqual(inCode.toSorted());
});
