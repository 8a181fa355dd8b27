/**
 * A direct debit over weeks, with the program killed on the way: a flow charges it and sleeps, the bank takes days and sends it back after three weeks,
 * and the shipped flow of dunning collects until the customer pays in another way. The provider is Mollie's local server; the program's
 * clock is set forward as a machine's.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMollieServer, type MollieServer } from '../providers/mollie-server.ts';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const CLOCK = join(ROOT, 'test/chaos/clock-jump.mjs');
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
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
    NODE_OPTIONS: `--import ${CLOCK}`,
  });
  await start();
  const { secret } = JSON.parse(await command('key', 'create', 'shop', '--tenant', 'shop', '--json')) as { secret: string };
  api = new Api(app.url, secret, PATIENCE_MS);
  await api.post('/v1/connections', { name: 'bank', plugin: 'mollie', settings: { apiKey: mollie.apiKey } });
  const office = { apiKey: 'sandbox_the_letters_of_this_shop', webhookSecrets: ['whsec_nothing_comes_from_there'] };
  await api.post('/v1/connections', { name: 'letters', plugin: 'sandbox', settings: office });
  await command('flow', 'publish', flowsIn(app.folder), secret);
}, 900_000);
afterAll(async () => {
  await app.dispose();
  await mollie.close();
});

async function start(): Promise<void> {
  writeFileSync(join(app.folder, 'clock'), String(ahead));
  await app.launch(['start'], { CHAOS_CLOCK: join(app.folder, 'clock') });
  await until(
    () => app.output.includes('Kassaflow is ready at'),
    () => `the program did not start:\n${app.output.slice(-3_000)}`,
    3 * PATIENCE_MS,
    () => app.ended,
  );
}

/** Time passes while the program is dead. */
async function killFor(ms: number): Promise<void> {
  await app.kill();
  ahead += ms;
  await start();
}

async function command(...args: readonly string[]): Promise<string> {
  const key = args[0] === 'flow' ? (args.at(-1) ?? '') : '';
  const { code, output } = await app.cli(key === '' ? args : args.slice(0, -1), { KASSAFLOW_API_KEY: key });
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

const invoiceStatus = async (id: string) => (await api.get(`/v1/invoices/${id}`))['status'];
const isInvoice = (id: string, status: string) =>
  eventually(
    async () => (await invoiceStatus(id)) === status,
    () => `the invoice never became ${status}`,
  );

/** The charges of the mandate at the provider, oldest first. */
const charges = () => mollie.book.payments.filter(({ sequenceType }) => sequenceType === 'recurring').toReversed();

interface Run {
  readonly flow: string;
  readonly status: string;
}
const runs = async (flow: string) => (await api.get<{ items: readonly Run[] }>(`/v1/runs?flow=${flow}`)).items.map(({ status }) => status);
/** For how long the newest run of the flow still rests. Runs go by the clock of the database, which nobody sets forward. */
const restOf = async (flow: string) => {
  const { items } = await api.get<{ items: readonly { readonly id: string }[] }>(`/v1/runs?flow=${flow}`);
  const { steps } = await api.get<{ steps: readonly { readonly waitsUntil: string | null }[] }>(`/v1/runs/${items[0]?.id}`);
  return Math.max(0, ...steps.map(({ waitsUntil }) => Date.parse(waitsUntil ?? '1970-01-01') - Date.now()));
};
const balance = async () => {
  interface Account {
    readonly account: string;
    readonly balance: { readonly amount: string };
  }
  const { accounts } = await api.get<{ accounts: readonly Account[] }>('/v1/ledger/trial-balance');
  return Object.fromEntries(
    accounts
      .filter(({ balance: { amount } }) => Number(amount) !== 0)
      .map(({ account, balance: { amount } }) => [account.replace(/:[0-9a-f-]{36}$/, ''), amount]),
  );
};

test('a charge of a flow is made once through every kill -9; its last word and its return come weeks later, and another payment ends the dunning', async () => {
  const customer = await api.post<{ id: string }>('/v1/customers', { name: 'Kim Jansen', email: 'kim@example.com', locale: 'nl' });
  const euro = (amount: string) => ({ amount, currency: 'EUR' });
  const first = await api.post<{ id: string; providerId: string }>(
    '/v1/payments',
    {
      customer: customer.id,
      amount: euro('1.00'),
      description: 'first',
      save: true,
      method: 'ideal',
      connection: 'bank',
      returnUrl: `${app.url}/done`,
    },
    'first',
  );
  mollie.book.pay(first.providerId);
  await eventually(
    async () => (await api.get(`/v1/customers/${customer.id}`))['hasMandate'] === true,
    () => 'the mandate was never known',
  );

  // Killed when the provider has the charge and nobody here knows of it.
  app.dieAt('payment.created.before');
  const lines = [{ description: 'Hours', quantity: 1, unit: euro('60.00'), vatRate: 0 }];
  const invoice = (await api.post<{ id: string }>('/v1/invoices', { customer: customer.id, description: 'Work', lines }, 'invoice')).id;
  await api.send('POST', `/v1/invoices/${invoice}/issue`, {}).catch(() => undefined);
  await app.died(PATIENCE_MS);
  expect(charges()).toHaveLength(1);
  await start();
  await eventually(
    async () => (await api.get<{ items: readonly { status: string }[] }>('/v1/payments?status=pending')).items.length === 1,
    () => 'the charge was never found again',
  );

  // Three days later the bank has not said anything, and the run sleeps for six hours more.
  await killFor(3 * DAY_MS);
  await eventually(
    async () => (await restOf('collect-by-mandate')) > 5 * HOUR_MS,
    () => 'the run does not ask how its charge stands',
  );
  // Then the bank pays: the run goes on by that, and not when its pause is over.
  mollie.book.settle(charges()[0]?.id ?? '', 'paid');
  await isInvoice(invoice, 'paid');
  await eventually(
    async () => (await runs('collect-by-mandate')).join() === 'completed',
    () => 'the run never ended',
  );
  expect(charges()).toHaveLength(1);
  expect(await balance()).toMatchObject({ 'asset:clearing': '61.00', 'income:sales': '60.00' });

  // Three weeks later it comes back for want of money, and the shipped flow collects.
  await killFor(21 * DAY_MS);
  mollie.book.chargeBack(charges()[0]?.id ?? '', { code: 'AM04' });
  await isInvoice(invoice, 'issued');
  expect(await balance()).toMatchObject({ 'asset:receivable': '60.00', 'asset:clearing': '1.00' });
  const { items } = await api.get<{ items: readonly { readonly data: { readonly decline: Record<string, unknown> } }[] }>(
    '/v1/events?type=payment.charged-back',
  );
  expect(items[0]?.data.decline).toMatchObject({
    class: 'soft',
    source: 'sepa',
    code: 'AM04',
    unattended: true,
    retryAt: expect.stringMatching(/^20/),
  });
  await eventually(
    async () => (await runs('failed-payment')).join() === 'waiting',
    () => 'nobody collects',
  );

  // Killed once more, and then the customer pays in another way: the flow is over, and nothing is charged any more.
  await killFor(DAY_MS);
  const wish = { invoices: [invoice], method: 'ideal', connection: 'bank', returnUrl: `${app.url}/done` };
  const other = await api.post<{ providerId: string }>('/v1/payments', wish, 'other');
  mollie.book.pay(other.providerId);
  await isInvoice(invoice, 'paid');
  await eventually(
    async () => (await runs('failed-payment')).join() === 'stopped',
    () => 'the flow goes on after the invoice is paid',
  );
  expect(charges()).toHaveLength(1);
  expect(await balance()).toEqual({ 'asset:clearing': '61.00', 'income:sales': '60.00', 'liability:unallocated': '1.00' });
}, 900_000);

test('a mandate is asked for once, and its bank’s question put to the customer once, through a kill -9 in the middle of each', async () => {
  const customer = await api.post<{ id: string }>('/v1/customers', { name: 'Anna de Vries', email: 'anna@example.com', locale: 'nl' });
  const wish = { customer: customer.id, kind: 'card', connection: 'bank', description: 'Your subscription' };
  app.dieAt('mandate.asked.after');
  await api.send('POST', '/v1/mandates', wish, 'mandate').catch(() => undefined);
  await app.died(PATIENCE_MS);
  await start();
  const mandate = await api.post<{ id: string; next: { url: string } }>('/v1/mandates', wish, 'mandate');
  const asked = mollie.book.payments.filter(({ metadata }) => JSON.stringify(metadata).includes(mandate.id));
  expect(asked).toHaveLength(1);
  expect((await api.get<{ items: readonly object[] }>(`/v1/mandates?customer=${customer.id}`)).items).toHaveLength(1);
  mollie.book.pay(asked[0]?.id ?? '');
  await eventually(
    async () => (await api.get(`/v1/mandates/${mandate.id}`))['status'] === 'active',
    () => 'the mandate was never confirmed',
  );

  app.dieAt('charge.approval.after');
  mollie.book.refuseNextCharge = 'authentication_required';
  const before = charges().length;
  const charge = { customer: customer.id, mandate: mandate.id, amount: { amount: '5.00', currency: 'EUR' }, description: 'November' };
  await api.send('POST', '/v1/charges', charge, 'november').catch(() => undefined);
  await app.died(PATIENCE_MS);
  await start();
  interface Charged {
    readonly status: string;
    readonly link: string;
    readonly payment: { readonly id: string };
  }
  const stopped = await api.post<Charged>('/v1/charges', charge, 'november');
  expect(stopped).toMatchObject({ status: 'action-required', link: expect.stringContaining('/pay/') });
  expect(charges()).toHaveLength(before + 1);
  const told = await api.get<{ items: readonly { readonly data: { readonly link: string } }[] }>(
    `/v1/events?type=payment.action-required&subject=payment/${stopped.payment.id}`,
  );
  expect(told.items.map(({ data }) => data.link)).toEqual([stopped.link]);
  expect((await fetch(stopped.link)).status).toBe(200);
}, 900_000);
