/**
 * What years of work cost: the same load on a system that has just begun and on one that is full, in turns on the same machine.
 *
 *   npm run bench:growth                    5 million finished runs, 1 million sleeping ones, 10,000 published flows
 *   npm run bench:growth -- --scale 0.1     a tenth of each
 *   npm run bench:growth -- --rounds 5 --runs 20000 --json growth.json
 *
 * Then 100,000 timers fall due in one second, in the full system, while events go on coming.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { memoryMb, processorMicros } from './contestant.ts';
import { fill, type Amounts } from './growth-data.ts';
import { startKassaflow, type KassaflowContestant } from './kassaflow.ts';
import { emptySent, saturate, steady } from './load.ts';
import { measure, quantile, type Figures, type Plan } from './measure.ts';
import { Sink } from './sink.ts';

const { values: options } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '20000' },
    timers: { type: 'string' },
    json: { type: 'string' },
  },
});
const scale = Number(options.scale);
const runs = Number(options.runs);
const timers = Number(options.timers ?? 100_000 * scale);
const amounts: Amounts = { finished: 5_000_000 * scale, sleeping: 1_000_000 * scale, flows: 10_000 * scale };
const plan: Plan = { warmUp: Math.ceil(runs / 5), runs, connections: 64, steadyEvents: 1_000, steadyPerSecond: 50 };

const SLEEPER = `kassaflow: 1
flow: sleeper
title: Sleeps until the event says
on: custom.sleeper
steps:
  - wait: =event.until
  - set: { woken: yes }
`;
const UNUSED = `kassaflow: 1
flow: growth-0
title: One of many flows
on: custom.growth-0
steps:
  - set: { text: 'Thanks for {{ event.amount }}' }
`;

const sinks = { empty: await Sink.start(), full: await Sink.start() };
const systems = { empty: await startKassaflow(sinks.empty.port), full: await startKassaflow(sinks.full.port) };
let reference = 1;
try {
  const loadingSeconds = await prepare(systems.full);
  const restartMs = { empty: await systems.empty.restart(), full: await systems.full.restart() };
  const idleMb = { empty: memoryMb([systems.empty.processId()]), full: memoryMb([systems.full.processId()]) };
  const rounds = await compare();
  const report = {
    amounts,
    loadingSeconds,
    restartMs,
    idleMb,
    databaseGb: await databaseGb(systems.full),
    runsPerSecond: each((round) => round.runsPerSecond, rounds),
    p99Ms: each((round) => round.p99Ms, rounds),
    walBytesPerRun: each((round) => round.walBytesPerRun ?? Number.NaN, rounds),
    cpuMicrosPerRun: each((round) => round.cpuMicrosPerRun, rounds),
    throughputRatio: ratio((round) => round.runsPerSecond, rounds),
    p99Ratio: ratio((round) => round.p99Ms, rounds),
    afterMb: { empty: memoryMb([systems.empty.processId()]), full: memoryMb([systems.full.processId()]) },
    timers: await timersInOneSecond(systems.full, timers),
  };
  console.log(JSON.stringify(report, null, 2));
  if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  await Promise.all([systems.empty.stop(), systems.full.stop()]);
  sinks.empty.close();
  sinks.full.close();
}

/** Makes one run of each kind over HTTP and copies it. @returns seconds */
async function prepare(system: KassaflowContestant): Promise<number> {
  const since = performance.now();
  for (const source of [SLEEPER, UNUSED]) await system.call('/v1/flows', { source });
  await send(system, [reference]);
  await sinks.full.reached(1);
  reference += 1;
  await sendSleepers(system, 'sample', 1, new Date(Date.now() + 365 * 86_400_000));
  await eventually(async () => (await count(system, `select from run where status in ('completed', 'waiting')`)) === 2);
  await fill(system.database, amounts, (line) => console.log(`${((performance.now() - since) / 1_000).toFixed(0)} s: ${line}`));
  return Math.round((performance.now() - since) / 1_000);
}

/** With the processor time of all its processes, which says more than throughput does when the machine is shared. */
interface Measured extends Figures {
  readonly cpuMicrosPerRun: number;
}

interface Round {
  readonly empty: Measured;
  readonly full: Measured;
}

/** Who begins changes from round to round. */
async function compare(): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let number = 0; number < Number(options.rounds); number += 1) {
    const figures: Partial<Record<keyof Round, Measured>> = {};
    for (const name of number % 2 === 0 ? (['empty', 'full'] as const) : (['full', 'empty'] as const)) {
      const before = processorMicros(systems[name].processes());
      const figured = await measure(systems[name], sinks[name], reference, plan);
      const events = plan.warmUp + plan.runs + plan.steadyEvents;
      const measured = { ...figured, cpuMicrosPerRun: (processorMicros(systems[name].processes()) - before) / events };
      reference += events;
      figures[name] = measured;
      console.log(
        `round ${number + 1} ${name.padEnd(5)} ${Math.round(measured.runsPerSecond)} runs/s, p50 ${measured.p50Ms.toFixed(2)} ms, p99 ${measured.p99Ms.toFixed(2)} ms, ${Math.round(measured.walBytesPerRun ?? 0)} B of WAL and ${Math.round(measured.cpuMicrosPerRun)} µs of processor time per run`,
      );
    }
    if (figures.empty && figures.full) rounds.push({ empty: figures.empty, full: figures.full });
  }
  return rounds;
}

/** All of them are due at one moment; events of the other flow come at 50 per second all the while. */
async function timersInOneSecond(system: KassaflowContestant, total: number): Promise<object> {
  const due = new Date(Date.now() + 30_000 + total / 2);
  const [beginning] = await rowsOf<{ id: string }>(system.database, 'select uuid_floor(now())::text as id');
  await sendSleepers(system, 'due', total, due);
  const parkedInTime = Date.now() < due.getTime() - 2_000;
  const open = () =>
    count(
      system,
      `select from run r join flow f on f.id = r.flow_id where f.name = 'sleeper' and r.id >= '${beginning?.id}' and r.finished_at is null`,
    );
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, due.getTime() - Date.now() - 5_000)));
  const sink = sinks.full;
  sink.reset();
  const sent = emptySent();
  const steadyEvents = 1_000;
  const events = steady(system.target, reference, steadyEvents, 50, sent);
  await eventually(async () => Date.now() > due.getTime() && (await open()) === 0);
  const drainedMs = Date.now() - due.getTime();
  await events;
  await sink.reached(steadyEvents);
  reference += steadyEvents;
  const took = [...sent.at].map(([event, at]) => (sink.postedAt.get(event) ?? Number.NaN) - at);
  return { total, parkedInTime, drainedMs, meanwhile: { p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99) } };
}

/** Starts runs that sleep until `until`, in batches of 100. */
async function sendSleepers(system: KassaflowContestant, name: string, total: number, until: Date): Promise<void> {
  const { target } = system;
  const event = (number: number) =>
    `{"specversion":"1.0","id":"${name}-${number}","source":"/growth","type":"custom.sleeper","data":{"until":"${until.toISOString()}"}}`;
  const headers = { ...target.headers, 'content-type': 'application/cloudevents-batch+json' };
  const sent = emptySent();
  await saturate(
    { ...target, batch: { events: 100, headers, body: (numbers) => `[${numbers.map(event).join(',')}]` } },
    1,
    total,
    16,
    sent,
    () => true,
  );
  if (sent.refused.length > 0) throw new Error(`${sent.refused.length} requests were refused: ${sent.refused[0]}`);
}

async function send({ target }: KassaflowContestant, references: readonly number[]): Promise<void> {
  const sent = emptySent();
  await steady(target, references[0] ?? 1, references.length, 50, sent);
  if (sent.refused.length > 0) throw new Error(sent.refused[0]);
}

async function count({ database }: KassaflowContestant, query: string): Promise<number> {
  return (await rowsOf<{ n: number }>(database, `select count(*)::int as n from (${query}) counted`))[0]?.n ?? 0;
}

async function databaseGb({ database }: KassaflowContestant): Promise<number> {
  const [row] = await rowsOf<{ size: string }>(database, 'select pg_database_size(current_database())::text as size');
  return Math.round(Number(row?.size ?? 0) / 2 ** 20) / 1_024;
}

async function rowsOf<R extends pg.QueryResultRow>(database: pg.ClientConfig, text: string): Promise<R[]> {
  const client = new pg.Client(database);
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 100));
}

function each(pick: (figures: Measured) => number, rounds: readonly Round[]): { readonly empty: number; readonly full: number } {
  const median = (name: keyof Round) =>
    rounded(
      quantile(
        rounds.map((round) => pick(round[name])),
        0.5,
      ),
    );
  return { empty: median('empty'), full: median('full') };
}

/** Full to empty, within each round; the median of them. */
function ratio(pick: (figures: Measured) => number, rounds: readonly Round[]): number {
  return rounded(
    quantile(
      rounds.map(({ empty, full }) => pick(full) / pick(empty)),
      0.5,
    ),
  );
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
