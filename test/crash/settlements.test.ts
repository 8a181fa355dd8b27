/** kill -9 around the import of settlements: everything is read, and booked once. src/domain/settlements/README.md. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startMollieServer, type MollieServer } from '../providers/mollie-server.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';

const POINTS: readonly CrashPoint[] = ['settlement.page.after', 'settlement.booked.before', 'settlement.booked.after'];
const DAY_MS = 86_400_000;
/** Of a payment of 10.00, after costs of 0.35. */
const PAID_OUT = 965;

interface Account {
  readonly account: string;
  readonly balance: { readonly amount: string };
}

let mollie: MollieServer;
let app: AppProcess;
let api: Api;
let secret = '';
let sold = 0;

beforeAll(async () => {
  // The day on which it pays out is over, also in Amsterdam.
  mollie = await startMollieServer({ apiKey: 'live_localserver1', now: Date.now() - 3 * DAY_MS });
  app = await AppProcess.prepare({
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_PUBLIC_URL: 'https://kassaflow.example',
    KASSAFLOW_EGRESS_MAP: `https://api.mollie.com=${mollie.url}`,
  });
  await app.start();
  const { output } = await app.cli(['key', 'create', 'test', '--tenant', 'shop', '--tenant-name', 'The shop', '--live', '--json']);
  ({ secret } = JSON.parse(output) as { secret: string });
  api = new Api(app.url, secret, SOON_MS);
  const settings = { apiKey: mollie.apiKey, organizationToken: mollie.organizationToken };
  expect(await api.send('PUT', '/v1/portal-origins', { origins: ['https://shop.example'] })).toMatchObject({ status: 200 });
  await api.post('/v1/connections', { name: 'pay', plugin: 'mollie', settings }, 'connection');
}, STORY_MS);
afterAll(async () => {
  await app.dispose();
  await mollie.close();
});

test.each(POINTS)(
  'at %s is survived',
  async (point) => {
    const wish = {
      amount: { amount: '10.00', currency: 'EUR' },
      description: point,
      method: 'ideal',
      returnUrl: 'https://shop.example/back',
    };
    const payment = await api.post<{ id: string; providerId: string }>('/v1/payments', wish, `pay ${point}`);
    mollie.book.pay(payment.providerId);
    await api.post(`/v1/payments/${payment.id}/refresh`, {});
    sold += 1;
    mollie.settlements.payOut(mollie.settlements.close().id);
    app.dieAt(point);
    const day = new Date(mollie.clock.now()).toISOString().slice(0, 10);
    const next = new Date(mollie.clock.now() + DAY_MS).toISOString().slice(0, 10);
    // The process may die before it has answered: a careful client asks again.
    const asked = api.post<{ id: string }>('/v1/settlements/import', { connection: 'pay', from: day, to: next }, `import ${point}`);
    await app.died();
    await app.start();
    const { id } = await asked;
    await until(
      async () => (await api.get<{ status: string }>(`/v1/settlements/imports/${id}`)).status === 'done',
      () => `the import never ended\n${app.output.slice(-2_000)}`,
      SOON_MS,
    );
    expect(await minorOn('asset:bank-clearing')).toBe(sold * PAID_OUT);
    expect(await minorOn('asset:clearing')).toBe(0);
    expect(await minorOn('liability:suspense')).toBe(0);
    const { items } = await api.get<{ items: { status: string }[] }>('/v1/settlements');
    expect(items.map(({ status }) => status)).toEqual(Array.from({ length: sold }, () => 'paid'));
    const { items: received } = await api.get<{ items: unknown[] }>('/v1/events?type=settlement.received');
    expect(received).toHaveLength(sold);
  },
  STORY_MS,
);

test(
  'the command line asks for days, and shows what came of it',
  async () => {
    const cli = (...args: string[]) => app.cli(['settlement', ...args], { KASSAFLOW_API_KEY: secret });
    const day = new Date(mollie.clock.now()).toISOString().slice(0, 10);
    expect(await cli('import', 'pay', day)).toMatchObject({ code: 0, output: expect.stringMatching(/imp_\w{26} is waiting/) });
    const { output: list } = await cli('list', '--status', 'paid');
    const id = /set_\w{26}/.exec(list)?.[0] ?? '';
    expect(list).toContain('9.65 EUR');
    expect(await cli('lines', id)).toMatchObject({ code: 0, output: expect.stringContaining('0.3509') });
    expect(await cli('imports', '--connection', 'pay', '--json')).toMatchObject({ code: 0, output: expect.stringContaining('"done"') });
  },
  STORY_MS,
);

async function minorOn(account: string): Promise<number> {
  const { accounts } = await api.get<{ accounts: Account[] }>('/v1/ledger/trial-balance');
  return accounts
    .filter((one) => one.account.startsWith(`${account}:`))
    .reduce((sum, { balance }) => sum + Math.round(Number(balance.amount) * 100), 0);
}
