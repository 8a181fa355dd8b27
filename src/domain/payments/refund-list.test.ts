import { describe, expect, test } from '@jest/globals';
import type { RefundFacts } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { idOf, newUuid } from '../../kernel/ids.ts';
import { settleListed, type ListedRefund } from './refund-list.ts';

const ours = (more: Partial<ListedRefund> = {}): ListedRefund => ({
  id: newUuid(),
  amount: 100n,
  state: 'pending',
  sentAt: new Date(0),
  acceptedAt: new Date(0),
  providerId: null,
  origin: 'kassaflow',
  ...more,
});
const theirs = (providerId: string, more: Partial<RefundFacts> = {}): RefundFacts => ({ providerId, amount: 100, state: 'done', ...more });

describe('settling refunds by the list of the provider', () => {
  test('goes by our reference, then by the id, and only then by the amount', () => {
    const [byAmount, byId, byReference] = [ours(), ours({ providerId: 're_2' }), ours()];
    const reference = idOf('ref', byReference.id);
    const { named, foreign } = settleListed(
      [byAmount, byId, byReference],
      [theirs('re_1'), theirs('re_2', { state: 'failed' }), theirs('re_3', { reference })],
    );
    expect(new Map(named.map(({ id, to }) => [id, to]))).toEqual(
      new Map([
        [byReference.id, 'completed'],
        [byId.id, 'failed'],
        [byAmount.id, 'completed'],
      ]),
    );
    expect(foreign).toEqual([]);
  });

  test('two of the same amount made in the dashboard are two', () => {
    expect(settleListed([], [theirs('re_1'), theirs('re_2')]).foreign).toHaveLength(2);
  });

  test('one that awaits approval is never taken for one made in the dashboard, nor one with another reference for ours', () => {
    expect(settleListed([ours({ state: 'requested', sentAt: null })], [theirs('re_1')]).foreign).toHaveLength(1);
    expect(settleListed([ours()], [theirs('re_1', { reference: 'another system' })]).foreign).toHaveLength(1);
  });

  test('one that was accepted under another id is not taken for one of the same amount', () => {
    const { named, foreign } = settleListed([ours({ providerId: 're_1' })], [theirs('re_2')]);
    expect([named, foreign.length]).toEqual([[], 1]);
  });

  test('a completed one can fail later, and a lagging replica takes nothing back', () => {
    const refund = ours({ state: 'completed', providerId: 're_1' });
    expect(settleListed([refund], [theirs('re_1', { state: 'failed' })]).named).toMatchObject([{ to: 'failed' }]);
    expect(settleListed([refund], [theirs('re_1', { state: 'pending' })]).named[0]).not.toHaveProperty('to');
  });

  test('names each refund once and each row once, and the same list again changes nothing', () => {
    const lists = fc.array(
      fc.record({ amount: fc.constantFrom(100, 200), state: fc.constantFrom('pending', 'done', 'failed'), mine: fc.boolean() }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(lists, fc.integer({ min: 0, max: 4 }), (list, unsettled) => {
        let rows: ListedRefund[] = Array.from({ length: unsettled }, () => ours());
        const facts = list.map(({ amount, state, mine }, index) =>
          theirs(`re_${index}`, { amount, state, ...(mine && rows[index] && { reference: idOf('ref', rows[index].id) }) }),
        );
        const first = settleListed(rows, facts);
        expect(new Set(first.named.map(({ id }) => id)).size).toBe(first.named.length);
        expect(new Set([...first.named, ...first.foreign].map(({ providerId }) => providerId)).size).toBe(
          first.named.length + first.foreign.length,
        );
        rows = rows.map((row) => {
          const named = first.named.find(({ id }) => id === row.id);
          return named ? { ...row, providerId: named.providerId, state: named.to ?? row.state } : row;
        });
        rows.push(
          ...first.foreign.map(({ providerId, amount, state }) =>
            ours({ providerId, amount: BigInt(amount), state: state === 'done' ? 'completed' : 'pending', origin: 'provider' }),
          ),
        );
        const again = settleListed(rows, facts);
        expect(again.named.filter(({ to }) => to !== undefined)).toEqual([]);
        expect(again.foreign).toEqual([]);
      }),
    );
  });
});
