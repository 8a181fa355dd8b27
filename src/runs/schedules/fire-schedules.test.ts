import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { EventIntake, type IncomingEvent, type Receipt } from '../../events/event-intake.ts';
import { flowProcess, type FlowProcess } from './schedules.test-support.ts';

let db: TestDatabase;
const processes: FlowProcess[] = [];

beforeEach(async () => {
  db = await testDatabase({ poolSize: 20 });
});

afterEach(async () => {
  for (const { engine, published } of processes.splice(0)) {
    await engine.stop();
    await published.onApplicationShutdown();
  }
  await db.close();
});

async function start(wrap?: (intake: EventIntake) => EventIntake): Promise<FlowProcess> {
  const process = await flowProcess(db, { wrap });
  processes.push(process);
  return process;
}

const hourly = (more = '') =>
  `kassaflow: 1\nflow: report\non: { schedule: every 1 h${more} }\nsteps:\n  - stop: "{{event.schedule.slot}} {{event.schedule.missed}}"\n`;

/** As if the schedule had been left alone since then. */
async function nextSlotWas(hoursAgo: number): Promise<void> {
  await db.ownerPool.query(`update flow_schedule set next_slot = date_trunc('hour', clock_timestamp()) - make_interval(hours => $1)`, [
    hoursAgo,
  ]);
}

async function hour(ago: number): Promise<string> {
  const { rows } = await db.ownerPool.query<{ at: Date }>(
    `select date_trunc('hour', clock_timestamp()) - make_interval(hours => $1) as at`,
    [ago],
  );
  return new Date(rows[0]?.at ?? 0).toISOString();
}

/** What the runs saw, in the order of their slots. */
async function seen(count: number): Promise<string[]> {
  const reasons = async () =>
    (await db.ownerPool.query<{ message: string }>(`select reason ->> 'message' as message from run where status = 'stopped'`)).rows.map(
      ({ message }) => message,
    );
  await until(
    async () => (await reasons()).length >= count,
    () => `not ${count} runs`,
  );
  return (await reasons()).toSorted();
}

const rows = async () =>
  (await db.ownerPool.query<{ trigger: string; revision: number }>('select trigger, revision from flow_schedule order by trigger')).rows;

describe('a slot that is due', () => {
  test('starts one run, whatever the number of processes, and the next slot is waited for', async () => {
    const [first, second, third] = [await start(), await start(), await start()];
    await first.flows.publish(db.tenantId, { source: hourly(), by: 'test' });
    await nextSlotWas(0);
    // Two of them have not heard of the flow yet.
    const fired = await Promise.all([third, second, first].map(({ schedules }) => schedules.fireDue()));
    expect(fired.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    expect(await seen(1)).toEqual([`${await hour(0)} 0`]);
    const { rows: events } = await db.ownerPool.query(`select source_id, subject from event where type = 'flow.scheduled'`);
    expect(events).toEqual([{ source_id: `report/0 * * * * Europe/Amsterdam/${await hour(0)}`, subject: 'flow/report' }]);
    const { rows: next } = await db.ownerPool.query('select next_slot from flow_schedule where next_slot > clock_timestamp()');
    expect(next).toHaveLength(1);
  });

  test('starts one run when its process dies between the event and the next slot', async () => {
    class Dying extends EventIntake {
      constructor(private readonly intake: EventIntake) {
        super();
      }
      override async accept(event: IncomingEvent): Promise<Receipt> {
        await this.intake.accept(event);
        throw new Error('the process is gone');
      }
    }
    const dying = await start((intake) => new Dying(intake));
    await dying.flows.publish(db.tenantId, { source: hourly(), by: 'test' });
    await nextSlotWas(0);
    await expect(dying.schedules.fireDue()).rejects.toThrow('gone');
    const next = await start();
    expect(await next.schedules.fireDue()).toBe(0);
    await db.ownerPool.query(`update flow_schedule set claimed_until = clock_timestamp() - interval '1 s'`);
    expect(await next.schedules.fireDue()).toBe(1);
    expect(await seen(1)).toHaveLength(1);
    expect((await db.ownerPool.query('select from run')).rowCount).toBe(1);
  });

  test.each([
    ['run-once', async () => [`${await hour(0)} 3`]],
    ['skip', async () => []],
    ['all', async () => [`${await hour(3)} 0`, `${await hour(2)} 0`, `${await hour(1)} 0`, `${await hour(0)} 0`]],
  ])('missed slots: %s', async (missed, wanted) => {
    const its = await start();
    await its.flows.publish(db.tenantId, { source: hourly(`, missed: ${missed}`), by: 'test' });
    await nextSlotWas(3);
    await its.schedules.fireDue();
    const expected = await wanted();
    expect(await seen(expected.length)).toEqual(expected);
    expect(await its.schedules.fireDue()).toBe(0);
  });

  test('more than a thousand missed slots are told of', async () => {
    const its = await start();
    await its.flows.publish(db.tenantId, { source: hourly(', missed: all'), by: 'test' });
    await nextSlotWas(1_003);
    await its.schedules.fireDue();
    const { rows: told } = await db.ownerPool.query(`select data from event where type = 'flow.slots-missed'`);
    expect(told).toEqual([
      { data: { schedule: expect.objectContaining({ flow: 'report', from: await hour(1_003), until: await hour(1_000) }) } },
    ]);
    expect((await db.ownerPool.query(`select from event where type = 'flow.scheduled'`)).rowCount).toBe(1_000);
  }, 30_000);
});

describe('schedules follow what is published', () => {
  test('a disabled flow has none, and misses nothing until it is enabled again', async () => {
    const its = await start();
    await its.flows.publish(db.tenantId, { source: hourly(), by: 'test' });
    await its.flows.setEnabled(db.tenantId, 'report', false, 'test');
    expect(await rows()).toEqual([]);
    await its.flows.setEnabled(db.tenantId, 'report', true, 'test');
    expect(await rows()).toEqual([{ trigger: '0 * * * * Europe/Amsterdam', revision: 1 }]);
    expect(await its.schedules.fireDue()).toBe(0);
  });

  test('a new revision keeps a schedule that it did not change, with the slot that is due, and begins the others anew', async () => {
    const its = await start();
    await its.flows.publish(db.tenantId, { source: hourly(), by: 'test' });
    await nextSlotWas(0);
    await its.flows.publish(db.tenantId, {
      source: hourly().replace('on: { schedule: every 1 h }', 'on: [{ schedule: every 1 h }, { cron: "0 6 * * *", timezone: UTC }]'),
      by: 'test',
    });
    expect(await rows()).toEqual([
      { trigger: '0 * * * * Europe/Amsterdam', revision: 2 },
      { trigger: '0 6 * * * UTC', revision: 2 },
    ]);
    expect(await its.schedules.fireDue()).toBe(1);
    expect(await seen(1)).toEqual([`${await hour(0)} 0`]);
  });

  test('the zone is that of the tenant when neither trigger nor flow names one', async () => {
    await db.ownerPool.query(`update tenant set time_zone = 'Australia/Lord_Howe'`);
    const its = await start();
    await its.flows.publish(db.tenantId, { source: hourly(), by: 'test' });
    expect(await rows()).toEqual([{ trigger: '0 * * * * Australia/Lord_Howe', revision: 1 }]);
    await nextSlotWas(1);
    await its.schedules.fireDue();
    expect(await seen(1)).toHaveLength(1);
  });
});

test('a clock that was ahead and is put right neither loses a slot nor fires one twice', async () => {
  const its = await start();
  await its.flows.publish(db.tenantId, { source: hourly(), by: 'test' });
  await nextSlotWas(0);
  await its.schedules.fireDue();
  // A day ahead, slots of that day were fired, and the next is two days away.
  await db.ownerPool.query(
    `update flow_schedule set next_slot = next_slot + interval '2 days', computed_at = clock_timestamp() + interval '1 day'`,
  );
  expect(await its.schedules.followClock()).toBe(1);
  expect(await its.schedules.followClock()).toBe(0);
  const { rows: next } = await db.ownerPool.query<{ soon: boolean }>(
    `select next_slot <= clock_timestamp() + interval '1 hour' as soon from flow_schedule`,
  );
  expect(next).toEqual([{ soon: true }]);
  // Back at a slot that was fired before: its event is there.
  await nextSlotWas(0);
  await its.schedules.fireDue();
  expect((await db.ownerPool.query('select from run')).rowCount).toBe(1);
});
