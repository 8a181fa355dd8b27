/** One campaign from the first process to the last question: the world is built, broken for a while, left in peace, and looked at. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { SOCKET_PORT } from '../../src/platform/database/embedded/postgres-process.ts';
import { Client } from './client.ts';
import { DATABASE, type CampaignDatabase } from './database-server.ts';
import { idsIn, keep, tailOf, talesOf } from './evidence.ts';
import type { Mutant } from './mutants.ts';
import { becomeCalm, listOf, openRuns } from './open-work.ts';
import { askOracle, type Finding } from './oracle.ts';
import { People } from './people.ts';
import { seededRandom } from './random.ts';
import { Sales } from './sales.ts';
import { buildStage, Closings, furnish, LEASE_MS, type Stage } from './stage.ts';
import { Troubles, type TroubleName } from './troubles.ts';
import type { Worker } from './worker.ts';
import { Workload } from './workload.ts';

export interface CampaignOptions {
  readonly payments: number;
  readonly seed: number;
  readonly workers: number;
  /** The payments come evenly over so many minutes; after a fifth more no other is sent. */
  readonly minutes: number;
  /** MiB of the disk for data, in memory; 0 for the ordinary disk, which is never full. */
  readonly diskMegabytes: number;
  /** The troubles go on until so many processes and servers of the database have died, also when all payments were sent. */
  readonly kills?: number | undefined;
  /** Share of the bank's calls that go wrong. */
  readonly faultRate: number;
  readonly atOnce: number;
  /** Seconds between two troubles, on average, of each of the two hands that make them. */
  readonly pace: number;
  readonly troubles?: readonly TroubleName[] | undefined;
  readonly mutant?: Mutant | undefined;
  /** Where journals and books go when something does not hold. */
  readonly keep?: string | undefined;
  /** Ends the campaign early; it leaves nothing behind. */
  readonly signal?: AbortSignal | undefined;
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

/** So long nothing may end before it is plain that something never will: long enough for a process that is slow to start. */
const CALM_MS = 120_000;
/** With a bank that behaves there are no such pauses. */
const SHORT_CALM_MS = 60_000;
/** So long, and so often, payments are asked about. */
const PAID_MS = 60_000;
const ASK_MS = 3_000;
/** A death that is asked for takes no longer, with pauses and what else goes wrong between two. */
const MOST_MS_A_KILL = 20_000;
/** Share of payments that give credits. */
const CREDITS = 0.25;
/** Of runs that never ended, or of which the oracle says something, so many are told. */
const TOLD = 20;

/** @throws when it cannot be built or breaks off; also then nothing of it stays behind, unless this process is killed */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const closings = new Closings();
  let stage: Stage | undefined;
  try {
    stage = await whileWanted(options.signal, buildStage(options, closings));
    return await whileWanted(options.signal, perform(options, stage));
  } catch (error) {
    const said = stage?.workers.map(({ app }) => app.output.slice(-3_000)).join('\n') ?? 'nothing';
    if (stage && options.keep !== undefined) keep(stage.folder, options.keep, [], [String(error)]);
    throw new Error(`The campaign broke off: ${String(error)}\nThe processes said: ${said}`, { cause: error });
  } finally {
    await closings.close();
  }
}

/** Rejects as soon as nobody wants it any more; what it was doing then fails against a world that is gone. */
async function whileWanted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work;
  const unwanted = new Promise<never>((_, reject) => {
    const tell = () => reject(new Error('it was stopped'));
    if (signal.aborted) tell();
    signal.addEventListener('abort', tell, { once: true });
  });
  work.catch(() => undefined);
  return Promise.race([work, unwanted]);
}

async function perform(options: CampaignOptions, stage: Stage): Promise<CampaignReport> {
  const { folder, database, proxy, bank, stripe, workers } = stage;
  const random = seededRandom(options.seed);
  const { key, accounts } = await furnish(stage);
  const client = new Client({ journal: join(folder, 'acknowledged.ndjson'), workers, random: random.fork('client'), key });
  const { payments, minutes, atOnce, mutant } = options;
  const credits = mutant?.credits ?? CREDITS;
  const workload = new Workload({
    payments,
    overMs: minutes * 60_000,
    random: random.fork('workload'),
    client,
    bank,
    accounts,
    atOnce,
    credits,
  });
  const people = new People({ database, client, bank, random: random.fork('people') });
  const sales = new Sales({ client, stripe, random: random.fork('sales') });
  const troubles = new Troubles({
    workers,
    database,
    proxy,
    random: random.fork('troubles'),
    leaseMs: LEASE_MS,
    pace: options.pace,
    points: mutant?.points,
    only: options.troubles,
  });
  await sales.prepare();
  options.say('the world is built');

  const began = performance.now();
  people.begin();
  const selling = sales.run();
  const breaking = troubles.run();
  const telling = setInterval(() => options.say(status(client, workload, troubles, workers, database)), 10_000);
  const kills = () => workers.reduce((sum, { deaths }) => sum + deaths, database.recoveries.length);
  // The troubles end too: what is being sent is sent until it is answered.
  const curfew = setTimeout(
    () => {
      workload.stop();
      troubles.stop();
    },
    minutes * 72_000 + (options.kills ?? 0) * MOST_MS_A_KILL,
  );
  try {
    await workload.run();
    while (kills() < (options.kills ?? 0) && !troubles.over) await sleep(100);
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
  await becomePaid(database, sales);
  const outside = () => client.underWay + workload.newsToCome;
  const calm = await becomeCalm((look) => database.asSuperuser(look), outside, mutant ? SHORT_CALM_MS : CALM_MS, options.say);
  if (calm.open.size > 0) options.say(`NOT CALM after ${(calm.ms / 1_000).toFixed(0)} s: ${listOf(calm.open)}`);
  else options.say(`calm after ${(calm.ms / 1_000).toFixed(0)} s`);
  await people.goHome();
  await client.finish();
  // Ticks come every minute; without the processes nothing moves while the oracle looks.
  await Promise.all(workers.map((worker) => worker.stop()));

  const looking = new pg.Client({ host: folder + '/s', port: SOCKET_PORT, user: 'postgres', database: DATABASE });
  await looking.connect();
  const asksBooks = mutant === undefined || mutant.caughtBy.includes('O6');
  const books = asksBooks ? (whose: 'one' | 'each') => verifyBooks(whose === 'one' ? workers.slice(0, 1) : workers) : undefined;
  try {
    const findings = await askOracle({ client, bank, workload, sales, database: looking, books, say: options.say });
    await tell(options, folder, looking, findings);
    const { rows } = await looking.query<{ status: string; n: number }>(
      'select status, count(*)::int as n from run group by 1 order by 2 desc',
    );
    return {
      seed: options.seed,
      seconds: stormMs / 1_000,
      calmSeconds: calm.ms / 1_000,
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

/**
 * Time goes on: every payment that waits for money is asked about. One whose webhook was lost would be found after five minutes, or half an
 * hour, and the campaign does not wait for so long.
 */
async function becomePaid(database: CampaignDatabase, { done }: Sales): Promise<void> {
  for (const deadline = performance.now() + PAID_MS; performance.now() < deadline; await sleep(ASK_MS)) {
    const taken = await database.asSuperuser(async (client) => {
      const { rows } = await client.query<{ n: number }>('select count(*)::int as n from payment where captured_minor > 0');
      await client.query('update payment_check set next_at = clock_timestamp()');
      return rows[0]?.n ?? 0;
    });
    // A question that the plugin could not ask, because it was only starting, is asked again.
    if (taken >= done.length) return;
  }
}

/** Says of the runs that never ended, and of those of which the oracle says something, what their journals say; keeps all of it. */
async function tell(
  { say, keep: to, mutant }: CampaignOptions,
  folder: string,
  database: pg.Client,
  findings: readonly Finding[],
): Promise<void> {
  const violations = findings.flatMap((finding) => finding.violations.map((violation) => `${finding.id}: ${violation}`));
  if (violations.length === 0 || mutant) return;
  const tales = await talesOf(database, [...new Set([...(await openRuns(database, 200)), ...idsIn(violations)])]);
  for (const tale of tales.slice(0, TOLD)) say(tailOf(tale).join('\n            '));
  if (tales.length > TOLD) say(`and ${tales.length - TOLD} more`);
  if (to !== undefined) keep(folder, to, tales, violations);
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
    const { output } = await app.cli(['audit', 'verify', '--json']);
    try {
      const { reports, forged } = JSON.parse(output) as Verified;
      rows = reports.reduce((sum, report) => sum + report.rows, 0);
      problems.push(...reports.flatMap(({ log, problems: found }) => found.map(({ problem }) => `${log}: ${problem}`)));
      problems.push(...forged.map((line) => `head ${line} is forged`));
    } catch {
      problems.push(`audit verify said: ${output.slice(0, 500)}`);
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
