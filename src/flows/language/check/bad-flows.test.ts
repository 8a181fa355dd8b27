/**
 * The catalogue of mistakes: `bad-flows/*.txt`, each flow with everything that the checker says about it.
 *
 * A section is `=== row what`, the file (a line with only `…` stands for the first three lines of an ordinary flow), and one line
 * `--- line:column code = help` per problem. Rows such as C19 are those of the list of bad inputs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { tenantVocabulary } from '../../test/full-vocabulary.ts';
import { DIAGNOSTICS } from '../diagnostics.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { checkFlow } from './check-flow.ts';

const FOLDER = 'src/flows/language/check/bad-flows';

const vocabulary: Vocabulary = {
  ...tenantVocabulary,
  triggers: [
    {
      name: 'books.changed',
      title: 'The books changed',
      plugin: 'books',
      input: { type: 'object', properties: {} },
      output: { type: 'object', properties: {} },
    },
  ],
  flows: ['a-flow', 'dunning', 'circle', 'back', 'deep-1', 'refund-by-hand', 'on-payment'],
  forms: {
    'refund-by-hand': {
      type: 'object',
      properties: {
        payment: { type: 'string' },
        amount: { type: 'object', format: 'money' },
        how: { type: 'string', enum: ['bank', 'card'] },
      },
      required: ['payment', 'amount'],
    },
    'on-payment': null,
  },
  calls: {
    circle: ['back'],
    back: ['a-flow'],
    'deep-1': ['deep-2'],
    'deep-2': ['deep-3'],
    'deep-3': ['deep-4'],
    'deep-4': ['deep-5'],
    'deep-5': ['deep-6'],
  },
};

interface BadFlow {
  readonly what: string;
  readonly source: string;
  readonly expected: readonly string[];
}

function readCatalogue(file: string): BadFlow[] {
  return readFileSync(`${FOLDER}/${file}`, 'utf8')
    .split(/^=== /m)
    .slice(1)
    .map((section) => {
      const [what = '', ...lines] = section.replace(/\n$/, '').split('\n');
      const source = lines.filter((line) => !/^--- [0-9]/.test(line)).flatMap((line) => (line === '…' ? HEAD : [line]));
      return {
        what,
        source: source.length === 0 ? '' : `${source.join('\n')}\n`,
        expected: lines.filter((line) => /^--- [0-9]/.test(line)).map((line) => line.slice('--- '.length)),
      };
    });
}

const HEAD = ['kassaflow: 1', 'flow: a-flow', 'on: payment.completed'];

function said(source: string): string[] {
  return checkFlow(source, vocabulary).diagnostics.map(({ code, place, help }) => `${place.line}:${place.column} ${code} = ${help}`);
}

const catalogue = readdirSync(FOLDER).flatMap((file) => readCatalogue(file).map((flow) => ({ ...flow, file })));

describe('the catalogue of bad flows', () => {
  test.each(catalogue)('$file: $what', ({ source, expected }) => {
    expect(expected.length).toBeGreaterThan(0);
    expect(said(source)).toEqual(expected);
  });

  test('holds at least 150, and nearly every problem that the checker knows', () => {
    expect(catalogue.length).toBeGreaterThanOrEqual(150);
    const codes = new Set(catalogue.flatMap(({ expected }) => expected.map((line) => line.split(' ')[1])));
    const missing = Object.keys(DIAGNOSTICS).filter((code) => !codes.has(code));
    expect(missing).toEqual(ELSEWHERE);
  });
});

/** Those that need a large text, more than one file or the samples, in check-flow.test.ts, check-tests.test.ts and the tests of the folder of flows. */
const ELSEWHERE = ['flow.too-large', 'flow.too-deep', 'flow.indent', 'flow.file-name', 'flow.duplicate-flow', 'flow.test'];
