/**
 * How long a run that sleeps until an event comes takes to go on: from handing the event over to the call of the step behind the
 * wait. The run is not in memory; its process and the one that takes the event are the same.
 *
 *   npm run build && node test/perf/wait-latency.ts [--runs 1000] [--sleepers 10000]
 */
import { parseArgs } from 'node:util';
import type { CompiledStep } from '../../src/flows/language/compiled-flow.ts';
import { quantile } from './measure.ts';
import { load, ownEngine } from './own-engine.ts';

const { call, computed, flow } =
  await load<typeof import('../../src/runs/conformance/flow-builder.ts')>('runs/conformance/flow-builder.js');

const { values } = parseArgs({ options: { runs: { type: 'string', default: '1000' }, sleepers: { type: 'string', default: '10000' } } });
const [runs, sleepers] = [Number(values.runs), Number(values.sleepers)];

/** Who waits for the call that a run makes when it has gone on. */
const gone = new Map<string, () => void>();
const order = computed(['event'], ({ event }) => (event as { order: { id: string } }).order.id);
const waitForPayment = (path: string): CompiledStep => ({
  path,
  title: 'paid',
  place: { line: 1, column: 1 },
  onFailure: 'stop',
  verb: 'wait-for',
  events: ['custom.paid'],
  match: { key: { path: 'order.id', value: order } },
  onTimeout: [],
});
/** How long recording each event took, of that. */
const accepted: number[] = [];
const input = computed(['event'], ({ event }) => (event as { order: object }).order);
const own = await ownEngine([flow([waitForPayment, call('floor.call', input)])], {}, ({ id }) => gone.get(String(id))?.());
try {
  await startAll();
  await one(0);
  const latencies: number[] = [];
  for (let n = 1; n <= runs; n += 1) latencies.push(await one(n));
  const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  process.stdout.write(
    `event to next step, ${sleepers} runs asleep, ${runs} woken one by one: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; of that one commit, of the event: p50 ${quantile(accepted, 0.5).toFixed(1)} ms\n`,
  );
} finally {
  await own.close();
}

async function startAll(): Promise<void> {
  let left = Math.max(sleepers, runs + 1);
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await own.accept('custom.started', { order: { id: `o${left}` } });
    }
  };
  await Promise.all(Array.from({ length: 200 }, sender));
  while (own.engine.load > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function one(n: number): Promise<number> {
  const called = new Promise<void>((resolve) => gone.set(`o${n}`, resolve));
  const at = performance.now();
  await own.accept('custom.paid', { order: { id: `o${n}` }, amount: { amount: '12.50', currency: 'EUR' } });
  accepted.push(performance.now() - at);
  await called;
  return performance.now() - at;
}
