import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newUuid } from '../../src/kernel/ids.ts';
import { DeskCalls } from '../desks/desk-calls.ts';
import type { Desk } from '../desks/desk.ts';
import { DESKS, type DeskName } from '../desks/desks.ts';
import { DatabaseCore, openDeskWorld, type DeskWorld } from './database-core.ts';
import type { History, Step } from './history.ts';
import { MemoryCore } from './memory-core.ts';
import { historyAt, playHistories, told } from './play.ts';
import { PLANTED_BUGS, type PlantedBug } from './planted-bug.ts';

const PROVIDERS = Object.keys(DESKS) as DeskName[]; // keys of the table
const SEED = 20_261_121;
const SHORT = 300;
/** A campaign takes some hundred. */
const ON_POSTGRES = Number(process.env['HISTORIES_ON_POSTGRES'] ?? 12);

describe.each(PROVIDERS)('whatever happens to a payment at %s', (provider) => {
  test('pitfalls 4 and 16: our books are the provider’s and the model’s', async () => {
    const { failure } = await playHistories({ provider, count: SHORT, seed: SEED, lanes: 4 });
    expect(failure).toBeUndefined();
  }, 180_000);

  describe('with the services on PostgreSQL', () => {
    let desk: Desk;
    let world: DeskWorld;
    beforeAll(async () => {
      desk = await DESKS[provider]();
      world = await openDeskWorld(desk);
    });
    afterAll(async () => {
      await world.db.close();
      await desk.close();
    });

    test('our books are the provider’s and the model’s, and the trial balance is zero', async () => {
      for (let index = 0; index < ON_POSTGRES; index += 1) {
        const problem = await told(historyAt(SEED, index, desk), desk, await DatabaseCore.begin(world));
        expect([index, problem]).toEqual([index, undefined]);
      }
      expect(await world.imbalance()).toEqual([]);
    }, 180_000);
  });
});

describe('a planted bug is found', () => {
  const approve: Step = { do: 'approve', number: 0 };
  const dashboardRefund: readonly Step[] = [
    { do: 'refund-at-desk', number: 187 },
    { do: 'finish-refund', number: 0 },
  ];
  const deliver: Step = { do: 'deliver-all-twice', number: 1 };
  /** As short as it gets for each; a campaign with the bug planted finds one like it. */
  const shortest: Readonly<Record<PlantedBug, Partial<History>>> = {
    'refunds-twice': { steps: [approve, ...dashboardRefund] },
    'reversal-ignored': { steps: [approve, { do: 'dispute', number: 0 }, deliver, { do: 'win-dispute', number: 0 }] },
    'stale-wins': { steps: [approve, { do: 'keep-look' }, ...dashboardRefund, deliver, { do: 'apply-kept' }] },
    'dashboard-ignored': { steps: [approve, ...dashboardRefund] },
    'new-key': { opening: 'reset-after' },
  };
  let desk: Desk;
  let calls: DeskCalls;
  beforeAll(async () => {
    desk = await DESKS.mollie();
    calls = new DeskCalls(desk);
  });
  afterAll(() => desk.close());

  test.each(Object.keys(PLANTED_BUGS) as PlantedBug[])('%s, and without it the books agree', async (bug) => {
    const history: History = { manual: false, opening: 'none', steps: [], ...shortest[bug] };
    expect(await told(history, desk, new MemoryCore(calls, newUuid()))).toBeUndefined();
    expect(await told(history, desk, new MemoryCore(calls, newUuid(), bug))).toMatch(/^(our books have|the provider has)/);
  });
});
