/**
 * The benchmark: an event is accepted over HTTP, its run does three durable steps, two of them HTTP calls, and completes.
 *
 *   npm run bench                         ours alone: events one by one, in batches of 100, and with the calls in an isolated plugin
 *   npm run bench -- --peers              DBOS and single-node Restate on the same work, interleaved with ours
 *   npm run bench -- --json figures.json  the medians as a file: `{machine, ours, batch, plugin, peers: {dbos, restate}, fasterThan}`
 *   npm run bench -- --rounds 5 --runs 20000 --only ours,batch
 *   npm run bench -- --rounds 1 --profile /tmp/profile   a CPU profile of our process
 *
 * Every contestant gets the same events from the same load generator, calls the same sink, and shares the same
 * machine. Contestants take turns within a round and ratios are taken within the round, because a shared machine's speed
 * moves by a factor of two within minutes.
 */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import type { Contestant } from './contestant.ts';
import { startKassaflow, type KassaflowOptions } from './kassaflow.ts';
import { measure, quantile, type Figures, type Plan } from './measure.ts';
import { preparePeers } from './prepare-peers.ts';
import { Sink } from './sink.ts';

const { values: options } = parseArgs({
  options: {
    peers: { type: 'boolean', default: false },
    json: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '20000' },
    'peer-runs': { type: 'string', default: '4000' },
    'steady-events': { type: 'string', default: '400' },
    profile: { type: 'string' },
    only: { type: 'string' },
  },
});

type Start = (sinkPort: number) => Promise<Contestant>;

const STEADY_PER_SECOND = 50;

/** Ours: events one by one; 100 to a request; one by one with the two calls in a plugin's process. */
const OWN: ReadonlySet<string> = new Set(['ours', 'batch', 'plugin']);
const only = options.only?.split(',');
const contestants: (readonly [string, Start, number])[] = [
  own('ours', {}),
  own('batch', { batch: 100 }),
  own('plugin', { plugin: true }),
].filter(([name]) => only === undefined || only.includes(name));
if (options.peers) {
  preparePeers();
  const [{ startDbos }, { startRestate }] = await Promise.all([import('./dbos.ts'), import('./restate.ts')]);
  contestants.push(['dbos', startDbos, Number(options['peer-runs'])], ['restate', startRestate, Number(options['peer-runs'])]);
}

const rounds: Map<string, Figures>[] = [];
for (let round = 1; round <= Number(options.rounds); round += 1) {
  const figures = new Map<string, Figures>();
  for (const [name, start, runs] of contestants) {
    const plan: Plan = {
      warmUp: Math.ceil(runs / 5),
      runs,
      connections: 64,
      steadyEvents: Number(options['steady-events']),
      steadyPerSecond: STEADY_PER_SECOND,
    };
    figures.set(name, await oneTurn(start, plan));
    print(round, name, figures.get(name));
  }
  rounds.push(figures);
}

const ours = contestants.map(([name]) => name).filter((name) => OWN.has(name));
const peers = contestants.map(([name]) => name).filter((name) => !OWN.has(name));
const medians = Object.fromEntries(contestants.map(([name]) => [name, median(name)]));
const fasterThan = Object.fromEntries(ours.map((name) => [name, Object.fromEntries(peers.map((peer) => [peer, ratio(name, peer)]))]));
console.log('\nmedian of', rounds.length, 'rounds');
for (const [name, figures] of Object.entries(medians)) print('', name, figures);
for (const name of ours)
  for (const peer of peers)
    console.log(
      `  ${name} completes ${fasterThan[name]?.[peer]?.toFixed(1)} × the runs per second of ${peer} (median of the ratios within a round)`,
    );
if (options.json) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGb: Math.round(totalmem() / 2 ** 30), node: process.version };
  const { ours: oneByOne, batch, plugin, ...others } = medians;
  const figures = { machine, rounds: rounds.length, ours: oneByOne, batch, plugin, peers: others, fasterThan };
  writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
}

function own(name: string, how: KassaflowOptions): readonly [string, Start, number] {
  return [name, (sinkPort) => startKassaflow(sinkPort, { ...how, profileTo: options.profile }), Number(options.runs)];
}

async function oneTurn(start: Start, plan: Plan): Promise<Figures> {
  const sink = await Sink.start();
  const contestant = await start(sink.port);
  try {
    return await measure(contestant, sink, 1, plan);
  } finally {
    await contestant.stop();
    sink.close();
  }
}

function median(name: string): Figures {
  const of = (pick: (figures: Figures) => number | undefined) =>
    quantile(
      rounds.flatMap((round) => pick(round.get(name) as Figures) ?? []),
      0.5,
    );
  const wal = of((figures) => figures.walBytesPerRun);
  return {
    runsPerSecond: Math.round(of((figures) => figures.runsPerSecond)),
    p50Ms: rounded(of((figures) => figures.p50Ms)),
    p99Ms: rounded(of((figures) => figures.p99Ms)),
    acknowledgedP50Ms: rounded(of((figures) => figures.acknowledgedP50Ms)),
    walBytesPerRun: Number.isNaN(wal) ? undefined : Math.round(wal),
    cpuMicrosPerRun: Math.round(of((figures) => figures.cpuMicrosPerRun)),
    rssMb: of((figures) => figures.rssMb),
  };
}

function ratio(name: string, peer: string): number {
  return rounded(
    quantile(
      rounds.map((round) => (round.get(name)?.runsPerSecond ?? 0) / (round.get(peer)?.runsPerSecond ?? Number.NaN)),
      0.5,
    ),
  );
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function print(round: number | '', name: string, figures: Figures | undefined): void {
  if (!figures) return;
  const wal = figures.walBytesPerRun === undefined ? '' : `, ${Math.round(figures.walBytesPerRun)} B of WAL per run`;
  console.log(
    `${round === '' ? ' ' : `round ${round}`} ${name.padEnd(8)} ${Math.round(figures.runsPerSecond)} runs/s; at ${STEADY_PER_SECOND}/s p50 ${figures.p50Ms.toFixed(2)} ms, p99 ${figures.p99Ms.toFixed(2)} ms, acknowledged p50 ${figures.acknowledgedP50Ms.toFixed(2)} ms; ${Math.round(figures.cpuMicrosPerRun)} µs of CPU per run, ${figures.rssMb} MB${wal}`,
  );
}
