/**
 * From commit to screen: how long it takes until a browser that follows a payment hears of what has happened to it, while many
 * others follow theirs over connections of their own, each with a stream token.
 *
 *   npm run bench:live -- [--clients 1000,10000] [--events 4000] [--rate 200] [--profile FOLDER]
 *
 * Half of the events come over HTTP to the same process; from its acknowledgement, which follows the commit, to the screen.
 * The other half is committed by another process, which this one finds by looking forty times a second; from the commit to the screen.
 * Every event has one follower, and at the end each has got each of its events once and in order.
 */
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { idOf, newUuid } from '../../src/kernel/ids.ts';
import { memoryMb, processorMicros } from './contestant.ts';
import { quantile } from './measure.ts';
import { startOurApp, type OurApp } from './our-app.ts';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1000,10000' },
    events: { type: 'string', default: '4000' },
    rate: { type: 'string', default: '200' },
    profile: { type: 'string' },
  },
});
const [events, rate] = [Number(values.events), Number(values.rate)];
/** Connections that are being opened at once; tokens that are being made at once. */
const AT_ONCE = 50;
/** More than this after the last event is no latency but a loss. */
const PATIENCE_MS = 30_000;

/** One browser. */
interface Client {
  readonly payment: string;
  readonly socket: Socket;
  /** Numbers of the events that it got, in the order in which they came. */
  readonly got: number[];
}

/** When each event was on the screen, by its number. */
const shownAt = new Map<number, number>();

for (const clients of values.clients.split(',').map(Number)) {
  const app = await startOurApp({
    profileTo: values.profile,
    settings: { KASSAFLOW_STREAMS_PER_ADDRESS: '0', KASSAFLOW_REQUESTS_PER_MINUTE: '10000000' },
  });
  try {
    process.stdout.write(`${await measured(app, clients)}\n`);
  } finally {
    await app.stop();
  }
}

async function measured(app: OurApp, count: number): Promise<string> {
  shownAt.clear();
  const payments = await addPayments(app, count);
  const connecting = performance.now();
  const clients = await inTurns(payments, (payment) => follow(app, payment));
  const connectedMs = performance.now() - connecting;
  const processor = processorMicros(app.processes());
  const own = await atRate(clients, 0, (client, number) => sendOverHttp(app, client, number));
  const another = new pg.Pool({ ...app.database, max: 4 });
  const others = await atRate(clients, events / 2, (client, number) => commitByAnother(another, client, number));
  await another.end();
  const micros = (processorMicros(app.processes()) - processor) / events;
  check(clients);
  const memory = memoryMb([app.processId()]);
  for (const { socket } of clients) socket.destroy();
  const [a, b] = [latencies(own), latencies(others)];
  return (
    `${count} clients (connected in ${(connectedMs / 1_000).toFixed(1)} s, ${memory} MB), ${events} events at ${rate}/s: ` +
    `same process p50 ${quantile(a, 0.5).toFixed(1)} ms, p99 ${quantile(a, 0.99).toFixed(1)} ms; ` +
    `another process p50 ${quantile(b, 0.5).toFixed(1)} ms, p99 ${quantile(b, 0.99).toFixed(1)} ms; ` +
    `${micros.toFixed(0)} µs of CPU an event, all processes`
  );
}

/** Rows alone: what is measured begins with the event. */
async function addPayments(app: OurApp, count: number): Promise<string[]> {
  await app.call('/v1/connections', {
    name: 'sink',
    plugin: 'sandbox',
    settings: { apiKey: 'sandbox_benchmark', webhookSecrets: ['a secret of twenty-four characters'] },
  });
  const ids = Array.from({ length: count }, () => newUuid());
  await app.client.query(
    `insert into payment (id, tenant_id, connection_id, state, description, currency, amount_minor, split)
     select p.id, c.tenant_id, c.id, 'pending', 'benchmark', 'EUR', 1250, 'oldest-first'
     from unnest($1::uuid[]) as p (id), connection c where c.name = 'sink'`,
    [ids],
  );
  return ids.map((id) => idOf('pay', id));
}

async function follow(app: OurApp, payment: string): Promise<Client> {
  const { secret } = await app.call<{ secret: string }>('/v1/stream-tokens', { subjects: [`payment/${payment}`] });
  const socket = connect({ port: app.port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('utf8');
  const client: Client = { payment, socket, got: [] };
  await new Promise<void>((resolve, reject) => {
    let text = '';
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`a stream was closed: ${text.slice(0, 500)}`)));
    socket.on('data', (part: string) => {
      text += part;
      if (text.includes('event: state')) resolve();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) show(client, line);
    });
    socket.write(`GET /v1/payments/${payment}/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${secret}\r\n\r\n`);
  });
  return client;
}

function show({ got }: Client, line: string): void {
  const number = /"n":(\d+)/.exec(line)?.[1];
  if (number === undefined) return;
  got.push(Number(number));
  shownAt.set(Number(number), performance.now());
}

/** @returns from when on each event counts, by its number */
async function atRate(
  clients: readonly Client[],
  first: number,
  send: (client: Client, number: number) => Promise<number>,
): Promise<Map<number, number>> {
  const since = new Map<number, number>();
  const began = performance.now();
  const sending: Promise<unknown>[] = [];
  for (let index = 0; index < events / 2; index += 1) {
    const number = first + index;
    const due = began + (index * 1_000) / rate;
    while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now() - 1)));
    // Spread over all of them; 7919 is prime to any round number.
    const client = clients[(number * 7_919) % clients.length];
    if (client) sending.push(send(client, number).then((at) => since.set(number, at)));
  }
  await Promise.all(sending);
  const patience = performance.now() + PATIENCE_MS;
  while (shownAt.size < first + events / 2 && performance.now() < patience) await new Promise((resolve) => setTimeout(resolve, 10));
  return since;
}

async function sendOverHttp(app: OurApp, { payment }: Client, number: number): Promise<number> {
  await app.call(
    '/v1/events',
    {
      specversion: '1.0',
      id: `live-${number}`,
      source: '/bench',
      type: 'custom.looked-at',
      subject: `payment/${payment}`,
      data: { n: number },
    },
    { 'content-type': 'application/cloudevents+json' },
  );
  return performance.now();
}

async function commitByAnother(another: pg.Pool, { payment }: Client, number: number): Promise<number> {
  await another.query(
    `insert into event (id, tenant_id, source, source_id, type, subject, occurred_at, data, routed)
     select $1::uuid, id, '/bench', $2, 'custom.looked-at', $3, now(), $4::jsonb, true from tenant where slug = 'bench'`,
    [newUuid(), `other-${number}`, `payment/${payment}`, JSON.stringify({ n: number })],
  );
  return performance.now();
}

function check(clients: readonly Client[]): void {
  const shown = clients.reduce((sum, { got }) => sum + got.length, 0);
  if (shown !== events || shownAt.size !== events) throw new Error(`${events} events, of which ${shownAt.size} were shown, ${shown} times`);
}

/** The answer to the sender and the message to the follower leave together, so one may be read before the other: no less than 0. */
function latencies(since: ReadonlyMap<number, number>): number[] {
  return [...since].map(([number, at]) => Math.max(0, (shownAt.get(number) ?? Number.NaN) - at));
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let index = next++; index < items.length; index = next++) {
        const item = items[index];
        if (item !== undefined) results.push(await work(item));
      }
    }),
  );
  return results;
}
