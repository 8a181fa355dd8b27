/** Three tenants share two processes, and one of them floods: how many calls of others reach the provider before one of a small tenant does. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { AppProcess } from '../support/app-process.ts';
import { until } from '../support/until.ts';

const ROOM = 20;
/** What both processes have in memory at most. */
const ALL_ROOM = 2 * ROOM;
const SMALL = ['bakery', 'florist'] as const;
const EACH = 12;
const MANY = 600;

const NOW = `kassaflow: 1
flow: now
on: custom.now
if-running: parallel
steps:
  - do: http.call
    via: sink
    with: { path: /now, body: { n: =event.n } }
`;
const LATER = `kassaflow: 1
flow: later
on: custom.later
if-running: parallel
steps:
  - wait: =event.at
  - do: http.call
    via: sink
    with: { path: /later, body: { n: =event.n } }
`;

let sink: Server;
const apps: AppProcess[] = [];
/** Whose calls have reached the provider, in order. */
const calls: string[] = [];
const keys = new Map<string, string>();

beforeAll(async () => {
  sink = createServer((request, response) => {
    calls.push((request.url ?? '').split('/')[1] ?? '');
    request.resume();
    response.end('{}');
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(sink.address() as AddressInfo).port}`;
  const environment = {
    LOG_LEVEL: 'warn',
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_MAX_IN_FLIGHT: String(ROOM),
    KASSAFLOW_REQUESTS_PER_MINUTE: '10000000',
    KASSAFLOW_EGRESS_ALLOW: host,
    KASSAFLOW_MASTER_KEY: randomBytes(32).toString('base64'),
  };
  const first = await AppProcess.prepare(environment);
  apps.push(first);
  await first.start();
  const socket = join(first.folder, 'data/postgres');
  const administrator = new pg.Client({ host: socket, port: 5432, user: 'postgres', database: 'kassaflow' });
  await administrator.connect();
  await administrator.query('create role second login; grant kassaflow_owner, kassaflow_app, kassaflow_engine to second');
  await administrator.end();
  const second = await AppProcess.prepare({
    ...environment,
    DATABASE_URL: `postgresql://second:none@${encodeURIComponent(socket)}:5432/kassaflow?sslmode=disable`,
  });
  apps.push(second);
  await second.start();
  for (const tenant of ['flood', ...SMALL]) {
    const made = await first.cli(['key', 'create', tenant, '--tenant', tenant, '--json']);
    keys.set(tenant, (JSON.parse(made.output) as { secret: string }).secret);
    await post(0, tenant, '/v1/connections', { name: 'sink', plugin: 'http', settings: { baseUrl: `http://${host}/${tenant}` } });
    for (const source of [NOW, LATER]) await post(0, tenant, '/v1/flows', { source });
  }
}, 180_000);
afterAll(async () => {
  for (const app of apps.toReversed()) await app.dispose();
  sink.close();
});

async function post(process: number, tenant: string, path: string, body: object, type = 'application/json'): Promise<Response> {
  const answer = await fetch(`${apps[process % 2]?.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.get(tenant)}`, 'content-type': type },
    body: JSON.stringify(body),
  });
  await answer.arrayBuffer();
  return answer;
}

let sent = 0;

/** To one process and the other by turns, until it is taken in. */
async function send(tenant: string, type: string, data: readonly object[]): Promise<void> {
  const events = data.map((one) => ({ specversion: '1.0', id: `e-${(sent += 1)}`, source: '/shop', type, data: one }));
  for (let status = 0; status !== 200 && status !== 202;)
    ({ status } = await post(sent, tenant, '/v1/events', events, 'application/cloudevents-batch+json'));
}

const of = (tenant: string) => calls.filter((one) => one === tenant).length;

async function sleeping(tenant: string): Promise<number> {
  const answer = await fetch(`${apps[0]?.url}/v1/runs/count?flow=later&status=waiting`, {
    headers: { authorization: `Bearer ${keys.get(tenant)}` },
  });
  return ((await answer.json()) as { count: number }).count;
}

test('an event of a small tenant waits for no more runs of the flood than there is room for, and never for many times that', async () => {
  let flooding = true;
  const flood = Array.from({ length: 6 }, async () => {
    const batch = Array.from({ length: 10 }, (_, n) => ({ n }));
    while (flooding) await send('flood', 'custom.now', batch);
  });
  const others: number[] = [];
  try {
    await until(
      () => of('flood') > 5 * ALL_ROOM,
      () => 'the flood does not begin',
      30_000,
    );
    for (let n = 1; n <= EACH; n += 1) {
      for (const tenant of SMALL) {
        const before = calls.length;
        await send(tenant, 'custom.now', [{ n }]);
        await until(
          () => of(tenant) === n,
          () => `a run of ${tenant} does not call`,
        );
        others.push(calls.lastIndexOf(tenant) - before);
      }
    }
  } finally {
    flooding = false;
    await Promise.all(flood);
  }
  expect(others.reduce((sum, one) => sum + one, 0) / others.length).toBeLessThanOrEqual(ALL_ROOM);
  expect(Math.max(...others)).toBeLessThanOrEqual(4 * ALL_ROOM);
}, 120_000);

test('of runs that wake at one moment, those of small tenants are done while each tenant has its turn', async () => {
  const due = Date.now() + 12_000;
  const at = new Date(due).toISOString();
  // A little later, so that whoever goes by time alone takes them last.
  const after = new Date(due + 5).toISOString();
  for (let n = 0; n < MANY; n += 20)
    await send(
      'flood',
      'custom.later',
      Array.from({ length: 20 }, () => ({ n, at })),
    );
  for (const tenant of SMALL)
    await send(
      tenant,
      'custom.later',
      Array.from({ length: EACH }, (_, n) => ({ n, at: after })),
    );
  await until(
    async () => (await sleeping('flood')) === MANY && (await sleeping(SMALL[0])) === EACH && (await sleeping(SMALL[1])) === EACH,
    () => 'not all of them slept before they were due',
    10_000,
  );
  const before = calls.length;
  const all = MANY + SMALL.length * EACH;
  await until(
    () => calls.length - before >= all,
    () => `of ${all} runs ${calls.length - before} called`,
    60_000,
  );
  const places = calls.slice(before).flatMap((tenant, place) => (tenant === 'flood' ? [] : [place + 1]));
  expect(places).toHaveLength(SMALL.length * EACH);
  // A third of the turns each, twice at the most; what was under way before the turns began is in front of them.
  expect(Math.max(...places)).toBeLessThanOrEqual(2 * 3 * EACH + ALL_ROOM);
}, 120_000);
