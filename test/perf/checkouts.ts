/**
 * Many checkouts in flight at once: all sessions are made, then a way of paying is chosen in each, then all are paid at the
 * provider, and all payers come back, while the provider's webhooks arrive. It ends when every session is completed, and with the
 * books: every payment booked once, debits and credits alike.
 *
 *   npm run bench:checkouts -- [--count 5000] [--connections 64] [--profile FOLDER]
 *
 * The provider is the pretend one: a process of its own that keeps its payments on disk and is reached over HTTP.
 */
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { processorMicros } from './contestant.ts';
import { quantile } from './measure.ts';
import { startOurApp, type OurApp } from './our-app.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '5000' }, connections: { type: 'string', default: '64' }, profile: { type: 'string' } },
});
const [count, connections] = [Number(values.count), Number(values.connections)];
const PRICE = '12.50';
/** Providers repeat their webhooks, and we ask them; who is not told by then never is. */
const PATIENCE_MS = 120_000;

interface Checkout {
  readonly id: string;
  /** Path of our page. */
  readonly page: string;
  readonly clientToken: string;
  /** Where the provider asks for the money. */
  provider?: string;
  paidAt?: number;
}

const dispatcher = new Agent({ connections });
// `test` brings the pretend provider without the rest of the demo.
const app = await startOurApp({
  profileTo: values.profile,
  settings: { NODE_ENV: 'test', KASSAFLOW_REQUESTS_PER_MINUTE: '10000000', KASSAFLOW_STREAMS_PER_ADDRESS: '0' },
});
try {
  await app.call('/v1/connections', {
    name: 'main',
    plugin: 'sandbox',
    settings: { apiKey: 'sandbox_benchmark', webhookSecrets: ['a secret of twenty-four characters'] },
  });
  const began = performance.now();
  const processor = processorMicros(app.processes());
  const checkouts: Checkout[] = [];
  await phase(
    'sessions made',
    Array.from({ length: count }, (_, n) => n),
    async (n) => void checkouts.push(await make(app, n)),
  );
  await phase('methods chosen', checkouts, choose);
  await phase('paid at the provider', checkouts, pay);
  await phase('payers back', checkouts, comeBack);
  const completedMs = await completed(app, began);
  const micros = (processorMicros(app.processes()) - processor) / count;
  process.stdout.write(
    `${count} checkouts in flight at once, all completed ${(completedMs / 1_000).toFixed(1)} s after the first was begun ` +
      `(${(count / (completedMs / 1_000)).toFixed(0)}/s), ${(micros / 1_000).toFixed(1)} ms of CPU each, all processes\n`,
  );
  process.stdout.write(`paid at the provider → completed here: ${await toCompleted(app, checkouts)}\n${await books(app)}\n`);
} finally {
  await app.stop();
  await dispatcher.close();
}

/** Does it to all, and prints how long one took. */
async function phase<T>(name: string, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const took: number[] = [];
  const began = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let index = next++; index < items.length; index = next++) {
        const since = performance.now();
        await work(items[index] as T); // below the length
        took.push(performance.now() - since);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1_000;
  process.stdout.write(
    `${name}: ${seconds.toFixed(1)} s, each p50 ${quantile(took, 0.5).toFixed(0)} ms, p99 ${quantile(took, 0.99).toFixed(0)} ms\n`,
  );
}

async function make(own: OurApp, number: number): Promise<Checkout> {
  const { id, url, clientToken } = await send<{ id: string; url: string; clientToken: string }>(
    'POST',
    '/v1/checkout-sessions',
    own.apiKey,
    { amount: { amount: PRICE, currency: 'EUR' }, description: `Order ${number}`, returnUrl: 'https://shop.example/thanks' },
    { 'idempotency-key': `checkout-${number}` },
  );
  return { id, page: new URL(url).pathname, clientToken };
}

/** As a portal's own page does: with the client token alone. */
async function choose(checkout: Checkout): Promise<void> {
  const path = `/v1/checkout-sessions/${checkout.id}`;
  const { items } = await send<{ items: { id: string; flows: string[] }[] }>('GET', `${path}/methods`, checkout.clientToken);
  const method = items.find(({ flows }) => flows.includes('redirect'));
  if (!method) throw new Error('there is no way to pay');
  const { next } = await send<{ next: { kind: string; url: string } | null }>('POST', `${path}/pay`, checkout.clientToken, {
    method: method.id,
    flow: 'redirect',
  });
  if (next?.kind !== 'redirect') throw new Error(`the payer has nowhere to go: ${JSON.stringify(next)}`);
  checkout.provider = new URL(next.url).pathname;
}

/** The button of the provider's page. */
async function pay(checkout: Checkout): Promise<void> {
  const answer = await request(`http://127.0.0.1:${app.port}${checkout.provider}/pay`, {
    method: 'POST',
    dispatcher,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: '',
  });
  await answer.body.dump();
  if (answer.statusCode !== 303 && answer.statusCode !== 302) throw new Error(`paying was answered ${answer.statusCode}`);
  checkout.paidAt = Date.now();
}

async function comeBack({ page }: Checkout): Promise<void> {
  const answer = await request(`http://127.0.0.1:${app.port}${page}/return`, { dispatcher });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`the return was answered ${answer.statusCode}`);
}

async function send<T>(
  method: 'GET' | 'POST',
  path: string,
  credential: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  const answer = await request(`http://127.0.0.1:${app.port}${path}`, {
    method,
    dispatcher,
    headers: { authorization: `Bearer ${credential}`, ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body ? JSON.stringify(body) : null,
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${text}`);
  return JSON.parse(text) as T; // the caller knows the route
}

/** Resolves when no session is open any more, with the milliseconds since `began`. */
async function completed({ client }: OurApp, began: number): Promise<number> {
  const patience = performance.now() + PATIENCE_MS;
  for (;;) {
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from checkout_session where state <> 'completed'`);
    if (rows[0]?.n === 0) return performance.now() - began;
    if (performance.now() > patience) throw new Error(`${rows[0]?.n} sessions are not completed`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function toCompleted({ client }: OurApp, checkouts: readonly Checkout[]): Promise<string> {
  const { rows } = await client.query<{ key: string; at: Date }>('select request_key as key, completed_at as at from checkout_session');
  const at = new Map(rows.map((row) => [row.key, row.at.getTime()]));
  if (at.size !== checkouts.length) throw new Error(`${checkouts.length} sessions were made and ${at.size} are there`);
  const { rows: ids } = await client.query<{ id: string; at: Date }>(
    `select data -> 'checkout' ->> 'id' as id, occurred_at as at from event where type = 'checkout.completed'`,
  );
  const completedAt = new Map(ids.map((row) => [row.id, row.at.getTime()]));
  const took = checkouts.map(({ id, paidAt = Number.NaN }) => Math.max(0, (completedAt.get(id) ?? Number.NaN) - paidAt));
  if (completedAt.size !== ids.length) throw new Error('a session was completed twice');
  return `p50 ${quantile(took, 0.5).toFixed(0)} ms, p99 ${quantile(took, 0.99).toFixed(0)} ms`;
}

/** @throws when a payment is missing, doubled or not booked, or the books do not balance */
async function books({ client }: OurApp): Promise<string> {
  const { rows: payments } = await client.query<{ state: string; n: number; captured: string }>(
    'select state, count(*)::int as n, sum(captured_minor)::text as captured from payment group by state',
  );
  const due = String(count * 1_250);
  const [first] = payments;
  if (payments.length !== 1 || first?.state !== 'completed' || first.n !== count || first.captured !== due)
    throw new Error(`the payments are not as they should be: ${JSON.stringify(payments)}`);
  const { rows: unbalanced } = await client.query(
    `select entry_id from ledger_line group by entry_id, currency having sum(case side when 'debit' then minor else -minor end) <> 0`,
  );
  if (unbalanced.length > 0) throw new Error(`${unbalanced.length} entries of the ledger do not balance`);
  const { rows: kinds } = await client.query<{ kind: string; n: number; subjects: number; debit: string }>(
    `select e.kind, count(distinct e.id)::int as n, count(distinct e.subject)::int as subjects, sum(l.minor) filter (where l.side = 'debit')::text as debit
     from ledger_entry e join ledger_line l on l.entry_id = e.id where e.subject like 'payment/%' group by e.kind order by e.kind`,
  );
  // The money itself, and what the provider keeps of it: each once for each payment.
  const isRight = kinds.every(({ n, subjects }) => n === count && subjects === count) && kinds.some(({ debit }) => debit === due);
  if (!isRight) throw new Error(`the ledger is not as it should be: ${JSON.stringify(kinds)}`);
  const booked = kinds.map(({ kind, debit }) => `${kind} ${(Number(debit) / 100).toFixed(2)} EUR`);
  return `books: ${count} payments completed once; debits and credits alike, once each: ${booked.join(', ')}`;
}
