/**
 * How fast the engine is by itself: events handed over in this process, actions that answer at once, our own PostgreSQL with
 * durable settings. What is left of a run's cost when HTTP and providers are taken away.
 *
 *   npm run build && node test/perf/engine-floor.ts [--runs 20000] [--in-flight 500] [--lanes 1]
 *
 * With `node --cpu-prof` it shows where the time goes.
 */
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { load, ownEngine, type OwnEngine } from './own-engine.ts';

const { call, computed, flow, set } =
  await load<typeof import('../../src/runs/conformance/flow-builder.ts')>('runs/conformance/flow-builder.js');

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    'in-flight': { type: 'string', default: '500' },
    lanes: { type: 'string', default: '1' },
  },
});
const [total, inFlight, lanes] = [Number(values.runs), Number(values['in-flight']), Number(values.lanes)];
let sent = 0;

const own = await ownEngine([paymentReceived()], { lanes, maxInFlight: inFlight * 4 }, () => undefined);
try {
  await measure(own);
} finally {
  await own.close();
}

function paymentReceived() {
  return flow([
    set({ text: computed(['event'], ({ event }) => `Thanks ${String((event as { description: string }).description)}`) }),
    call(
      'floor.call',
      computed(['vars'], ({ vars }) => ({ method: 'POST', path: '/receipt', body: (vars as { text: string }).text })),
      { id: 'receipt' },
    ),
    call(
      'floor.call',
      computed(['event'], ({ event }) => ({ method: 'POST', path: '/ledger', body: event })),
      { id: 'ledger' },
    ),
  ]);
}

async function measure({ engine, pool }: OwnEngine): Promise<void> {
  await drive(Math.min(2_000, total));
  for (let round = 1; round <= 3; round += 1) {
    const wal = await walPosition(pool);
    const before = { cpu: process.cpuUsage(), flushes: engine.flushes, at: performance.now() };
    await drive(total);
    const ms = performance.now() - before.at;
    const cpu = process.cpuUsage(before.cpu);
    const report = {
      runsPerSecond: Math.round((total / ms) * 1_000),
      engineCpuMicrosPerRun: Math.round((cpu.user + cpu.system) / total),
      flushes: Number(engine.flushes - before.flushes),
      walBytesPerRun: Math.round(Number((await walPosition(pool)) - wal) / total),
    };
    process.stdout.write(`round ${round}: ${JSON.stringify(report)}\n`);
  }
}

async function drive(count: number): Promise<void> {
  let left = count;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      sent += 1;
      await own.accept('custom.started', {
        reference: sent,
        amount: { amount: '12.50', currency: 'EUR' },
        description: `invoice 2026-${sent}`,
        customer: { name: 'Kim Jansen', email: 'kim@example.com', phone: '+31612345678', locale: 'nl' },
        method: 'ideal',
      });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
  while (own.engine.load > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function walPosition(pool: pg.Pool): Promise<bigint> {
  const { rows } = await pool.query<{ at: string }>(`select (pg_current_wal_lsn() - '0/0')::text as at`);
  return BigInt(rows[0]?.at ?? '0');
}
