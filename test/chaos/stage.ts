/** The world of a campaign: everything that is started before it, and ended after it, however it ends. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStripeServer } from '../providers/stripe-server.ts';
import { Bank, type BankOptions } from './bank.ts';
import type { CampaignOptions } from './campaign.ts';
import { CampaignDatabase } from './database-server.ts';
import { install, uninstall, type Installation } from './installation.ts';
import { seededRandom } from './random.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { Worker } from './worker.ts';

export const LEASE_MS = 1_000;
/** As the plugin says: `plugins/bank/plugin.ts`. */
const KEY_TTL_MS = 20_000;
const TENANT = 'chaos';
const ACCOUNTS = 20;
const WEBHOOK_SECRET = 'whsec_the_secret_of_this_campaign';
const FLOWS = ['chaos-credit', 'chaos-payment', 'chaos-round', 'chaos-rounded', 'chaos-poison', 'chaos-tick'];

export interface Stage {
  readonly folder: string;
  readonly installation: Installation;
  readonly database: CampaignDatabase;
  readonly proxy: TcpProxy;
  readonly bank: Bank;
  readonly stripe: Awaited<ReturnType<typeof startStripeServer>>;
  readonly workers: readonly Worker[];
}

/** What must be done to leave nothing behind, in the opposite order. */
export class Closings {
  readonly #closings: (() => unknown)[] = [];

  add(closing: () => unknown): void {
    this.#closings.push(closing);
  }

  /** Does all of it, also when some of it fails. @throws the first failure, at the end */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let closing = this.#closings.pop(); closing !== undefined; closing = this.#closings.pop()) {
      try {
        await closing();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Each thing that is started is in `closings` at once, so that nothing stays behind when the next one does not start. */
export async function buildStage(options: CampaignOptions, closings: Closings): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'kc-'));
  closings.add(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'logs'));
  const random = seededRandom(options.seed);
  const installation = install(options.mutant);
  closings.add(() => uninstall(installation));
  const database = await CampaignDatabase.start(
    { folder, diskMegabytes: options.diskMegabytes, ...(options.mutant?.database && { settings: options.mutant.database }) },
    (stop) => closings.add(stop),
  );
  const proxy = await TcpProxy.open(() => database.socket);
  closings.add(() => proxy.close());
  const bankOptions: BankOptions = {
    journal: join(folder, 'bank.ndjson'),
    random: random.fork('bank'),
    faultRate: options.faultRate,
    keyTtlMs: KEY_TTL_MS,
  };
  const bank = await Bank.open(bankOptions);
  closings.add(() => bank.close());
  const stripe = await startStripeServer();
  closings.add(() => stripe.close());
  const environment = {
    LOG_LEVEL: 'warn',
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    DATABASE_URL: database.urlThrough(proxy.port),
    KASSAFLOW_MASTER_KEY: randomBytes(32).toString('base64'),
    KASSAFLOW_LEASE_MS: String(LEASE_MS),
    // Longer than any pause of a process here is, as a minute is longer than the pauses of real ones: a call that a paused process
    // sends when it goes on must not come after its successor has been told twice that nothing happened.
    KASSAFLOW_ASK_AGAIN_MS: '2000',
    KASSAFLOW_REQUESTS_PER_MINUTE: '10000000',
    KASSAFLOW_PLUGINS_DIR: installation.plugins,
    KASSAFLOW_EGRESS_MAP: `https://bank.example.com=${bank.url},https://api.stripe.com=${stripe.url},https://api.bad.test=${bank.url}`,
    KASSAFLOW_CRASH_POSTGRES: database.pidFile,
  };
  const workers: Worker[] = [];
  for (let number = 0; number < options.workers; number += 1)
    workers.push(await Worker.prepare(environment, installation.binary, join(folder, 'logs', `process-${number}.log`)));
  closings.add(() => Promise.all(workers.map((worker) => worker.dispose())));
  return { folder, installation, database, proxy, bank, stripe, workers };
}

/** Writes down whenever a lease is taken from somebody whose time is not over: `taken_early`. */
const WATCH_LEASES = `
create table taken_early (epoch bigint, expires_at timestamptz, at timestamptz);
grant insert on taken_early to public;
create function note_taken_early() returns trigger language plpgsql as $$ begin
  insert into taken_early values (old.epoch, old.expires_at, clock_timestamp());
  return null;
end $$;
create trigger note_taken_early after update on engine_lease for each row
  when (new.taken_by is not null and old.taken_by is null and not old.released and old.expires_at > clock_timestamp())
  execute function note_taken_early()`;

/** Starts the processes, makes a key, connections, customers and flows, as an administrator does. */
export async function furnish({ workers, stripe, database }: Stage): Promise<{ key: string; accounts: readonly string[] }> {
  const [first, ...others] = workers;
  if (!first) throw new Error('A campaign needs a process');
  await first.start();
  await database.asSuperuser((client) => client.query(WATCH_LEASES));
  const { app } = first;
  const made = await app.cli(['key', 'create', 'chaos', '--tenant', TENANT, '--json']);
  if (made.code !== 0) throw new Error(made.output);
  const { secret: key } = JSON.parse(made.output) as { secret: string };
  const post = async (path: string, body: object): Promise<{ id: string }> => {
    const answer = await fetch(`${app.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as { id: string };
  };
  await post('/v1/connections', { name: 'bank', plugin: 'bank', settings: { baseUrl: 'https://bank.example.com' } });
  await post('/v1/connections', { name: 'bad', plugin: 'bad', settings: { apiKey: 'none' } });
  const card = await post('/v1/connections', {
    name: 'card',
    plugin: 'stripe',
    settings: { secretKey: stripe.apiKey, webhookSecrets: [WEBHOOK_SECRET] },
  });
  stripe.webhooks.target = { url: `${app.url}/webhooks/stripe/${card.id}`, secrets: [WEBHOOK_SECRET] };
  for (const flow of FLOWS) await post('/v1/flows', { source: readFileSync(join(import.meta.dirname, 'flows', `${flow}.yaml`), 'utf8') });
  const accounts: string[] = [];
  for (let number = 0; number < ACCOUNTS; number += 1)
    accounts.push(
      (await post('/v1/customers', { reference: `account-${number}`, name: 'Kim Jansen', email: `account-${number}@example.com` })).id,
    );
  await Promise.all(others.map((worker) => worker.start()));
  return { key, accounts };
}
