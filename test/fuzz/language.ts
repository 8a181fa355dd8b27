/** What is tried with one text: the checker and the compiler as they are used, with every answer looked at. */
import { isDeepStrictEqual } from 'node:util';
import type { checkFlow } from '../../src/flows/language/check/check-flow.ts';
import type { compile } from '../../src/flows/language/compile.ts';
import type { Scope } from '../../src/flows/language/compiled-flow.ts';
import type { ExpressionTypes } from '../../src/flows/language/expressions/check-expression.ts';
import type { compileExpression } from '../../src/flows/language/expressions/expression.ts';
import type { Shape } from '../../src/flows/language/shape.ts';
import type { Vocabulary } from '../../src/flows/language/vocabulary.ts';
import type { Diagnostics } from '../../src/flows/language/diagnostic.ts';
import type { readAnything } from '../../src/flows/language/yaml/parse-yaml.ts';
import type { readPlain } from '../../src/flows/language/yaml/plain-yaml.ts';

export interface Language {
  readonly checkFlow: typeof checkFlow;
  readonly compile: typeof compile;
  readonly ExpressionTypes: typeof ExpressionTypes;
  readonly compileExpression: typeof compileExpression;
  readonly Diagnostics: typeof Diagnostics;
  readonly readAnything: typeof readAnything;
  readonly readPlain: typeof readPlain;
}

const text: Shape = { kind: 'string' };
const object = (fields: Readonly<Record<string, Shape>>): Shape => ({ kind: 'object', fields });
const payment = object({ id: text, amount: { kind: 'money' }, status: { kind: 'string', values: ['completed', 'failed'] } });
const SHAPES: Readonly<Record<string, Shape>> = {
  payment,
  event: object({ payment }),
  customer: object({ name: text, phone: text }),
  order: object({ id: text, credits: { kind: 'int' } }),
  steps: object({ charge: object({ status: text }) }),
  vars: object({ limit: text }),
  inputs: object({}),
  item: { kind: 'any' },
  run: object({ event: object({ time: { kind: 'instant' } }) }),
};
const SCOPE: Scope = {
  payment: { id: 'pay_1', amount: { amount: '12.50', currency: 'EUR' }, status: 'completed' },
  event: { payment: { id: 'pay_1' } },
  customer: { name: 'a'.repeat(40) },
  steps: { charge: { status: 'completed' } },
  vars: { limit: '5.00 EUR' },
  item: [1, 'x', { a: 1 }],
  now: '2026-01-02T03:04:05Z',
};

/** A failure of the expression itself has a code; anything else that is thrown is a crash. */
export function tryExpression({
  ExpressionTypes,
  compileExpression,
}: Pick<Language, 'ExpressionTypes' | 'compileExpression'>): (source: string) => void {
  const types = new ExpressionTypes(SHAPES);
  return (source) => {
    for (const { start, end } of types.check(source, source.length % 2 === 0).problems)
      if (!(start >= 0 && end <= source.length + 1 && start <= end))
        throw new Error(`a problem from ${start} to ${end} of ${source.length}`);
    try {
      compileExpression(source, SHAPES).evaluate(SCOPE);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && /^(expression|money)\./.test(String(error.code)))) throw error;
    }
  };
}

export function tryFile({ checkFlow, compile }: Pick<Language, 'checkFlow' | 'compile'>, vocabulary: Vocabulary): (source: string) => void {
  return (source) => {
    const { diagnostics, flow } = checkFlow(source, vocabulary);
    for (const { help, message, place } of diagnostics)
      if (help === '' || message === '' || place.line < 1 || place.column < 1 || place.length < 1)
        throw new Error(`an empty problem: ${message}`);
    if (flow) compile(flow, source, vocabulary);
  };
}

/** What the reader of plain YAML reads is what the library reads, place by place. */
export function tryYaml({
  Diagnostics,
  readAnything,
  readPlain,
}: Pick<Language, 'Diagnostics' | 'readAnything' | 'readPlain'>): (source: string) => void {
  return (source) => {
    const plain = readPlain(source);
    if (!plain) return;
    const diagnostics = new Diagnostics(source);
    const whole = readAnything(source, source, diagnostics);
    if (diagnostics.list().length > 0 || !isDeepStrictEqual(plain, whole)) throw new Error(`read as ${JSON.stringify(plain)}`);
  };
}
