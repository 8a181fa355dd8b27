import { defineErrors } from '../../../kernel/errors.ts';

/** What can be wrong with an expression, when it is checked and when it is computed. */
export const expressionErrors = defineErrors('expression', {
  syntax: { status: 422, title: 'This is not an expression', remedy: 'fix' },
  'too-long': {
    status: 422,
    title: 'An expression has at most 2,048 characters',
    remedy: 'fix',
    help: 'Compute parts of it with set: and refer to them as vars.<name>.',
  },
  depth: {
    status: 422,
    title: 'The expression is nested too deep or has too many parts',
    remedy: 'fix',
    help: 'Compute parts of it with set: and refer to them as vars.<name>.',
  },
  'unknown-name': { status: 422, title: 'There is nothing with this name', remedy: 'fix' },
  'unknown-field': { status: 422, title: 'There is no such field', remedy: 'fix' },
  'unknown-function': {
    status: 422,
    title: 'There is no such function',
    remedy: 'fix',
    help: 'There are: money sum size now days workday lower like matches startsWith endsWith contains has all exists map filter.',
  },
  type: { status: 422, title: 'These kinds of values do not go together', remedy: 'fix' },
  'not-boolean': { status: 422, title: 'A condition must be true or false', remedy: 'fix' },
  'division-by-zero': { status: 422, title: 'A number cannot be divided by zero', remedy: 'fix' },
  overflow: { status: 422, title: 'The number is larger than can be handled', remedy: 'fix' },
  'currency-mix': { status: 422, title: 'Amounts in different currencies cannot be compared or combined', remedy: 'fix' },
  'money-number': { status: 422, title: 'An amount of money cannot be compared with a plain number', remedy: 'fix' },
  float: {
    status: 422,
    title: 'Numbers with decimals are not exact and cannot be compared for equality',
    remedy: 'fix',
    help: 'Use money("0.30 EUR") for amounts, or compare with < and >.',
  },
  regex: {
    status: 422,
    title: 'This pattern is not supported',
    remedy: 'fix',
    help: 'Patterns follow RE2: no look-around and no back references.',
  },
  budget: { status: 422, title: 'The expression takes too many steps', remedy: 'fix' },
  'result-too-large': { status: 422, title: 'The value of the expression is too large', remedy: 'fix' },
  value: { status: 422, title: 'The expression cannot be computed from these values', remedy: 'fix' },
});

export type ExpressionErrorName = keyof typeof expressionErrors;
