/**
 * Plays many schedules of the engine: `npm run simulate -- --schedules 1000000 --seed 1`, or one again with its trace:
 * `npm run simulate -- --replay 123456`. What is simulated is in docs/simulation.md.
 */
import { parseArgs } from 'node:util';
import './built-sources.ts';
import type { PlantedBug } from './planted-bug.ts';

const { PLANTED_BUGS } = await import('./planted-bug.ts');
const { outsideMicrotasks } = await import('./drain.ts');
const { play, shrink, simulate } = await import('./simulation.ts');
const { RecordedTape, SeededTape } = await import('./tape.ts');

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    bug: { type: 'string' },
  },
});
const bugs = new Set(Object.keys(PLANTED_BUGS).filter((bug) => bug === values.bug) as PlantedBug[]); // keys of the table
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

await outsideMicrotasks(() => {
  if (values.replay === undefined) campaign(Number(values.schedules), Number(values.seed));
  else {
    const violation = play(new SeededTape(Number(values.replay)), bugs, print);
    print(violation ? violation.message : 'every promise was kept');
    if (violation) process.exitCode = 1;
  }
});

function campaign(schedules: number, seed: number): void {
  const begun = performance.now();
  const cpu = process.cpuUsage();
  const { failure, counts, decisions, schedules: played } = simulate(schedules, seed, bugs);
  const seconds = (performance.now() - begun) / 1_000;
  const used = process.cpuUsage(cpu);
  const busy = (used.user + used.system) / 1e6;
  for (const [what, times] of Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    print(`${what.padEnd(28)}${String(times).padStart(12)}`);
  print(
    `${played} schedules from seed ${seed} in ${seconds.toFixed(1)} s, ${(played / seconds).toFixed(0)}/s; ${(played / busy).toFixed(0)} per second of one core`,
  );
  print(`${(decisions / played).toFixed(1)} decisions each before it is calm`);
  if (!failure) return;
  process.exitCode = 1;
  const { violation } = failure;
  print(
    `\nschedule ${failure.schedules} broke a promise: ${violation.message}\nagain: npm run simulate -- --replay ${failure.seed}\n\nas simple as it gets:`,
  );
  const simplest = shrink(failure, bugs);
  print(play(new RecordedTape(simplest), bugs, print)?.message ?? '');
}
