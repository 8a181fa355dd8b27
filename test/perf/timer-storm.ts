/**
 * 100,000 sleeping runs whose timers are due in the same second: how long until all have done their next step, and what becomes of
 * events that arrive meanwhile (50 a second, from being handed over to the end of their run), beside the same without a storm.
 *
 *   npm run build && node test/perf/timer-storm.ts [--timers 100000]
 */
import { parseArgs } from 'node:util';
import { quantile } from './measure.ts';
import { load, ownEngine } from './own-engine.ts';

const { call, computed, flow, waitUntil } =
  await load<typeof import('../../src/runs/conformance/flow-builder.ts')>('runs/conformance/flow-builder.js');

const { values } = parseArgs({ options: { timers: { type: 'string', default: '100000' } } });
const timers = Number(values.timers);
const EVERY_MS = 20;

let woken = 0;
const fresh = new Map<string, () => void>();
const due = computed(['event'], ({ event }) => (event as { until: string }).until);
const input = computed(['event'], ({ event }) => event);
const own = await ownEngine(
  [
    flow([waitUntil(due), call('floor.call', input)], { name: 'sleeper' }),
    flow([call('floor.call', input)], { name: 'fresh', triggers: [{ kind: 'event', event: 'custom.fresh' }] }),
  ],
  {},
  ({ n }) => {
    if (typeof n === 'string') fresh.get(n)?.();
    else woken += 1;
  },
);
try {
  const calm = await freshUntil((count) => count === 250);
  // Late enough that all are asleep by then.
  const at = new Date(Date.now() + 20_000 + timers / 2);
  await putToSleep(at);
  while (Date.now() < at.getTime()) await pause(5);
  const from = performance.now();
  const stormy = await freshUntil(() => woken === timers);
  const seconds = (performance.now() - from) / 1_000;
  process.stdout.write(
    `${timers} timers due at once: all woken after ${seconds.toFixed(1)} s (${Math.round(timers / seconds)} a second)\n` +
      `fresh events meanwhile: ${describe(stormy)}; without a storm: ${describe(calm)}\n`,
  );
} finally {
  await own.close();
}

async function putToSleep(until: Date): Promise<void> {
  let left = timers;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await own.accept('custom.started', { until: until.toISOString() });
    }
  };
  await Promise.all(Array.from({ length: 200 }, sender));
  while (own.engine.load > 0) await pause(5);
  if (Date.now() > until.getTime()) throw new Error('they were due before all were asleep: this machine is too slow for so many');
}

/** Sends an event every 20 ms until `done`. @returns how long each took, in milliseconds; infinite for one that was refused */
async function freshUntil(done: (count: number) => boolean): Promise<readonly number[]> {
  const answers: Promise<number>[] = [];
  while (!done(answers.length)) {
    answers.push(oneFresh().catch(() => Infinity));
    await pause(EVERY_MS);
  }
  return Promise.all(answers);
}

async function oneFresh(): Promise<number> {
  const n = String(fresh.size);
  const called = new Promise<void>((resolve) => fresh.set(n, resolve));
  const at = performance.now();
  await own.accept('custom.fresh', { n });
  await called;
  return performance.now() - at;
}

function describe(ms: readonly number[]): string {
  const refused = ms.filter((one) => one === Infinity).length;
  return `p50 ${quantile(ms, 0.5).toFixed(1)} ms, p99 ${quantile(ms, 0.99).toFixed(1)} ms, ${refused} of ${ms.length} refused`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
