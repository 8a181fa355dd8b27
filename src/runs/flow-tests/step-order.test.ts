import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compared, fits, type Ordered } from './step-order.ts';

/** A call at `path`; its name is the action. */
const call = (path: string, action: string): Ordered => ({ path, action, name: action });
const ordered = (...steps: readonly (readonly [string, string])[]) => steps.map(([path, action]) => call(path, action));

describe('the order of steps', () => {
  test('counts one after the other, and not between the branches of parallel', () => {
    const branches = ordered(['0.parallel.a.0', 'one'], ['0.parallel.b.0', 'two'], ['1', 'three']);
    expect(fits(['two', 'one', 'three'], branches)).toBe(true);
    expect(fits(['one', 'three', 'two'], branches)).toBe(false);
    expect(fits(['one', 'two'], branches)).toBe(false);
    expect(fits(['two', 'one'], ordered(['0', 'one'], ['1', 'two']))).toBe(false);
  });

  test('does not count between the elements of for-each, and does inside one', () => {
    const elements = ordered(
      ['1.for-each.0.0', 'bill'],
      ['1.for-each.1.0', 'bill'],
      ['1.for-each.0.1', 'charge'],
      ['1.for-each.1.1', 'send'],
    );
    expect(fits(['bill', 'charge', 'bill', 'send'], elements)).toBe(true);
    expect(fits(['bill', 'send', 'bill', 'charge'], elements)).toBe(true);
    expect(fits(['charge', 'bill', 'bill', 'send'], elements)).toBe(false);
  });

  test('counts between the rounds of repeat, and in what is taken back', () => {
    expect(fits(['b', 'a'], ordered(['0.repeat.1.0', 'a'], ['0.repeat.2.0', 'b']))).toBe(false);
    expect(fits(['b', 'a'], ordered(['0.parallel.x.0.undo.0', 'a'], ['0.parallel.y.0.undo.0', 'b']))).toBe(false);
  });

  test('a step is meant by its id and by its action', () => {
    expect(fits(['sms.send'], [{ path: '0', name: 'receipt', action: 'sms.send' }])).toBe(true);
    expect(fits(['receipt'], [{ path: '0', name: 'receipt', action: 'sms.send' }])).toBe(true);
  });

  test('whatever way the branches went, every order of them fits', () => {
    const branch = (name: string, length: number) =>
      Array.from({ length }, (_, index) => call(`0.parallel.${name}.${index}`, `step${index % 2}`));
    const interleaved = fc
      .tuple(
        fc.nat(4),
        fc.nat(4),
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      )
      .map(([a, b, one, other]) => [one, other].map((choices) => merge(branch('a', a), branch('b', b), choices)));
    fc.assert(
      fc.property(interleaved, ([one = [], other = []]) =>
        fits(
          one.map(({ name }) => name),
          other,
        ),
      ),
      { numRuns: 500 },
    );
  });

  test('the difference follows the expected order as far as the steps allow', () => {
    const happened = ordered(['0.parallel.a.0', 'one'], ['0.parallel.b.0', 'two'], ['1', 'three']);
    expect(compared(['two', 'one', 'four', 'three'], happened).map(({ kind }) => kind)).toEqual(['same', 'same', 'missing', 'same']);
    expect(compared(['two', 'three'], happened).map(({ kind }) => kind)).toEqual(['same', 'extra', 'same']);
  });
});

function merge(a: readonly Ordered[], b: readonly Ordered[], choices: readonly boolean[]): Ordered[] {
  const [left, right] = [[...a], [...b]];
  const merged: Ordered[] = [];
  for (const choice of choices) {
    const next = (choice ? left.shift() : right.shift()) ?? left.shift() ?? right.shift();
    if (next) merged.push(next);
  }
  return [...merged, ...left, ...right];
}
