/** What must not compile does not: each `@ts-expect-error` fails the type check when its line begins to compile. */
import { describe, expect, test } from '@jest/globals';
import { action, definePlugin, isPlugin, minorOf, ok, type From } from '../src/index.ts';

const input = {
  type: 'object',
  required: ['amount'],
  properties: { amount: { type: 'object', format: 'money' }, note: { type: 'string' } },
} as const;
const output = { type: 'object', required: ['id'], properties: { id: { type: 'string' } } } as const;
const shared = { name: 'thing.pay', title: 'Pay', about: 'Pays', input, output, sample: { id: 'x' } } as const;
const run = async () => ok({ id: '1' });
const lookup = async () => ok(undefined);

describe('an action that moves money', () => {
  test('compiles with `keyed` or `lookup` only', () => {
    action()({ ...shared, movesMoney: true, effect: 'keyed', keyTtlMs: 86_400_000 }).does({ run });
    action()({ ...shared, movesMoney: true, effect: 'lookup' }).does({ run, lookup });
    // @ts-expect-error nobody could say whether it happened
    action()({ ...shared, movesMoney: true, effect: 'once' }).does({ run });
    // @ts-expect-error a read does not move money
    action()({ ...shared, movesMoney: true, effect: 'read' }).does({ run });
    expect(true).toBe(true);
  });
});

describe('an action', () => {
  test('with the effect `lookup` does not compile without lookup()', () => {
    // @ts-expect-error lookup is missing
    action()({ ...shared, effect: 'lookup' }).does({ run });
    expect(true).toBe(true);
  });

  test('does not compile without an effect', () => {
    // @ts-expect-error effect is missing
    action()({ ...shared }).does({ run });
    expect(true).toBe(true);
  });

  test('gets its input and gives its output by its schemas', () => {
    const taken: From<typeof input> = { amount: { amount: '1.00', currency: 'EUR' } };
    // @ts-expect-error a required property is missing
    const missing: From<typeof input> = { note: 'x' };
    // @ts-expect-error the output says that id is a text
    action()({ ...shared, effect: 'read' }).does({ run: async () => ok({ id: 7 }) });
    expect([taken.note, missing.note]).toEqual([undefined, 'x']);
  });

  test('keeps what it is beside what it does', () => {
    const finished = action()({ ...shared, effect: 'lookup' }).does({ run, lookup });
    expect(finished).toMatchObject({ name: 'thing.pay', effect: 'lookup', run, lookup });
  });
});

describe('a plugin', () => {
  test('is known by its brand, also when another copy of the package made it', () => {
    const made = definePlugin({
      id: 'acme',
      title: 'Acme',
      about: 'x',
      version: '1.0.0',
      api: 1,
      hosts: [],
      connection: {
        settings: { type: 'object', properties: { apiKey: { type: 'string', 'x-secret': true } } },
        check: async ({ settings }) => ({ ok: true, account: settings.apiKey ?? '', mode: 'test' }),
      },
    });
    expect([isPlugin(made), isPlugin({ ...made }), isPlugin(null)]).toEqual([true, false, false]);
    expect(isPlugin({ [Symbol.for('kassaflow.plugin')]: true })).toBe(true);
  });
});

test.each([
  ['12.50', 1_250],
  ['500', 500],
  ['-0.01', -1],
  ['1.250', 1_250],
])('%s is %i minor units', (amount, minor) => {
  expect(minorOf({ amount, currency: 'EUR' })).toBe(minor);
});

test.each(['', '1,50', '1e3', '1.', '0x10', '99999999999999999999'])('%p is no amount', (amount) => {
  expect(() => minorOf({ amount, currency: 'EUR' })).toThrow(RangeError);
});
