import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { checkFlow } from '../../src/flows/language/check/check-flow.ts';
import { compile } from '../../src/flows/language/compile.ts';
import { ExpressionTypes } from '../../src/flows/language/expressions/check-expression.ts';
import { compileExpression } from '../../src/flows/language/expressions/expression.ts';
import { fullVocabulary } from '../../src/flows/test/full-vocabulary.ts';
import { Diagnostics } from '../../src/flows/language/diagnostic.ts';
import { readAnything } from '../../src/flows/language/yaml/parse-yaml.ts';
import { readPlain } from '../../src/flows/language/yaml/plain-yaml.ts';
import { excerpt, expression, file, seeded } from './grammar.ts';
import { tryExpression, tryFile, tryYaml } from './language.ts';
import { trial } from './trial.ts';

/** The long runs with a limit of 50 ms are scripts beside this file; here a busy machine may take its time. */
const NO_LIMIT = Number.POSITIVE_INFINITY;

const flows = globSync(['src/flows/test/examples/*.yaml', 'flows/*.yaml']).map((name) => readFileSync(name, 'utf8'));

describe('the language stands any text', () => {
  test('2,000 expressions', () => {
    const random = seeded(20_261_121);
    const { crashes } = trial(2_000, NO_LIMIT, () => expression(random), tryExpression({ ExpressionTypes, compileExpression }));
    expect(crashes).toEqual([]);
  });

  test('300 files', () => {
    const random = seeded(20_261_121);
    const { crashes } = trial(300, NO_LIMIT, () => file(flows, random), tryFile({ checkFlow, compile }, fullVocabulary));
    expect(crashes).toEqual([]);
  });

  test('plain YAML is read as the library reads it: 10,000 excerpts and every example', () => {
    const random = seeded(20_261_121);
    const attempt = tryYaml({ Diagnostics, readAnything, readPlain });
    expect(flows.filter((flow) => !readPlain(flow))).toEqual([]);
    flows.forEach(attempt);
    expect(trial(10_000, NO_LIMIT, () => excerpt(flows, random), attempt).crashes).toEqual([]);
  });
});
