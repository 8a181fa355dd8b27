/**
 * A direct debit that comes back for want of money, and is drawn once more when its rules allow: the shipped flow of dunning sleeps for a
 * week, through a `kill -9`, charges the mandate again and ends when the invoice is paid. Run timers go by the database's clock, so that is
 * set forward as well as the program's.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMollieServer, type MollieServer } from '../providers/mollie-server.ts';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';
import { setDatabaseForward } from '../support/database-time.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const DAY_MS = 86_400_000;
const PATIENCE_MS = 90_000;

let mollie: MollieServer;
let app: AppProcess;
let api: Api;
let ahead = 0;

beforeAll(async () => {
  mollie = await startMollieServer({ sendWebhooks: true });
  app = await AppProcess.prepare({
    LOG_LEVEL: 'warn',
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_EGRESS_MAP: `https://api.mollie.com=${mollie.url}`,
    NODE_OPTIONS: `--import ${join(ROOT, 'test/chaos/clock-jump.mjs')}`,
  });
  await start();
  const { secret } = JSON.parse(await command({}, 'key', 'create', 'shop', '--tenant', 'shop', '--json')) as { secret: string };
  api = new Api(app.url, secret, PATIENCE_MS);
  await api.post('/v1/connections', { name: 'bank', plugin: 'mollie', settings: { apiKey: mollie.apiKey } });
  const office = { apiKey: 'sandbox_the_letters_of_this_shop', webhookSecrets: ['whsec_nothing_comes_from_there'] };
  await api.post('/v1/connections', { name: 'letters', plugin: 'sandbox', settings: office });
  await command({ KASSAFLOW_API_KEY: secret }, 'flow', 'publish', flowsIn(app.folder));
}, 900_000);
afterAll(async () => {
  await app.dispose();
  await mollie.close();
});

async function start(): Promise<void> {
  writeFileSync(join(app.folder, 'clock'), String(ahead));
  await app.start({ CHAOS_CLOCK: join(app.folder, 'clock') });
}

/** Time passes while the program is dead, for its database too. */
async function killFor(ms: number): Promise<void> {
  ahead += ms;
  await setDatabaseForward(app.folder, ahead);
  await app.kill();
  await start();
}

async function command(environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
  const { code, output } = await app.cli(args, environment);
  if (code !== 0) throw new Error(output);
  return output;
}

function flowsIn(folder: string): string {
  const flows = join(folder, 'flows');
  mkdirSync(flows);
  for (const file of ['flows/failed-payment.yaml', 'test/stories/flows/collect-by-mandate.yaml'])
    writeFileSync(join(flows, file.split('/').at(-1) ?? ''), readFileSync(join(ROOT, file)));
  return flows;
}

function eventually(what: () => Promise<boolean>, describe: () => string): Promise<void> {
  return until(what, () => `${describe()}\n${app.output.slice(-3_000)}`, PATIENCE_MS);
}

/** The charges of the mandate at the provider, oldest first. */
const charges = () => mollie.book.payments.filter(({ sequenceType }) => sequenceType === 'recurring').toReversed();

async function becomes(path: string, status: string): Promise<void> {
  let last: unknown;
  await eventually(
    async () => (last = (await api.get(path))['status']) === status,
    () => `${path} is ${String(last)} and never became ${status}`,
  );
}

async function runIs(flow: string, status: string): Promise<void> {
  let last: readonly string[] = [];
  await eventually(
    async () => {
      const { items } = await api.get<{ items: readonly { readonly status: string }[] }>(`/v1/runs?flow=${flow}`);
      last = items.map((run) => run.status);
      return last.join() === status;
    },
    () => `the run of ${flow} is ${last.join()} and never became ${status}`,
  );
}

test('a debit that bounced is drawn again after a week, once, through a kill -9, and the flow ends when it is paid', async () => {
  const customer = await api.post<{ id: string }>('/v1/customers', { name: 'Kim Jansen', email: 'kim@example.com', locale: 'nl' });
  const euro = (amount: string) => ({ amount, currency: 'EUR' });
  const mandate = { customer: customer.id, amount: euro('1.00'), description: 'first', save: true, method: 'ideal', connection: 'bank' };
  const first = await api.post<{ providerId: string }>('/v1/payments', { ...mandate, returnUrl: `${app.url}/done` }, 'first');
  mollie.book.pay(first.providerId);
  await eventually(
    async () => (await api.get(`/v1/customers/${customer.id}`))['hasMandate'] === true,
    () => 'the mandate was never known',
  );

  const lines = [{ description: 'Hours', quantity: 1, unit: euro('60.00'), vatRate: 0 }];
  const invoice = (await api.post<{ id: string }>('/v1/invoices', { customer: customer.id, description: 'Work', lines }, 'invoice')).id;
  await api.post(`/v1/invoices/${invoice}/issue`, {});
  await eventually(
    async () => charges().length === 1,
    () => 'the mandate was never charged',
  );
  mollie.book.settle(charges()[0]?.id ?? '', 'failed', 'AM04');
  await runIs('collect-by-mandate', 'completed');
  await runIs('failed-payment', 'waiting');

  // For want of money a debit may be repeated after seven days, on a working day; until then nothing happens.
  await killFor(5 * DAY_MS);
  await runIs('failed-payment', 'waiting');
  expect(charges()).toHaveLength(1);
  await killFor(6 * DAY_MS);
  await eventually(
    async () => charges().length === 2,
    () => 'the mandate was never charged again',
  );
  mollie.book.settle(charges()[1]?.id ?? '', 'paid');
  await becomes(`/v1/invoices/${invoice}`, 'paid');
  await runIs('failed-payment', 'stopped');
  await killFor(10 * DAY_MS);
  await runIs('failed-payment', 'stopped');
  expect(charges()).toHaveLength(2);
}, 900_000);
