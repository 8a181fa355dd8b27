import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failed, ok } from '@kassaflow/plugin-sdk';
import { settledWorld } from '../../../test/support/settled.ts';
import { addConnection, domainWorld, type DomainWorld } from '../../../test/support/domain.ts';
import { firstDayOf } from './plan-nightly.ts';

const HOUR_MS = 3_600_000;

let world: DomainWorld;
let settled: ReturnType<typeof settledWorld>;
beforeEach(async () => {
  world = await domainWorld();
  world.provider.settled = () => ok({ lines: [] });
  settled = settledWorld(world);
});
afterEach(() => world.db.close());

async function imports() {
  const { rows } = await world.db.ownerPool.query<{ first: string; last: string; state: string; wait: number }>(
    `select first_day::text as first, last_day::text as last, state, round(extract(epoch from next_at - created_at) / 60)::int as wait
     from settlement_import order by id`,
  );
  return rows;
}

/** Goes on to an hour of the clock in UTC. */
function goTo(day: string, hour: string): void {
  world.clock.advance(Date.parse(`${day}T${hour}:00Z`) - world.clock.now().getTime());
}

describe('a night', () => {
  test('comes at four o’clock by the tenant’s clock, and asks for the seven days before it', async () => {
    await settled.planner.plan();
    // Winter: 03:59 and 04:00 in Amsterdam.
    goTo('2026-11-21', '02:59');
    expect(await settled.planner.plan()).toBe(0);
    goTo('2026-11-21', '03:00');
    expect(await settled.planner.plan()).toBe(1);
    expect(await settled.planner.plan()).toBe(0);
    expect((await imports()).at(-1)).toMatchObject({ first: '2026-11-14', last: '2026-11-20', state: 'waiting' });
  });

  test('pitfall 35: comes once in the nights in which the clocks change', async () => {
    goTo('2027-03-28', '00:30');
    await settled.planner.plan();
    // Summer from 02:00 on: 04:00 in Amsterdam is 02:00 in London.
    goTo('2027-03-28', '01:59');
    expect(await settled.planner.plan()).toBe(0);
    goTo('2027-03-28', '02:00');
    expect(await settled.planner.plan()).toBe(1);
    goTo('2027-03-28', '03:00');
    expect(await settled.planner.plan()).toBe(0);
    goTo('2027-10-31', '02:59');
    await settled.planner.plan();
    goTo('2027-10-31', '03:00');
    expect(await settled.planner.plan()).toBe(1);
    expect((await imports()).at(-1)).toMatchObject({ last: '2027-10-30' });
  });

  test('is planned once, whatever the number of processes, and not at the full hour', async () => {
    goTo('2026-11-21', '03:00');
    const planned = await Promise.all(Array.from({ length: 5 }, () => settled.planner.plan()));
    expect(planned.reduce((sum, count) => sum + count, 0)).toBe(1);
    const [{ wait } = { wait: 0 }] = await imports();
    expect(wait).toBeGreaterThanOrEqual(10);
    expect(wait).toBeLessThanOrEqual(50);
  });

  test('is for connections that are active and whose plugin tells of settlements', async () => {
    world.provider.settled = undefined;
    expect(await settled.planner.plan()).toBe(0);
    world.provider.settled = () => ok({ lines: [] });
    const off = await addConnection(world.db, 'off', 'acme');
    await world.db.ownerPool.query(`update connection set state = 'disabled' where id = $1`, [off]);
    expect(await settled.planner.plan()).toBe(1);
  });

  test('takes over the days of nights that did not come to their end', async () => {
    goTo('2026-11-21', '04:00');
    await settled.planner.plan();
    goTo('2026-11-21', '06:00');
    await settled.importer.importDue();
    world.provider.settled = () => failed('temporary', 'not yet');
    for (let day = 22; day <= 30; day += 1) {
      goTo(`2026-11-${day}`, '04:00');
      await settled.planner.plan();
      world.clock.advance(HOUR_MS);
      await settled.importer.importDue();
    }
    const all = await imports();
    expect(all.map(({ state }) => state)).toEqual(['done', ...Array.from({ length: 8 }, () => 'superseded'), 'waiting']);
    expect(all.at(-1)).toMatchObject({ first: '2026-11-21', last: '2026-11-29' });
  });

  test('of a worker that lost its lease writes nothing any more', async () => {
    goTo('2026-11-21', '04:00');
    await settled.planner.plan();
    goTo('2026-11-21', '06:00');
    const call = world.provider.call.bind(world.provider);
    let calls = 0;
    world.provider.call = async (wanted) => {
      calls += 1;
      // While the provider thinks, the lease runs out and another process does it all.
      if (calls === 1) {
        world.clock.advance(HOUR_MS);
        await settled.anImporter().importDue();
      }
      return call(wanted);
    };
    await settled.importer.importDue();
    expect(await imports()).toMatchObject([{ state: 'done' }]);
    expect(calls).toBe(2);
    const { rows } = await world.db.ownerPool.query('select pages from settlement_import');
    expect(rows).toEqual([{ pages: 1 }]);
  });
});

describe('the first day', () => {
  test.each([
    ['2026-11-20', undefined, '2026-11-14'],
    ['2026-11-20', '2026-11-19', '2026-11-14'],
    ['2026-11-20', '2026-11-10', '2026-11-11'],
    ['2026-11-20', '2026-01-01', '2026-10-21'],
  ])('to %s, with %s done, is %s', (last, done, first) => {
    expect(firstDayOf(last, done)).toBe(first);
  });
});
