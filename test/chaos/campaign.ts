/** One campaign from the first process to the last question: the world is built, broken for a while, left in peace, and looked at. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { SOCKET_PORT } from '../../src/platform/database/embedded/postgres-process.ts';
import { startStripeServer } from '../providers/stripe-server.ts';
import { Bank, type BankOptions } from './bank.ts';
import { Client } from './client.ts';
import { CampaignDatabase, DATABASE } from './database-server.ts';
import { install, uninstall, type Installation } from './installation.ts';
import type { Mutant } from './mutants.ts';
import { askOracle, openWork, type Finding } from './oracle.ts';
import { People } from './people.ts';
import { seededRandom } from './random.ts';
import { Sales } from './sales.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { Troubles, type TroubleName } from './troubles.ts';
import { Worker } from './worker.ts';
import { Workload } from './workload.ts';

export interface CampaignOptions {
  readonly payments: number;
  readonly seed: number;
  readonly workers: number;
  /** The payments come evenly over so many minutes; after a fifth more no other is sent. */
  readonly minutes: number;
  /** MiB of the disk for data, in memory; 0 for the ordinary disk, which is never full. */
  readonly diskMegabytes: number;
  /** Share of the bank's calls that go wrong. */
  readonly faultRate: number;
  readonly atOnce: number;
  readonly troubles?: readonly TroubleName[] | undefined;
  readonly mutant?: Mutant | undefined;
  /** Hears what is going on, now and then. */
  readonly say: (line: string) => void;
}

/** What a campaign came to. */
export interface CampaignReport {
  readonly seed: number;
  readonly seconds: number;
  readonly calmSeconds: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly repeats: number;
  readonly unanswered: number;
  readonly rounds: number;
  readonly poisons: number;
  readonly sales: number;
  readonly runs: Readonly<Record<string, number>>;
  readonly effects: number;
  readonly bankFaults: Readonly<Record<string, number>>;
  readonly troubles: Readonly<Record<string, number>>;
  readonly deaths: Readonly<Record<string, number>>;
  readonly processKills: number;
  readonly postgresKills: number;
  readonly cuts: number;
  readonly people: Readonly<Record<string, number>>;
  /** Milliseconds from a death to the next ready line, and to the first connection of PostgreSQL. */
  readonly recoveries: { readonly process: readonly number[]; readonly postgres: readonly number[] };
  readonly findings: readonly Finding[];
}

const LEASE_MS = 1_000;
/** As the plugin says: `plugins/bank/plugin.ts`. */
const KEY_TTL_MS = 20_000;
/** Longer than the longest pause before an unknown outcome is asked for once more, which is the fourth. */
const CALM_MS = 280_000;
/** With a bank that behaves there are no such pauses. */
const SHORT_CALM_MS = 60_000;
const TENANT = 'chaos';
const ACCOUNTS = 20;
const WEBHOOK_SECRET = 'whsec_the_secret_of_this_campaign';
const FLOWS = ['chaos-credit', 'chaos-payment', 'chaos-round', 'chaos-rounded', 'chaos-poison', 'chaos-tick'];

/** Everything of one campaign that has to be closed again. */
interface Stage {
  readonly folder: string;
  readonly installation: Installation;
  readonly database: CampaignDatabase;
  readonly proxy: TcpProxy;
  readonly bank: Bank;
  readonly stripe: Awaited<ReturnType<typeof startStripeServer>>;
  readonly workers: readonly Worker[];
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const stage = await build(options);
  try {
    return await perform(options, stage);
  } catch (error) {
    throw new Error(`The campaign broke off. The processes said:\n${stage.workers.map(({ app }) => app.output.slice(-3_000)).join('\n')}`, {
      cause: error,
    });
  } finally {
    await Promise.all(stage.workers.map((worker) => worker.dispose()));
    await Promise.all([stage.bank.close(), stage.stripe.close(), stage.proxy.close()]);
    await stage.database.stop();
    rmSync(stage.folder, { recursive: true, force: true });
    uninstall(stage.installation);
  }
}

async function build(options: CampaignOptions): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'kc-'));
  const random = seededRandom(options.seed);
  const installation = install(options.mutant);
  const database = await CampaignDatabase.start({
    folder,
    diskMegabytes: options.diskMegabytes,
    ...(options.mutant?.database && { settings: options.mutant.database }),
  });
  const proxy = await TcpProxy.open(() => database.socket);
  const bankOptions: BankOptions = {
    journal: join(folder, 'bank.ndjson'),
    random: random.fork('bank'),
    faultRate: options.faultRate,
    keyTtlMs: KEY_TTL_MS,
  };
  const [bank, stripe] = await Promise.all([Bank.open(bankOptions), startStripeServer()]);
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
  const workers = await Promise.all(Array.from({ length: options.workers }, () => Worker.prepare(environment, installation.binary)));
  return { folder, installation, database, proxy, bank, stripe, workers };
}

async function perform(options: CampaignOptions, stage: Stage): Promise<CampaignReport> {
  const { folder, database, proxy, bank, stripe, workers } = stage;
  const random = seededRandom(options.seed);
  const { key, accounts } = await furnish(stage);
  const client = new Client({ journal: join(folder, 'acknowledged.ndjson'), workers, random: random.fork('client'), key });
  const { payments, minutes, atOnce } = options;
  const workload = new Workload({ payments, overMs: minutes * 60_000, random: random.fork('workload'), client, bank, accounts, atOnce });
  const people = new People({ database, client, bank, random: random.fork('people') });
  const sales = new Sales({ client, stripe, random: random.fork('sales') });
  const troubles = new Troubles({ workers, database, proxy, random: random.fork('troubles'), leaseMs: LEASE_MS, only: options.troubles });
  await sales.prepare();
  options.say('the world is built');

  const began = performance.now();
  people.begin();
  const selling = sales.run();
  const breaking = troubles.run();
  const telling = setInterval(() => options.say(status(client, workload, troubles, workers, database)), 10_000);
  // The troubles end too: what is being sent is sent until it is answered.
  const curfew = setTimeout(() => {
    workload.stop();
    troubles.stop();
  }, minutes * 72_000);
  try {
    await workload.run();
  } finally {
    clearTimeout(curfew);
    clearInterval(telling);
    workload.stop();
    sales.stop();
    troubles.stop();
  }
  await Promise.all([breaking, selling]);
  const stormMs = performance.now() - began;

  options.say('the storm is over');
  people.calmDown();
  bank.calmDown();
  await Promise.all(workers.map((worker) => worker.becameReady()));
  await client.finish();
  const calmMs = await becomeCalm(database, options.mutant ? SHORT_CALM_MS : CALM_MS);
  await people.goHome();
  // Ticks come every minute; without the processes nothing moves while the oracle looks.
  await Promise.all(workers.map((worker) => worker.stop()));

  const looking = new pg.Client({ host: folder + '/s', port: SOCKET_PORT, user: 'postgres', database: DATABASE });
  await looking.connect();
  const asksBooks = options.mutant === undefined || options.mutant.caughtBy.includes('O6');
  const books = asksBooks ? (whose: 'one' | 'each') => verifyBooks(whose === 'one' ? workers.slice(0, 1) : workers) : undefined;
  try {
    const findings = await askOracle({ client, bank, workload, sales, database: looking, books });
    const { rows } = await looking.query<{ status: string; n: number }>(
      'select status, count(*)::int as n from run group by 1 order by 2 desc',
    );
    return {
      seed: options.seed,
      seconds: stormMs / 1_000,
      calmSeconds: calmMs / 1_000,
      sent: workload.payments.size,
      acknowledged: client.acknowledged,
      repeats: client.repeats,
      unanswered: client.unanswered,
      rounds: workload.rounds.length,
      poisons: workload.poisons,
      sales: sales.done.length,
      runs: Object.fromEntries(rows.map(({ status, n }) => [status, n])),
      effects: bank.effects().length,
      bankFaults: Object.fromEntries(bank.faults),
      troubles: Object.fromEntries(troubles.count),
      deaths: Object.fromEntries(troubles.deaths),
      processKills: workers.reduce((sum, { deaths }) => sum + deaths, 0),
      postgresKills: database.recoveries.length,
      cuts: proxy.cuts,
      people: people.did,
      recoveries: { process: workers.flatMap(({ recoveries }) => recoveries), postgres: database.recoveries },
      findings,
    };
  } finally {
    await looking.end();
  }
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
async function furnish({ workers, stripe, database }: Stage): Promise<{ key: string; accounts: readonly string[] }> {
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

/** Waits until nothing is left to do, or until it is plain that something never ends. @returns milliseconds */
async function becomeCalm(database: CampaignDatabase, mostMs: number): Promise<number> {
  const began = performance.now();
  let quiet = 0;
  while (performance.now() - began < mostMs && quiet < 3) {
    await sleep(500);
    const left = await database.asSuperuser(openWork).catch(() => 1);
    quiet = left === 0 ? quiet + 1 : 0;
  }
  return performance.now() - began;
}

/** Each process has heads of its own in its folder; all of them must fit. */
async function verifyBooks(workers: readonly Worker[]): Promise<{ rows: number; problems: readonly string[] }> {
  interface Verified {
    readonly reports: readonly {
      readonly log: string;
      readonly rows: number;
      readonly problems: readonly { readonly problem: string }[];
    }[];
    readonly forged: readonly number[];
  }
  let rows = 0;
  const problems: string[] = [];
  for (const { app } of workers) {
    const { output } = await app.cli(['books', 'verify', '--json']);
    try {
      const { reports, forged } = JSON.parse(output) as Verified;
      rows = reports.reduce((sum, report) => sum + report.rows, 0);
      problems.push(...reports.flatMap(({ log, problems: found }) => found.map(({ problem }) => `${log}: ${problem}`)));
      problems.push(...forged.map((line) => `head ${line} is forged`));
    } catch {
      problems.push(`books verify said: ${output.slice(0, 500)}`);
    }
  }
  return { rows, problems };
}

function status(client: Client, workload: Workload, troubles: Troubles, workers: readonly Worker[], database: CampaignDatabase): string {
  const kills = workers.reduce((sum, { deaths }) => sum + deaths, 0);
  return [
    `${workload.payments.size} payments sent`,
    `${client.acknowledged} events acknowledged`,
    `${kills} deaths of processes`,
    `${database.recoveries.length} of PostgreSQL`,
    `${troubles.deaths.size} points`,
    workers.map(({ isReady }) => (isReady ? 'up' : 'down')).join(' '),
  ].join(', ');
}
