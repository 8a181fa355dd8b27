import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newUuid } from '../../src/kernel/ids.ts';
import { DeskCalls } from '../desks/desk-calls.ts';
import type { Desk } from '../desks/desk.ts';
import { DESKS, type DeskName } from '../desks/desks.ts';
import { DatabaseCore, openDeskWorld, type DeskWorld } from './database-core.ts';
import type { History, Step } from './history.ts';
import { MemoryCore } from './memory-core.ts';
import { historyAt, playHistories, told } from './play.ts';
import type { PlantedBug } from './planted-bug.ts';

const PROVIDERS = Object.keys(DESKS) as DeskName[]; // keys of the table
const SEED = 20_261_121;
const SHORT = 300;
/** What happens at each often enough to be seen among so few: if it does not any more, the histories prove less. */
const EVERYWHERE = ['ends completed', 'several invoices', 'paid elsewhere', 'ends with more than the invoices take', 'refund-at-desk'];
const MUST_OCCUR: Readonly<Record<DeskName, readonly string[]>> = {
  stripe: [...EVERYWHERE, 'bounce', 'lapse', 'dispute', 'win-dispute', 'fail-refund of one that was done', 'settled'],
  mollie: [...EVERYWHERE, 'bounce', 'lapse', 'dispute', 'win-dispute', 'settled'],
  'vipps-mobilepay': [...EVERYWHERE, 'lapse', 'dispute', 'win-dispute', 'ends with more gone than came', 'settled'],
  paypal: [...EVERYWHERE, 'lapse', 'dispute', 'take-back', 'fail-refund of one that was done', 'settled'],
  softpay: [...EVERYWHERE, 'decline', 'ends refunded'],
};
/** A few. A campaign takes some hundred. */
const ON_POSTGRES = Number(process.env['HISTORIES_ON_POSTGRES'] ?? 12);
const PATIENCE_MS = 180_000 + ON_POSTGRES * 5_000;

describe.each(PROVIDERS)('whatever happens to a payment at %s', (provider) => {
  test('pitfalls 4 and 16: our books are the provider’s and the model’s', async () => {
    const { failure, kinds } = await playHistories({ provider, count: SHORT, seed: SEED, lanes: 4 });
    expect(failure).toBeUndefined();
    expect(MUST_OCCUR[provider].filter((kind) => kinds.count(kind) === 0)).toEqual([]);
  }, 180_000);

  describe('with the services on PostgreSQL', () => {
    let desk: Desk;
    let world: DeskWorld;
    beforeAll(async () => {
      desk = await DESKS[provider]('live');
      world = await openDeskWorld(desk);
    });
    afterAll(async () => {
      await world.db.close();
      await desk.close();
    });

    test(
      'our books are the provider’s and the model’s, and the trial balance is zero',
      async () => {
        for (let index = 0; index < ON_POSTGRES; index += 1) {
          const problem = await told(historyAt(SEED, index, desk), desk, await DatabaseCore.begin(world));
          expect([index, problem]).toEqual([index, undefined]);
        }
        expect(await world.imbalance()).toEqual([]);
      },
      PATIENCE_MS,
    );
  });
});

describe('a planted bug is found', () => {
  const approve: Step = { do: 'approve', number: 0 };
  const deliver: Step = { do: 'deliver-all-twice', number: 1 };
  const dispute: Step = { do: 'dispute', number: 0 };
  const capture: Step = { do: 'capture', number: 0, trouble: 'none' };
  const dashboardRefund: readonly Step[] = [
    { do: 'refund-at-desk', number: 187 },
    { do: 'finish-refund', number: 0 },
  ];
  interface Found extends Partial<History> {
    readonly at: DeskName;
    /** Which of the accounts shows it. */
    readonly says?: string;
  }
  /** As short as it gets for each; a campaign with the bug planted finds one like it. */
  const shortest: Readonly<Record<PlantedBug, Found>> = {
    'refunds-twice': { at: 'mollie', steps: [approve, ...dashboardRefund] },
    'reversal-ignored': { at: 'mollie', steps: [approve, dispute, deliver, { do: 'win-dispute', number: 0 }] },
    'stale-wins': { at: 'mollie', steps: [approve, { do: 'keep-look' }, ...dashboardRefund, deliver, { do: 'apply-kept' }] },
    'dashboard-ignored': { at: 'mollie', steps: [approve, ...dashboardRefund] },
    'failure-ignored': { at: 'mollie', steps: [approve, ...dashboardRefund, deliver, { do: 'fail-refund', number: 0 }] },
    'invoice-overfilled': { at: 'mollie', steps: [{ do: 'pay-elsewhere', number: 500, which: 0 }, approve] },
    'lapse-ignored': { at: 'mollie', manual: true, steps: [approve, deliver, { do: 'lapse', number: 0 }] },
    'new-key': { at: 'mollie', opening: 'reset-after', says: 'the provider has' },
    'return-ignored': {
      at: 'stripe',
      steps: [
        { do: 'approve-slowly', number: 0 },
        { do: 'arrive', number: 0 },
        { do: 'take-back', number: 0 },
      ],
    },
    'declined-is-taken': { at: 'paypal', manual: true, steps: [{ do: 'decline', number: 0 }, capture] },
    'part-is-whole': { at: 'paypal', manual: true, steps: [approve, { do: 'capture', number: 100, trouble: 'none' }] },
    'fee-ignored': { at: 'stripe', steps: [approve] },
    'chargeback-forgotten': { at: 'vipps-mobilepay', manual: true, steps: [approve, capture, dispute, { do: 'settle' }, { do: 'look' }] },
  };

  test.each(Object.entries(shortest))('%s, and without it the books agree', async (name, { at, says = 'our books have', ...more }) => {
    const bug = name as PlantedBug; // a key of the table
    const desk = await DESKS[at]('live');
    try {
      const calls = new DeskCalls(desk);
      const history: History = { invoices: [1_300, 700], manual: false, opening: 'none', steps: [], ...more };
      expect(await told(history, desk, new MemoryCore(calls, newUuid()))).toBeUndefined();
      expect(await told(history, desk, new MemoryCore(calls, newUuid(), bug))).toMatch(new RegExp(`^${says}`));
    } finally {
      await desk.close();
    }
  });
});
