/**
 * The demo: at its first start an installation gets a tenant with customers, open invoices and a connection to a pretend
 * provider, so that a newcomer can pay something within a minute.
 *
 * It is a client of the public API like any other, so what it does can be done by hand. Every request carries a key of its
 * own, so a first start that was interrupted is completed by the next.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DEMO_KEY_FILE } from '../client/demo-key-file.ts';
import { ApiClient } from '../client/api-client.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { ApiKeys } from '../platform/auth/api-keys.ts';
import type { Config } from '../platform/config/config.ts';
import { Tenants } from '../platform/tenancy/tenants.ts';
import { readDemoData, type DemoData } from './demo-data.ts';

/** What the first start prepared, for the lines below the ready line of every start. */
interface Prepared {
  readonly tenant: string;
  readonly payLinks: readonly { readonly what: string; readonly url: string }[];
}

const STATE_FILE = 'demo.json';

/** Prepares the demo when that has not been done, and returns what to print about it. Needs the API to answer already. */
export async function startDemo(app: NestFastifyApplication, config: Config): Promise<string[]> {
  const data = readDemoData(config.pluginsDirectory);
  if (!data) return [];
  const apiKey = await demoKey(app, config, data);
  const prepared = await prepare(new ApiClient({ url: `http://127.0.0.1:${config.port}`, apiKey }), config, data);
  return [
    '',
    `  API key of the tenant ${prepared.tenant}: ${apiKey}`,
    `  Documentation of the API: ${config.publicUrl}/docs`,
    ...prepared.payLinks.map(({ what, url }) => `  Pay ${what}: ${url}`),
    '',
  ];
}

/** The key is kept in a file that only this user can read, because the API shows a key once and the demo prints it at every start. */
async function demoKey(app: NestFastifyApplication, config: Config, { tenant }: DemoData): Promise<string> {
  const file = path.join(config.dataDirectory, DEMO_KEY_FILE);
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const tenants = app.get(Tenants, { strict: false });
  const { id } = (await tenants.find(tenant.slug)) ?? (await tenants.create({ ...tenant, mode: 'test' }, 'demo'));
  const { secret } = await app.get(ApiKeys, { strict: false }).create(id, { name: 'demo', scopes: ['*'] }, 'demo');
  writeWhole(file, `${secret}\n`);
  return secret;
}

async function prepare(api: ApiClient, config: Config, data: DemoData): Promise<Prepared> {
  const file = path.join(config.dataDirectory, STATE_FILE);
  // Written by this function alone, below.
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Prepared;
  for (const connection of data.connections)
    await unlessThere('connection.name-taken', api.post('/v1/connections', withRandom(connection)));
  const packages = await addPackages(api, data);
  const payLinks: { what: string; url: string }[] = [];
  for (const entry of data.customers) payLinks.push(...(await addCustomer(api, config, packages, entry)));
  const prepared: Prepared = { tenant: data.tenant.slug, payLinks };
  writeWhole(file, `${JSON.stringify(prepared, null, 2)}\n`);
  return prepared;
}

async function addPackages(api: ApiClient, { creditPackages }: DemoData): Promise<ReadonlyMap<string, string>> {
  for (const body of creditPackages) await unlessThere('credit.package-name-taken', api.post('/v1/credit-packages', body));
  const { items } = await api.get<{ items: { id: string; name: string }[] }>('/v1/credit-packages');
  return new Map(items.map(({ id, name }) => [name, id]));
}

async function addCustomer(
  api: ApiClient,
  config: Config,
  packages: ReadonlyMap<string, string>,
  { customer: details, invoices, orders }: DemoData['customers'][number],
): Promise<{ what: string; url: string }[]> {
  const { reference } = details;
  await unlessThere('customer.reference-taken', api.post('/v1/customers', details));
  const { items } = await api.get<{ items: { id: string }[] }>(`/v1/customers?reference=${encodeURIComponent(reference)}`);
  const customer = items[0]?.id ?? '';
  const open: string[] = [];
  for (const [index, invoice] of invoices.entries()) {
    const { id } = await api.post<{ id: string }>(
      '/v1/invoices',
      { ...invoice, customer },
      { idempotencyKey: `demo-${reference}-invoice-${index}` },
    );
    await api.post(`/v1/invoices/${id}/issue`, {}, { idempotencyKey: `demo-${reference}-issue-${index}` });
    open.push(id);
  }
  for (const [index, name] of orders.entries()) {
    const order = { customer, package: packages.get(name) };
    open.push((await api.post<{ invoice: string }>('/v1/orders', order, { idempotencyKey: `demo-${reference}-order-${index}` })).invoice);
  }
  const links: { what: string; url: string }[] = [];
  for (const invoice of open) {
    const payment = { invoices: [invoice], returnUrl: `${config.publicUrl}/docs` };
    const { description, amount, next } = await api.post<PaymentAnswer>('/v1/payments', payment, { idempotencyKey: `demo-pay-${invoice}` });
    links.push({ what: `${amount.currency} ${amount.amount} for ${details.name} (${description})`, url: next?.url ?? '' });
  }
  return links;
}

interface PaymentAnswer {
  readonly description: string;
  readonly amount: { readonly amount: string; readonly currency: string };
  readonly next: { readonly url?: string } | null;
}

/** An interrupted first start has made it already: that is as good as making it now. */
async function unlessThere(code: string, request: Promise<unknown>): Promise<void> {
  await request.catch((error: unknown) => {
    if (!isKassaflowError(error, code)) throw error;
  });
}

function withRandom(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('{random}', () => randomBytes(16).toString('hex'));
  if (Array.isArray(value)) return value.map(withRandom);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withRandom(inner)]));
}

/** The file is there whole or not at all. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
