import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Desk } from '../desks/desk.ts';
import { DESKS, type DeskName } from '../desks/desks.ts';
import { DatabaseCore, openDeskWorld, type DeskWorld } from './database-core.ts';
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
  test.each(Object.entries(PLANTED_BUGS))(
    '%s: %s',
    async (bug) => {
      const { failure } = await playHistories({ provider: 'mollie', count: 2_000, seed: SEED, bug: bug as PlantedBug }); // a key of the table
      expect(failure?.problem).toMatch(/our books have|the provider has|our side has given up/);
    },
    180_000,
  );
});
