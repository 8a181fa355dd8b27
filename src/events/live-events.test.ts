/** Followers who come and go at any moment, while several transactions record events and commit in another order. */
import { setTimeout as pause } from 'node:timers/promises';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { systemClock } from '../kernel/clock.ts';
import { isAbout } from '../platform/auth/follower.ts';
import { EventLog } from './event-log.ts';
import { EventReader } from './event-reader.ts';
import type { DomainEvent } from './event.ts';
import { LiveEvents, type Watching } from './live-events.ts';

let db: TestDatabase;
let log: EventLog;
let reader: EventReader;
beforeAll(async () => {
  db = await testDatabase({ poolSize: 12 });
  log = new EventLog(systemClock, new EventEmitter2());
  reader = new EventReader(db.enginePool, db.database);
}, 60_000);
const running = new Set<LiveEvents>();
afterEach(async () => {
  for (const live of running) await live.onModuleDestroy();
  running.clear();
});
afterAll(() => db.close());

const liveEvents = (): LiveEvents => {
  const live = new LiveEvents(reader);
  running.add(live);
  return live;
};

const SUBJECTS = ['payment/1', 'payment/2', 'invoice/1', ''] as const;
const record = (tenantId: string, subjects: readonly string[], heldMs = 0) =>
  db.database.transact(tenantId, async (tx) => {
    for (const [n, subject] of subjects.entries()) await log.append(tx, { type: 'custom.done', subject, data: { n } });
    if (heldMs > 0) await pause(heldMs);
  });

/** Follows, and comes back with the last position it saw whenever its line breaks. */
class Follower {
  readonly got: DomainEvent[] = [];
  first: bigint | undefined;
  #after: bigint | undefined;
  #line: Watching | undefined;
  #lines = 0;

  constructor(
    readonly live: LiveEvents,
    readonly tenantId: string,
    readonly about: readonly string[] | undefined,
  ) {}

  /** Takes at most `most` events over this line, and none over the one before it. */
  async connect(most: number): Promise<void> {
    this.stop();
    this.#lines += 1;
    const number = this.#lines;
    let left = most;
    const line = await this.live.watch(
      { tenantId: this.tenantId, types: new Set(), about: this.about, after: this.#after },
      { deliver: (event) => number === this.#lines && left-- > 0 && this.#take(event), tooSlow: () => undefined },
    );
    if (number !== this.#lines) return line.stop();
    this.#line = line;
    this.first ??= line.position;
    this.#after ??= line.position;
    await line.begin();
  }

  stop(): void {
    this.#lines += 1;
    this.#line?.stop();
  }

  #take(event: DomainEvent): boolean {
    this.got.push(event);
    this.#after = event.seq;
    return true;
  }
}

async function expected({ tenantId, about, first = 0n }: Follower): Promise<bigint[]> {
  const events = await reader.list(tenantId, {}, { after: first, limit: 5_000 });
  return events.filter(({ subject }) => isAbout(about, subject)).map(({ seq }) => seq);
}

const abouts = fc.option(fc.subarray(['payment/1', 'payment/2', 'payment/*', 'invoice/*'], { minLength: 1 }), { nil: undefined });
const step = fc.oneof(
  fc.record({
    kind: fc.constant('record' as const),
    tenant: fc.nat(1),
    subjects: fc.array(fc.constantFrom(...SUBJECTS), { minLength: 1, maxLength: 4 }),
    heldMs: fc.constantFrom(0, 0, 5, 20),
  }),
  fc.record({ kind: fc.constant('connect' as const), follower: fc.nat(4), most: fc.constantFrom(0, 1, 3, 1_000), waits: fc.boolean() }),
  fc.record({ kind: fc.constant('stop' as const), follower: fc.nat(4) }),
  fc.record({ kind: fc.constant('pause' as const), ms: fc.constantFrom(0, 1, 10) }),
);

describe('whoever follows and comes back', () => {
  test('gets every event that concerns it once and in order, wherever the line breaks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        fc.array(abouts, { minLength: 5, maxLength: 5 }),
        async (steps, who) => {
          const tenants = [await db.addTenant(slug()), await db.addTenant(slug())];
          const live = liveEvents();
          const followers = who.map((about, index) => new Follower(live, tenants[index % 2] ?? '', about));
          const writing: Promise<void>[] = [];
          for (const next of steps) {
            if (next.kind === 'record') {
              const written = record(tenants[next.tenant] ?? '', next.subjects, next.heldMs);
              writing.push(written.then(() => live.wake()));
            } else if (next.kind === 'connect') {
              const connected = followers[next.follower]?.connect(next.most);
              if (next.waits) await connected;
              else writing.push(connected ?? Promise.resolve());
            } else if (next.kind === 'stop') followers[next.follower]?.stop();
            else await pause(next.ms);
          }
          await Promise.all(writing);
          for (const follower of followers) await follower.connect(5_000);
          for (const follower of followers) {
            const wanted = await expected(follower);
            await until(
              () => follower.got.length >= wanted.length,
              () => `${follower.got.length} of ${wanted.length} events`,
            );
            expect(follower.got.map(({ seq }) => seq)).toEqual(wanted);
          }
          await live.onModuleDestroy();
        },
      ),
      { numRuns: 40, interruptAfterTimeLimit: 60_000 },
    );
  }, 120_000);

  test('a tenant that is followed while another is being read misses nothing', async () => {
    const [one, other] = [await db.addTenant(slug()), await db.addTenant(slug())];
    const live = liveEvents();
    const first = new Follower(live, one, undefined);
    await first.connect(1_000);
    for (let n = 0; n < 30; n += 1) {
      const follower = new Follower(live, other, ['payment/1']);
      const writing = [record(one, ['payment/1']), record(other, ['payment/1'])];
      live.wake();
      await follower.connect(1_000);
      await Promise.all(writing);
      await record(other, ['payment/1']);
      live.wake();
      const wanted = await expected(follower);
      await until(
        () => follower.got.length >= wanted.length,
        () => `${follower.got.length} of ${wanted.length}`,
      );
      expect(follower.got.map(({ seq }) => seq)).toEqual(wanted);
      follower.stop();
    }
    await live.onModuleDestroy();
  }, 60_000);

  test('one who keeps too much waiting is told to come back, and the others go on', async () => {
    const tenantId = await db.addTenant(slug());
    const live = liveEvents();
    const quick = new Follower(live, tenantId, undefined);
    await quick.connect(5_000);
    let slow = false;
    await live.watch(
      { tenantId, types: new Set(), about: undefined, after: undefined },
      { deliver: () => true, tooSlow: () => (slow = true) },
    );
    for (let n = 0; n < 11; n += 1)
      await record(
        tenantId,
        Array.from({ length: 100 }, () => 'payment/1'),
      );
    live.wake();
    await until(
      () => slow && quick.got.length === 1_100,
      () => `${quick.got.length} events; too slow: ${slow}`,
    );
    await live.onModuleDestroy();
  }, 60_000);
});

let slugs = 0;
function slug(): string {
  slugs += 1;
  return `live-${slugs}`;
}
