import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { checkFlow } from '../../src/flows/language/check/check-flow.ts';
import { compile } from '../../src/flows/language/compile.ts';
import { ExpressionTypes } from '../../src/flows/language/expressions/check-expression.ts';
import { compileExpression } from '../../src/flows/language/expressions/expression.ts';
import { fullVocabulary } from '../../src/flows/test/full-vocabulary.ts';
import { expression, file, seeded } from './grammar.ts';
import { tryExpression, tryFile } from './language.ts';
import { trial } from './trial.ts';

/** The long runs with a limit of 50 ms are scripts beside this file; here a busy machine may take its time. */
const NO_LIMIT = Number.POSITIVE_INFINITY;

describe('the language stands any text', () => {
  test('2,000 expressions', () => {
    const random = seeded(20_261_121);
    const { crashes } = trial(2_000, NO_LIMIT, () => expression(random), tryExpression({ ExpressionTypes, compileExpression }));
    expect(crashes).toEqual([]);
  });

  test('300 files', () => {
    const flows = globSync(['src/flows/test/examples/*.yaml', 'flows/*.yaml']).map((name) => readFileSync(name, 'utf8'));
    const random = seeded(20_261_121);
    const { crashes } = trial(300, NO_LIMIT, () => file(flows, random), tryFile({ checkFlow, compile }, fullVocabulary));
    expect(crashes).toEqual([]);
  });
});
