/**
 * kill -9 around what starts flows by itself: a slot of a schedule, a poll of a provider, a delivery of one. The program, the plugin's
 * process and the pretend provider are the real ones; src/runs/schedules/README.md says what is on disk at each point.
 */
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { EMBEDDED_DATABASE } from '../../src/platform/database/embedded/embedded-database.ts';
import { readPostmaster } from '../../src/platform/database/embedded/postmaster-file.ts';
import { Shop } from '../stories/shop.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';

const FLOWS: Readonly<Record<string, string>> = {
  say: `on: custom.say\nsteps:\n  - do: sms.send\n    via: book\n    with: { to: "+31612340001", text: "Parcel {{event.n}}" }\n`,
  heard: `on: { trigger: sandbox.message-sent, via: book, with: { every: 1s } }\nsteps:\n  - emit: custom.heard\n    with: { id: =event.item.id, text: =event.item.text }\n`,
  pushed: `on: { trigger: sandbox.payment-changed, via: book }\nsteps:\n  - emit: custom.pushed\n    with: { payment: =event.item.payment }\n`,
};

let shop: Shop;
let said = 0;

beforeAll(async () => {
  shop = await Shop.open({ environment: { KASSAFLOW_LEASE_MS: '1000' }, patienceMs: SOON_MS });
  for (const [name, text] of Object.entries(FLOWS)) await publish(name, text);
  // The trigger begins at the present: it has to have looked once.
  await until(
    async () => (await rows('select from trigger_source where cursor is not null')).length === 1,
    () => 'the trigger was never polled',
    SOON_MS,
  );
}, STORY_MS);
afterAll(() => shop.close());

const publish = (name: string, text: string) => shop.api.post('/v1/flows', { source: `kassaflow: 1\nflow: ${name}\n${text}` });

async function rows<R extends object>(sql: string): Promise<R[]> {
  const host = readPostmaster(join(shop.app.folder, 'data/postgres'))?.socketDirectory;
  const client = new pg.Client({ ...(host !== undefined && { host }), port: 5432, user: 'postgres', database: EMBEDDED_DATABASE });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<R>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const recorded = (type: string) => rows<{ data: Record<string, unknown> }>(`select data from event where type = '${type}' order by seq`);

async function say(): Promise<void> {
  said += 1;
  await shop.api.post('/v1/events', { specversion: '1.0', id: `say-${said}`, source: '/test', type: 'custom.say', data: { n: said } });
}

/** Every message that was sent was heard once, and a second look changes nothing. */
async function allHeard(): Promise<void> {
  await until(
    async () => (await recorded('custom.heard')).length >= said,
    () => `not all ${said} messages were heard`,
    SOON_MS,
  );
  expect((await recorded('custom.heard')).map(({ data }) => data['text'])).toEqual(
    Array.from({ length: said }, (_, n) => `Parcel ${n + 1}`),
  );
}

describe('a trigger that polls', () => {
  test(
    'starts a run for each item at the provider',
    async () => {
      await say();
      await allHeard();
    },
    STORY_MS,
  );

  test.each(['trigger.polled.before', 'trigger.polled.after'] as const)(
    'at %s is survived: each item starts one run',
    async (point) => {
      shop.app.dieAt(point);
      // It may die before it has answered: a careful client says it again.
      const saying = say();
      await shop.app.died();
      await shop.app.start();
      await saying;
      await allHeard();
    },
    STORY_MS,
  );
});

test(
  'a delivery starts a run for each item that the trigger reads in it, once',
  async () => {
    const body = JSON.stringify({
      id: 'evt_1',
      type: 'payment.paid',
      created_at: new Date().toISOString(),
      data: { payment: 'sbp_of_somebody_else', reference: 'their-reference' },
    });
    const seconds = Math.floor(Date.now() / 1_000);
    const signature = createHmac('sha256', 'whsec_nothing_comes_from_there').update(`${seconds}.${body}`).digest('hex');
    const deliver = () =>
      fetch(`${shop.app.url}/webhooks/sandbox/${shop.connections.get('book')}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'sandbox-signature': `t=${seconds},v1=${signature}` },
        body,
      });
    expect((await deliver()).status).toBe(200);
    await until(
      async () => (await recorded('custom.pushed')).length > 0,
      () => 'the delivery started nothing',
      SOON_MS,
    );
    expect((await deliver()).status).toBe(200);
    expect(await recorded('custom.pushed')).toEqual([{ data: { payment: 'sbp_of_somebody_else' } }]);
  },
  STORY_MS,
);

describe('a schedule', () => {
  test.each(['schedule.fired.before', 'schedule.fired.after'] as const)(
    'at %s is survived: the slot starts one run',
    async (point) => {
      const name = point.replaceAll('.', '-');
      await publish(name, `on: { schedule: every 1 h }\nsteps:\n  - emit: custom.${name}\n    with: { slot: =event.schedule.slot }\n`);
      shop.app.dieAt(point);
      await rows(
        `update flow_schedule s set next_slot = date_trunc('hour', clock_timestamp()) from flow f where f.id = s.flow_id and f.name = '${name}'`,
      );
      await shop.app.died();
      await shop.app.start();
      await until(
        async () => (await rows(`select from flow_schedule where next_slot <= clock_timestamp()`)).length === 0,
        () => 'the slot was not taken over',
        SOON_MS,
      );
      await until(
        async () => (await recorded(`custom.${name}`)).length > 0,
        () => 'the slot started nothing',
        SOON_MS,
      );
      const { schedules } = await shop.command<{ schedules: { next: string[] }[] }>('flow', 'schedule', name, '--json');
      expect(schedules[0]?.next).toHaveLength(10);
      expect(await recorded(`custom.${name}`)).toHaveLength(1);
      expect(await rows(`select from run r join flow f on f.id = r.flow_id where f.name = '${name}'`)).toHaveLength(1);
    },
    STORY_MS,
  );
});
