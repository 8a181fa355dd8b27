import { describe, expect, test } from '@jest/globals';
import { fullVocabulary } from '../test/full-vocabulary.ts';
import { compileSource } from './compile.ts';

const payment = { id: 'pay_1', status: 'completed', amount: { amount: '12.50', currency: 'EUR' }, description: 'Licence' };
const customer = { id: 'cus_1', phone: '+31612345678', locale: 'nl' };
const flow = (steps: string, top = '') =>
  compileSource(`kassaflow: 1\nflow: a-flow\non: payment.completed\n${top}steps:\n${steps}\n`, fullVocabulary);
const firstStep = (steps: string, top = '') => flow(steps, top).steps[0];

describe('a compiled flow', () => {
  test('computes what an action gets: literals by its schema, texts and formulas', () => {
    const step = firstStep(
      '  - do: sms.send\n    with: { to: 0612345678, text: "{{ money payment.amount }} for {{ payment.description }}" }',
    );
    if (step?.verb !== 'do') throw new Error('not an action');
    expect(step.with.evaluate({ payment, customer })).toEqual({ to: '0612345678', text: '€ 12,50 for Licence' });
    expect([...step.with.reads]).toEqual(['payment']);
    const charge = firstStep('  - do: payment.charge\n    with: { invoice: =payment.id, amount: 12.50 EUR }');
    expect(charge?.verb === 'do' && charge.with.evaluate({ payment })).toEqual({
      invoice: 'pay_1',
      amount: { amount: '12.50', currency: 'EUR' },
    });
  });

  test('names every step by its place in the tree', () => {
    const { steps, onFailure } = flow(
      '  - parallel:\n      receipt: [{ stop: x }]\n      books: [{ stop: y }, { stop: z }]\n  - if: payment.test\n    then: [{ stop: a }]\n    else: [{ stop: b }]',
      'on-failure:\n  - stop: c\n',
    );
    const [first, second] = steps;
    expect(
      first?.verb === 'parallel' &&
        Object.values(first.branches)
          .flat()
          .map(({ path }) => path),
    ).toEqual(['0.parallel.receipt.0', '0.parallel.books.0', '0.parallel.books.1']);
    expect(second?.verb === 'branch' && [second.then[0]?.path, second.else[0]?.path]).toEqual(['1.then.0', '1.else.0']);
    expect(onFailure[0]?.path).toBe('on-failure.0');
  });

  test('unless turns its condition round, and both together must hold', () => {
    const step = firstStep('  - if: payment.status == "completed"\n    unless: payment.test\n    stop: x');
    expect(step?.condition?.evaluate({ payment: { ...payment, test: false } })).toBe(true);
    expect(step?.condition?.evaluate({ payment: { ...payment, test: true } })).toBe(false);
  });

  test('a payment that moves money is asked about, whatever was written before it did', () => {
    const step = firstStep('  - do: payment.charge\n    with: { invoice: x }\n    on-unknown: resend');
    expect(step?.verb === 'do' && step.onUnknown).toBe('ask');
  });

  test.each([
    ['retry: never', { kind: 'never' }],
    [
      'retry: { times: 10, first: 30s, factor: 2, longest: 6h }',
      { kind: 'backoff', times: 10, firstMs: 30_000, factor: 2, longestMs: 21_600_000 },
    ],
    [
      'retry: { times: 3, every: 5min, within: 1h }',
      { kind: 'backoff', times: 3, firstMs: 300_000, factor: 1, longestMs: 300_000, withinMs: 3_600_000 },
    ],
    ['name: x', { kind: 'backoff', times: 5, firstMs: 10_000, factor: 3, longestMs: 3_600_000 }],
  ])('%s', (line, retry) => {
    const step = firstStep(`  - do: invoice.send\n    with: { invoice: x }\n    ${line}`);
    expect(step?.verb === 'do' && step.retry).toEqual(retry);
  });

  test('waits keep their duration for the calendar', () => {
    expect(firstStep('  - wait: 2 working-days\n    at: "09:30"')).toMatchObject({
      verb: 'wait',
      duration: { count: 2, unit: 'working-day' },
      at: { hour: 9, minute: 30 },
    });
  });

  test('one-per on an id needs only the event', () => {
    const compiled = flow('  - stop: x', 'one-per: payment.id\n');
    expect([...(compiled.onePer?.key.reads ?? [])]).toEqual(['event']);
    expect(compiled.onePer?.key.evaluate({ event: { payment } })).toBe('pay_1');
  });

  test('an old revision compiles although its action is gone', () => {
    expect(firstStep('  - do: pigeon.send\n    with: { to: =customer.phone }')).toMatchObject({ verb: 'do', action: 'pigeon.send' });
  });
});
