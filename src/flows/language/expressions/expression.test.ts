import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { objectShape, type Shape } from '../shape.ts';
import { compileCondition, compileExpression } from './expression.ts';

const money: Shape = { kind: 'money' };
const text: Shape = { kind: 'string' };
const shapes = {
  payment: objectShape({
    id: text,
    status: text,
    amount: money,
    test: { kind: 'bool' },
    metadata: { kind: 'map', values: text },
    createdAt: { kind: 'instant' },
  }),
  order: objectShape({ id: text, credits: { kind: 'int' } }),
  steps: objectShape({ usage: objectShape({ parts: { kind: 'list', items: objectShape({ open: money, count: { kind: 'int' } }) } }) }),
};
const scope = {
  payment: {
    id: 'pay_1',
    status: 'failed',
    amount: { amount: '600.00', currency: 'EUR' },
    test: false,
    metadata: { shop: 'a' },
    createdAt: '2026-11-20T10:00:00Z',
  },
  steps: {
    usage: {
      parts: [
        { open: { amount: '1.10', currency: 'EUR' }, count: 2 },
        { open: { amount: '2.20', currency: 'EUR' }, count: 3 },
      ],
    },
  },
  now: '2026-11-21T10:00:00.000Z',
};
const value = (source: string, given: object = scope) => compileExpression(source, shapes).evaluate({ ...given });

describe('expressions', () => {
  test.each<[string, unknown]>([
    ['payment.status == "failed" && payment.amount > money("500 EUR")', true],
    ['payment.amount + money("0.50 EUR")', { amount: '600.50', currency: 'EUR' }],
    ['payment.amount * 2', { amount: '1200.00', currency: 'EUR' }],
    ['-payment.amount', { amount: '-600.00', currency: 'EUR' }],
    ['payment.amount.currency', 'EUR'],
    ['payment.amount != money("600 EUR")', false],
    ['sum(steps.usage.parts.map(p, p.open))', { amount: '3.30', currency: 'EUR' }],
    ['steps.usage.parts.map(p, p.count)', [2, 3]],
    ['size(steps.usage.parts) == 2', true],
    ['steps.usage.parts.exists(p, (p.count > 2) && (p.open > money("1 EUR")))', true],
    ['steps.usage.parts.filter(p, p.count > 2).map(p, p.open)', [{ amount: '2.20', currency: 'EUR' }]],
    ['payment.metadata.shop', 'a'],
    ['payment.metadata["shop"]', 'a'],
    ['payment.metadata.nothing == ""', true],
    ['now()', '2026-11-21T10:00:00.000Z'],
    ['payment.createdAt < now() - duration("12h")', true],
    ['now() + days(1)', '2026-11-22T10:00:00.000Z'],
    ['workday(now())', false],
    ['lower("ABC")', 'abc'],
    ['"INV-2026-1".like("INV-*-1")', true],
    ['"INV-2026-2".like("INV-*-1")', false],
    ['"a" == \'a\' ? [1, 2] : []', [1, 2]],
    ['{"a": payment.amount, "b": 1}', { a: { amount: '600.00', currency: 'EUR' }, b: 1 }],
    ['"x".matches("^[a-z]$")', true],
  ])('%s', (source, expected) => expect(value(source)).toEqual(expected));

  test('a subject that is missing has default values, and has() tells the difference', () => {
    expect(value('order.credits > 0')).toBe(false);
    expect(value('order.id == ""')).toBe(true);
    expect(value('payment.amount > money("1 EUR")', {})).toBe(false);
    expect(value('has(order.credits)')).toBe(false);
    expect(value('has(order.credits) || order.credits == 0')).toBe(true);
    expect(value('has(payment.id) && payment.id != ""')).toBe(true);
  });

  test('it names the roots that it reads, and now when it asks for the time', () => {
    expect([...compileExpression('has(order.id) && payment.createdAt < now() && [1].all(x, x > 0)', shapes).reads].toSorted()).toEqual([
      'now',
      'order',
      'payment',
    ]);
  });

  test('the same recorded scope gives the same value on a replay', () => {
    const expression = compileExpression('now() + days(2)', shapes);
    expect(expression.evaluate(scope)).toBe(expression.evaluate(structuredClone(scope)));
  });

  test.each<[row: string, source: string, code: string]>([
    ['D01', 'payment["__proto__"]["polluted"]()', 'expression.syntax'],
    ['D01', '"".constructor.constructor("return 1")()', 'expression.syntax'],
    ['D03', '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!".matches("^(a+)+$") ? 1/0 : 1/0', 'expression.division-by-zero'],
    ['D04', '"a".matches("(?=a)")', 'expression.regex'],
    ['D04', '"a".matches("(a)\\\\1")', 'expression.regex'],
    [
      'D05',
      'steps.usage.parts.all(a, steps.usage.parts.all(b, steps.usage.parts.all(c, steps.usage.parts.all(d, true))))',
      'expression.budget',
    ],
    ['D06', '('.repeat(1_000) + '1' + ')'.repeat(1_000), 'expression.depth'],
    ['D07', `"${'x'.repeat(2_048)}"`, 'expression.too-long'],
    ['D08', '1/0', 'expression.division-by-zero'],
    ['D08', '1 % 0', 'expression.division-by-zero'],
    ['D09', '9223372036854775807 + 1', 'expression.overflow'],
    ['D13', 'payment.amount - money("1 NOK")', 'expression.currency-mix'],
    [
      'D15',
      '[1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, [1,2,3,4,5,6,7,8,9].map(c, "' + 'x'.repeat(800) + '")))',
      'expression.result-too-large',
    ],
    ['reserved', '_h0 || true', 'expression.unknown-name'],
    ['reserved', '_tick(1)', 'expression.unknown-function'],
    ['reserved', 'cel.bind(a, "x", a + a)', 'expression.unknown-function'],
  ])('%s: %s', (_, source, code) => {
    expect(() => value(source)).toThrow(expect.objectContaining({ code }));
  });

  test.each([
    'payment.constructor',
    'payment["__proto__"]',
    'payment.metadata.constructor',
    'steps.usage.__proto__',
    'steps.usage.parts.map(p, p.constructor)',
  ])('D01: %s is refused', (source) => {
    expect(() => value(source)).toThrow(expect.objectContaining({ code: 'expression.unknown-field' }));
  });

  test.each(['process.env', 'globalThis'])('D02: %s reaches nothing of the platform', (source) => {
    expect(value(source)).toBeNull();
  });

  test('D05: rounds of nested loops share one budget', () => {
    const list = Array.from({ length: 200 }, (_, index) => index);
    expect(() => compileExpression('l.all(a, l.all(b, a + b >= 0))', {}).evaluate({ l: list })).toThrow(
      expect.objectContaining({ code: 'expression.budget' }),
    );
    expect(compileExpression('l.all(a, a >= 0)', {}).evaluate({ l: list })).toBe(true);
  });

  test('D16: a condition that gives a text is refused', () => {
    expect(() => compileCondition('payment.status', shapes).evaluate(scope)).toThrow(
      expect.objectContaining({ code: 'expression.not-boolean' }),
    );
  });

  test('unless turns a condition round', () => {
    expect(compileCondition('payment.test', shapes, { negate: true }).evaluate(scope)).toBe(true);
  });

  test('an error at run time names the line and column in the file and no values', () => {
    const expression = compileExpression(
      'payment.status == "failed" && steps.usage.parts.all(p, p.count / (p.count - p.count) > 1)',
      shapes,
      { line: 7, column: 9 },
    );
    expect(() => expression.evaluate(scope)).toThrow(
      expect.objectContaining({
        code: 'expression.division-by-zero',
        facts: expect.objectContaining({ line: 7, found: 'p.count / (p.count - p.count', column: 64 }),
      }),
    );
  });

  test('no text makes the parser hang or throw anything but our own errors', () => {
    const piece = fc.constantFrom(
      'payment',
      '.',
      '[',
      ']',
      '(',
      ')',
      '"',
      'a',
      '1',
      ' ',
      '&&',
      '==',
      '.map(',
      'has(',
      ',',
      '{',
      '}',
      ':',
      '?',
      'x',
      '-',
      '!',
      '\\',
      '//',
      'matches(',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 60 }),
          fc.array(piece, { maxLength: 25 }).map((parts) => parts.join('')),
        ),
        (source) => {
          try {
            compileExpression(source, shapes).evaluate(scope);
          } catch (error) {
            expect((error as { code?: string }).code).toMatch(/^(expression|money)\./);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
