import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { newUuid } from '../kernel/ids.ts';
import { Reservations, type Reservation } from './reservations.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase({ poolSize: 8 });
}, 30_000);
afterAll(() => db.close());

let keys = 0;
function key(): Buffer {
  keys += 1;
  return Buffer.from(keys.toString(16).padStart(32, '0'), 'hex');
}

/** What a worker does with one attempt: once, again after a crash before it knew the answer, or twice at once as a zombie would. */
type Fate = 'once' | 'again' | 'twice';

test('whatever workers interleave and die, a cap is never exceeded and nothing is counted twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.array(
        fc.record({
          worker: fc.integer({ min: 0, max: 3 }),
          fate: fc.constantFrom<Fate>('once', 'again', 'twice'),
          amount: fc.bigInt({ min: 1n, max: 3n }),
          late: fc.boolean(),
          done: fc.boolean(),
        }),
        { minLength: 1, maxLength: 14 },
      ),
      async (cap, attempts) => {
        const workers = Array.from({ length: 4 }, () => new Reservations(db.enginePool));
        const counter = key();
        const now = Date.now();
        const oneOf = (amount: bigint): Reservation => ({
          tenantId: db.tenantId,
          runId: newUuid(),
          step: '0',
          use: key(),
          fact: undefined,
          counters: [{ key: counter, from: now, bucket: now, expires: now + 60_000, amount, cap: BigInt(cap) }],
        });
        const granted = await Promise.all(
          attempts.map(async ({ worker, fate, amount, late, done }) => {
            const reservation = oneOf(amount);
            const ask = (by: number) => workers[by % 4]?.reserve(reservation);
            if (late) await new Promise((resolve) => setImmediate(resolve));
            const answers =
              fate === 'once'
                ? [await ask(worker)]
                : fate === 'again'
                  ? [await ask(worker), await ask(worker + 1)]
                  : await Promise.all([ask(worker), ask(worker + 1)]);
            const went = answers.some((answer) => answer?.kind === 'go');
            if (went && !done) {
              const back = { ...reservation, sent: false, reference: '', value: {}, back: [counter] };
              await Promise.all([workers[worker]?.settle(back), workers[(worker + 1) % 4]?.settle(back)]);
            }
            return went && done ? amount : 0n;
          }),
        );
        const { rows } = await db.ownerPool.query<{ used: Record<string, number> }>('select used from guard_counter where key = $1', [
          counter,
        ]);
        const counted = BigInt(Object.values(rows[0]?.used ?? {}).reduce((sum, part) => sum + part, 0));
        expect(counted).toBe(granted.reduce((sum, amount) => sum + amount, 0n));
        expect(counted).toBeLessThanOrEqual(BigInt(cap));
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

test('of many runs that would tell the same fact at the same moment exactly one goes', async () => {
  const workers = Array.from({ length: 4 }, () => new Reservations(db.enginePool));
  const fact = key();
  const runs = Array.from({ length: 20 }, () => newUuid());
  for (const id of runs) {
    await db.ownerPool.query("insert into run (id, tenant_id, flow_id, revision, epoch, status) values ($1, $2, $3, 1, 0, 'running')", [
      id,
      db.tenantId,
      newUuid(),
    ]);
  }
  const answers = await Promise.all(
    runs.map(async (runId, index) =>
      workers[index % 4]?.reserve({ tenantId: db.tenantId, runId, step: '0', use: key(), fact, counters: [] }),
    ),
  );
  expect(answers.filter((answer) => answer?.kind === 'go')).toHaveLength(1);
  expect(answers.filter((answer) => answer?.kind === 'held')).toHaveLength(19);
});
