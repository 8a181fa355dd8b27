/**
 * Webhooks of a provider at the door: how many are accepted per second when as many come as it takes, and how long the
 * acknowledgement takes at half of that. Accepted means: the signature of the raw body was checked by the plugin, in its own
 * process, and the delivery is on disk. What it means is found out afterwards; how long that took until the inbox was empty is
 * printed as well.
 *
 *   npm run bench:webhooks -- [--count 60000] [--steady 20000] [--connections 128] [--rounds 3] [--profile FOLDER]
 *
 * Bodies are Stripe's (2 KB), each signed for itself, about objects that we do not follow, so that the second half of the work is
 * reading them and not asking a provider.
 */
import { createHmac } from 'node:crypto';
import { parseArgs } from 'node:util';
import { processorMicros } from './contestant.ts';
import { emptySent, saturate, steady, type Sent, type Target } from './load.ts';
import { quantile } from './measure.ts';
import { startOurApp, type OurApp } from './our-app.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '60000' },
    steady: { type: 'string', default: '20000' },
    connections: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '3' },
    profile: { type: 'string' },
  },
});
const [count, steadyCount, connections, rounds] = [values.count, values.steady, values.connections, values.rounds].map(Number) as [
  number,
  number,
  number,
  number,
];

/** About as large as a customer of Stripe is. */
const CUSTOMER = {
  id: 'cus_9s6XKzkNRiz8i3',
  object: 'customer',
  address: { city: 'Utrecht', country: 'NL', line1: 'Oudegracht 1', line2: null, postal_code: '3511 AB', state: null },
  balance: 0,
  created: 1_795_000_000,
  currency: 'eur',
  default_source: null,
  delinquent: false,
  description: 'A customer of the benchmark, with a text of a usual length in the place where people write one',
  discount: null,
  email: 'customer@example.com',
  invoice_prefix: '0759376C',
  invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
  livemode: false,
  metadata: Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`field-${n}`, `a value that somebody put there, number ${n}`])),
  name: 'Jansen B.V.',
  phone: '+31301234567',
  preferred_locales: ['nl-NL'],
  shipping: null,
  tax_exempt: 'none',
  test_clock: null,
};
const SECRET = 'whsec_benchmark_of_the_webhook_door';
const app = await startOurApp({
  profileTo: values.profile,
  settings: { KASSAFLOW_EGRESS_MAP: 'https://api.stripe.com=http://127.0.0.1:9' },
});
try {
  const connection = await app.call<{ id: string }>('/v1/connections', {
    name: 'stripe',
    plugin: 'stripe',
    settings: { secretKey: 'sk_test_benchmark0', webhookSecrets: [SECRET] },
  });
  const target = targetOf(app, connection.id);
  await refusesForgeries(target);
  let next = 0;
  const take = (n: number): number => {
    next += n;
    return next - n;
  };
  await accept(target, take(Math.ceil(count / 10)), Math.ceil(count / 10));
  await drained(app);
  for (let round = 1; round <= rounds; round += 1) {
    const processor = processorMicros(app.processes());
    const perSecond = await accept(target, take(count), count);
    const micros = (processorMicros(app.processes()) - processor) / count;
    const readMs = await drained(app);
    const half = await steadily(target, take(steadyCount), steadyCount, perSecond / 2);
    await drained(app);
    await allStored(app, next);
    process.stdout.write(
      `round ${round}: ${perSecond.toFixed(0)} webhooks/s at saturation, ${micros.toFixed(0)} µs of CPU each (all processes), the last read ${(readMs / 1_000).toFixed(1)} s later; ` +
        `at ${(perSecond / 2).toFixed(0)}/s acknowledged in p50 ${quantile(half, 0.5).toFixed(1)} ms, p99 ${quantile(half, 0.99).toFixed(1)} ms\n`,
    );
  }
} finally {
  await app.stop();
}

async function accept(target: Target, first: number, many: number): Promise<number> {
  const sent = emptySent();
  const began = performance.now();
  await saturate(target, first, many, connections, sent, () => true);
  accepted(sent);
  return many / ((performance.now() - began) / 1_000);
}

async function steadily(target: Target, first: number, many: number, perSecond: number): Promise<number[]> {
  const sent = emptySent();
  await steady(target, first, many, perSecond, sent);
  accepted(sent);
  return [...sent.at].map(([reference, at]) => (sent.acknowledgedAt.get(reference) ?? Number.NaN) - at);
}

function accepted({ refused }: Sent): void {
  if (refused.length > 0) throw new Error(`${refused.length} webhooks were refused: ${refused[0]}`);
}

function targetOf({ port }: OurApp, connection: string): Target {
  return {
    port,
    path: () => `/webhooks/stripe/${connection}`,
    headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)' },
    body: bodyOf,
    signed: (body) => {
      const seconds = Math.floor(Date.now() / 1_000);
      return { 'stripe-signature': `t=${seconds},v1=${createHmac('sha256', SECRET).update(`${seconds}.${body}`).digest('hex')}` };
    },
  };
}

/**
 * The door is not open to whoever knows the address: else the figure would be of something else. The plugin loads its library with the
 * first call, which on a busy machine may take longer than the call is given.
 */
async function refusesForgeries({ port, path }: Pick<Target, 'port' | 'path'>, triesLeft = 10): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}${path(0)}`, {
    method: 'POST',
    headers: { 'stripe-signature': `t=${Math.floor(Date.now() / 1_000)},v1=${'0'.repeat(64)}` },
    body: bodyOf(-1),
  });
  if (answer.status === 503 && triesLeft > 0) return refusesForgeries({ port, path }, triesLeft - 1);
  if (answer.status !== 401) throw new Error(`a forged webhook was answered ${answer.status}`);
}

/** Resolves when the inbox has nothing due, with the milliseconds that this took. */
async function drained({ client }: OurApp): Promise<number> {
  const began = performance.now();
  while (((await client.query<{ n: number }>('select count(*)::int as n from inbox where next_at is not null')).rows[0]?.n ?? 0) > 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return performance.now() - began;
}

/** Each that was acknowledged is on disk, once. */
async function allStored({ client }: OurApp, expected: number): Promise<void> {
  const { rows } = await client.query<{ n: number }>(`select count(distinct event_key)::int as n from inbox where state = 'ignored'`);
  if (rows[0]?.n !== expected) throw new Error(`${expected} webhooks were acknowledged and ${rows[0]?.n} are in the inbox and read`);
}

/** An event of Stripe as it comes: pretty-printed, with more in it than anybody reads. */
function bodyOf(reference: number): string {
  return JSON.stringify(
    {
      id: `evt_1Benchmark${reference}`,
      object: 'event',
      api_version: '2026-10-28.endive',
      created: 1_795_000_000,
      livemode: false,
      pending_webhooks: 1,
      request: { id: `req_${reference}`, idempotency_key: null },
      type: 'customer.updated',
      data: { object: CUSTOMER },
    },
    undefined,
    2,
  );
}
