import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failed, ok } from '@kassaflow/plugin-sdk';
import { settledWorld } from '../../../test/support/settled.ts';
import { domainWorld, type DomainWorld } from '../../../test/support/domain.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let world: DomainWorld;
let settled: ReturnType<typeof settledWorld>;
/** Days that the provider was asked for. */
let asked: string[];
beforeEach(async () => {
  world = await domainWorld();
  world.clock.advance(Date.parse('2026-11-25T10:00:00Z') - world.clock.now().getTime());
  asked = [];
  world.provider.settled = ({ from, to }) => {
    asked.push(`${from} ${to}`);
    return ok({ lines: [] });
  };
  settled = settledWorld(world);
});
afterEach(() => world.db.close());

const signal = () => settled.signalled.applyProviderEvent(world.db.tenantId, world.connectionId);
const later = async (ms: number) => {
  world.clock.advance(ms);
  return settled.importer.importDue();
};
const imports = async () =>
  (await settled.settlements.listImports(world.db.tenantId, { limit: 50 })).map(({ origin, state }) => `${origin} ${state}`);

describe('a signal that a provider settled something', () => {
  test('has the last seven days read a minute later, once for all signals of that minute', async () => {
    for (let count = 0; count < 5; count += 1) expect(await signal()).toEqual({ kind: 'applied' });
    expect(await later(MINUTE_MS - 1)).toBe(0);
    expect(await later(1)).toBe(1);
    expect([asked, await imports()]).toEqual([['2026-11-19 2026-11-25'], ['signal done']]);
  });

  test('has them read once an hour however many come, and not without one', async () => {
    for (let minute = 0; minute < 180; minute += 1) {
      await signal();
      await later(MINUTE_MS);
    }
    expect(asked.length).toBe(3);
    await later(HOUR_MS);
    await later(HOUR_MS);
    expect(asked.length).toBe(4);
  });

  test('waits in the inbox while its import is being read: that reading may have left before it', async () => {
    await signal();
    let during: unknown;
    const call = world.provider.call.bind(world.provider);
    world.provider.call = async (request) => {
      during ??= await signal();
      return call(request);
    };
    expect(await later(MINUTE_MS)).toBe(1);
    expect(during).toEqual({ kind: 'again', afterMs: 300_000 });
    expect(await signal()).toEqual({ kind: 'applied' });
    expect(await imports()).toEqual(['signal waiting', 'signal done']);
  });

  test('has an import of the night looked at that the provider had put off, and leaves the night as it was', async () => {
    world.provider.settled = () => failed('temporary', 'A payout is on its way', { retryAfterMs: 12 * HOUR_MS });
    await settled.planner.plan();
    expect(await later(HOUR_MS)).toBe(1);
    world.provider.settled = () => ok({ lines: [] });
    await signal();
    expect(await later(MINUTE_MS)).toBe(2);
    expect(await imports()).toEqual(['signal done', 'nightly done']);
    world.clock.advance(24 * HOUR_MS);
    expect(await settled.planner.plan()).toBe(1);
  });

  test('is waited for until the provider says that the day is over', async () => {
    world.provider.settled = () => failed('temporary', 'This day is not over yet', { retryAfterMs: 14 * HOUR_MS });
    await signal();
    await later(MINUTE_MS);
    await signal();
    world.provider.settled = ({ to }) => (asked.push(to), ok({ lines: [] }));
    expect(await later(14 * HOUR_MS - 1)).toBe(0);
    expect(await later(1)).toBe(1);
    expect([asked, await imports()]).toEqual([['2026-11-25'], ['signal done']]);
  });

  test('is none of ours where the provider’s settlements cannot be read', async () => {
    world.provider.settled = undefined;
    expect(await signal()).toBeUndefined();
    expect(await imports()).toEqual([]);
  });
});
