/**
 * Plays many schedules of the engine: `npm run simulate -- --schedules 1000000 --seed 1 --processes 2`, or one again with its trace:
 * `npm run simulate -- --replay 123456`. What is simulated is in docs/simulation.md.
 */
import { parseArgs } from 'node:util';
import './built-sources.ts';
import type { PlantedBug } from './planted-bug.ts';
import type { PlayedShare } from './shares.ts';

const { Counts } = await import('./counts.ts');
const { PLANTED_BUGS } = await import('./planted-bug.ts');
const { outsideMicrotasks } = await import('./drain.ts');
const { play, shrink, simulate } = await import('./simulation.ts');
const { playShares, sendShare } = await import('./shares.ts');
const { RecordedTape, SeededTape } = await import('./tape.ts');

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    /** The same schedules, whatever their number. */
    processes: { type: 'string', default: '1' },
    /** Set by a campaign of several processes, for each of them. */
    share: { type: 'string' },
    replay: { type: 'string' },
    bug: { type: 'string' },
  },
});
const bugs = new Set(Object.keys(PLANTED_BUGS).filter((bug) => bug === values.bug) as PlantedBug[]); // keys of the table
if (values.bug !== undefined && bugs.size === 0) throw new RangeError(`no such bug: ${values.bug}`);
const [schedules, seed, processes] = [Number(values.schedules), Number(values.seed), Number(values.processes)];
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

if (values.replay !== undefined) await outsideMicrotasks(() => replay(Number(values.replay)));
else if (values.share !== undefined) sendShare(await playShare(Number(values.share)));
else {
  const begun = performance.now();
  const shares = processes > 1 ? await playShares(processes, process.argv.slice(2)) : [await playShare(0)];
  await outsideMicrotasks(() => report(shares, (performance.now() - begun) / 1_000));
}

async function playShare(index: number): Promise<PlayedShare> {
  const cpu = process.cpuUsage();
  const campaign = await outsideMicrotasks(() => simulate(schedules, seed, bugs, { index, of: processes }));
  const used = process.cpuUsage(cpu);
  return { ...campaign, counts: campaign.counts.list(), busy: (used.user + used.system) / 1e6 };
}

function replay(own: number): void {
  const violation = play(new SeededTape(own), bugs, print);
  print(violation ? violation.message : 'every promise was kept');
  if (violation) process.exitCode = 1;
}

function report(shares: readonly PlayedShare[], seconds: number): void {
  const counts = new Counts();
  for (const share of shares) counts.take(share.counts);
  for (const [what, which, times] of counts.list()) print(`${`${what} ${which}`.padEnd(28)}${String(times).padStart(12)}`);
  const sum = (of: 'schedules' | 'decisions' | 'busy') => shares.reduce((total, share) => total + share[of], 0);
  const played = sum('schedules');
  print(
    `${played} schedules from seed ${seed} in ${seconds.toFixed(1)} s, ${(played / seconds).toFixed(0)}/s; ${(played / sum('busy')).toFixed(0)} per second of one core`,
  );
  print(`${(sum('decisions') / played).toFixed(1)} decisions each before it is calm`);
  const [failure] = shares.flatMap((share) => share.failure ?? []).toSorted((a, b) => a.schedule - b.schedule);
  if (!failure) return void print('every promise was kept');
  process.exitCode = 1;
  print(`\nschedule ${failure.schedule} broke a promise: ${failure.message}\nagain: npm run simulate -- --replay ${failure.seed}`);
  print('\nas simple as it gets:');
  print(play(new RecordedTape(shrink(failure, bugs)), bugs, print)?.message ?? '');
}
