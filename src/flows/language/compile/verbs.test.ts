import { describe, expect, test } from '@jest/globals';
import { fullVocabulary } from '../../test/full-vocabulary.ts';
import { compileSource } from '../compile.ts';
import type { CompiledStep } from '../compiled-flow.ts';

const flow = (steps: string, top = '', on = 'payment.failed') =>
  compileSource(`kassaflow: 1\nflow: a-flow\non: ${on}\n${top}steps:\n${steps}\n`, fullVocabulary, 'Europe/Oslo');

function firstStep<V extends CompiledStep['verb']>(verb: V, steps: string, top = ''): Extract<CompiledStep, { verb: V }> {
  const [step] = flow(steps, top).steps;
  if (step?.verb !== verb) throw new Error(`not a ${verb}`);
  return step as Extract<CompiledStep, { verb: V }>; // just compared
}
const pathsOf = (steps: readonly CompiledStep[] | undefined) => steps?.map(({ path }) => path);
const run = { event: { payment: { id: 'pay_1' }, invoice: { id: 'inv_1' } }, steps: { request: { payment: 'pay_9' } } };

describe('wait-for', () => {
  test('the same subject is found by its id in the event', () => {
    const { events, match, within } = firstStep('wait-for', '  - wait-for: invoice.paid\n    same: invoice\n    timeout: 3d');
    expect([events, match.key?.path, match.key?.value.evaluate(run), match.where, within]).toEqual([
      ['invoice.paid'],
      'invoice.id',
      'inv_1',
      undefined,
      { count: 3, unit: 'day' },
    ]);
  });

  test('a subject that the event does not name is read', () => {
    const { match } = firstStep('wait-for', '  - wait-for: refund.completed\n    same: refund');
    expect([match.key?.path, match.key?.value.source, [...(match.key?.value.reads ?? [])]]).toEqual(['refund.id', 'refund.id', ['refund']]);
  });

  test.each([
    'event.payment.id == steps.request.payment',
    'steps.request.payment == event.payment.id',
    'event.payment.provider != "x" && (event.payment.id == steps.request.payment)',
  ])('the equality in "%s" is a key, and the whole is evaluated too', (where) => {
    const { match } = firstStep('wait-for', `  - wait-for: [payment.completed, payment.expired]\n    where: ${JSON.stringify(where)}`);
    expect([match.key?.path, match.key?.value.evaluate(run)]).toEqual(['payment.id', 'pay_9']);
    expect(match.where?.evaluate({ ...run, event: { payment: { id: 'pay_9' } } })).toBe(true);
    expect(match.where?.evaluate({ ...run, event: { payment: { id: 'pay_1' } } })).toBe(false);
  });

  test.each([
    'event.payment.id == event.order.id',
    'event.payment.id == "a" || event.order.id == "b"',
    'event.payment.amount == money("1 EUR")',
    'event.payment.id != steps.request.payment',
  ])('"%s" gives no key', (where) => {
    const { match } = firstStep('wait-for', `  - wait-for: payment.completed\n    where: ${JSON.stringify(where)}`);
    expect([match.key, match.where?.source]).toEqual([undefined, where]);
  });

  test('without either, the case of the flow is meant', () => {
    const byId = firstStep('wait-for', '  - wait-for: invoice.paid', 'one-per: invoice.id\n').match;
    expect([byId.key?.path, byId.key?.value.evaluate(run), byId.onePer]).toEqual(['invoice.id', 'inv_1', undefined]);
    const computed = firstStep('wait-for', '  - wait-for: payment.completed', 'one-per: event.payment.id + "-x"\n').match;
    expect([computed.key, computed.onePer?.evaluate({ event: { payment: { id: 'pay_2' } } })]).toEqual([undefined, 'pay_2-x']);
  });
});

test('stop-on is matched in the same way', () => {
  const { stopOn } = flow(
    '  - stop: x',
    'one-per: invoice.id\nstop-on:\n  - invoice.cancelled\n  - { event: payment.completed, where: event.payment.amount > money("1 EUR") }\n',
  );
  expect(stopOn.map(({ event, match }) => [event, match.key?.path, match.where?.source])).toEqual([
    ['invoice.cancelled', 'invoice.id', undefined],
    ['payment.completed', undefined, 'event.payment.amount > money("1 EUR")'],
  ]);
});

describe('the paths of inner steps', () => {
  test('say in which list of the step they stand', () => {
    const stop = (key: string, indent = 4) => `${' '.repeat(indent)}${key}:\n${' '.repeat(indent + 2)}- stop: x\n`;
    const steps = [
      `  - repeat: 3\n    until: payment.test\n    every: 1d\n${stop('steps')}${stop('otherwise')}`,
      `  - for-each: =[1, 2]\n    as: one\n    at-once: 5\n${stop('steps')}`,
      `  - wait-for: invoice.paid\n    same: invoice\n${stop('on-timeout')}${stop('on-failure')}`,
      `  - ask: "Sure, {{ payment.id }}?"\n    who: finance\n    timeout: 2 working-days\n${stop('on-timeout')}`,
      `  - do: credit.add\n    with: { customer: x, credits: 1 }\n${stop('undo')}`,
    ].join('');
    const [repeat, forEach, waitFor, ask, add] = flow(steps).steps;
    if (repeat?.verb !== 'repeat' || forEach?.verb !== 'for-each' || waitFor?.verb !== 'wait-for' || ask?.verb !== 'ask')
      throw new Error('verbs');
    expect([repeat.steps, repeat.otherwise, forEach.steps, waitFor.onTimeout, ask.onTimeout, add?.undo].flatMap(pathsOf)).toEqual([
      '0.repeat.0',
      '0.otherwise.0',
      '1.for-each.0',
      '2.on-timeout.0',
      '3.on-timeout.0',
      '4.undo.0',
    ]);
    expect(typeof waitFor.onFailure === 'object' && pathsOf(waitFor.onFailure)).toEqual(['2.on-failure.0']);
    expect([repeat.times, repeat.every, forEach.as, forEach.atOnce, forEach.list.evaluate({})]).toEqual([
      3,
      { count: 1, unit: 'day' },
      'one',
      5,
      [1, 2],
    ]);
    expect([ask.who, ask.choices, ask.within, ask.question.evaluate(run), ask.timeoutMs]).toEqual([
      'finance',
      ['approve', 'reject'],
      { count: 2, unit: 'working-day' },
      'Sure, ?',
      undefined,
    ]);
  });

  test('repeat without a number goes on until its condition holds', () => {
    const { times, until } = firstStep('repeat', '  - repeat:\n    until: payment.test\n    steps: [{ wait: 1d }]');
    expect([times, until?.source]).toEqual([undefined, 'payment.test']);
  });

  test('an element of a list has the shape that the action describes', () => {
    const [, forEach] = flow(
      '  - id: usage\n    do: subscription.usage\n    with: { period: x }\n' +
        '  - for-each: =steps.usage.overLimit\n    as: sub\n    steps:\n      - if: sub.overage.total > money("1 EUR")\n        stop: x\n',
    ).steps;
    const inner = forEach?.verb === 'for-each' ? forEach.steps[0] : undefined;
    // The amount is absent: it reads as nothing, because its kind is known.
    expect(inner?.condition?.evaluate({ sub: { overage: {} } })).toBe(false);
  });
});

test('a sub-flow gets its inputs and says whether it is waited for', () => {
  const { flow: name, and, with: inputs } = firstStep('run', '  - run: other\n    with: { id: =payment.id }\n    and: continue');
  expect([name, and, inputs.evaluate({ payment: { id: 'pay_1' } })]).toEqual(['other', 'continue', { id: 'pay_1' }]);
});

describe('triggers', () => {
  test.each([
    ['every 15min', '*/15 * * * *'],
    ['every 1 min', '* * * * *'],
    ['every 2h', '0 0,2,4,6,8,10,12,14,16,18,20,22 * * *'],
    ['every 6h at 03:30', '30 3,9,15,21 * * *'],
    ['every 1h at 00:05', '5 * * * *'],
    ['every day at 02:30', '30 2 * * *'],
    ['every day', '0 0 * * *'],
    ['every weekday at 09:00', '0 9 * * 1-5'],
    ['every fri,mon,fri at 09:05', '5 9 * * 1,5'],
    ['every sun', '0 0 * * 0'],
    ['every month on day 28 at 06:00', '0 6 28 * *'],
    ['every month on last day at 23:59', '59 23 L * *'],
  ])('%s is %s', (phrase, cron) => {
    expect(flow('  - stop: x', '', `{ schedule: "${phrase}" }`).triggers).toEqual([
      { kind: 'schedule', text: phrase, cron, timeZone: 'Europe/Oslo', missed: 'run-once' },
    ]);
  });

  test('cron, time zones, missed moments, plugins', () => {
    const on = [
      '',
      '  - { cron: 0 9 * * 1-5, timezone: Europe/London, missed: skip }',
      '  - { schedule: every day, missed: all }',
      '  - { trigger: books.changed, via: books-nl, with: { since: 3 } }',
    ].join('\n');
    expect(flow('  - stop: x', 'timezone: Europe/Paris\n', on).triggers).toEqual([
      { kind: 'schedule', text: '0 9 * * 1-5', cron: '0 9 * * 1-5', timeZone: 'Europe/London', missed: 'skip' },
      { kind: 'schedule', text: 'every day', cron: '0 0 * * *', timeZone: 'Europe/Paris', missed: 'all' },
      { kind: 'plugin', trigger: 'books.changed', via: 'books-nl', with: { since: 3 } },
    ]);
  });
});

test('if-running without one-per makes the whole flow one case', () => {
  const { onePer } = flow('  - stop: x', 'if-running: queue\n', '{ schedule: every day }');
  expect([onePer?.ifRunning, onePer?.key.evaluate({ event: {} })]).toEqual(['queue', onePer?.key.evaluate({ event: { id: 1 } })]);
});
