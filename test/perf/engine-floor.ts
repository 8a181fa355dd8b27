/**
 * How fast the engine is by itself: events handed over in this process, actions that answer at once, our own PostgreSQL with
 * durable settings. What is left of a run's cost when HTTP and providers are taken away.
 *
 *   npm run build && node test/perf/engine-floor.ts [--runs 20000] [--in-flight 500] [--lanes 1]
 *
 * With `node --cpu-prof` it shows where the time goes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { hash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import type { ActionCall, ActionManifest } from '../../src/plugin-host/action-call.ts';
import type { ActionDoor } from '../../src/plugin-host/action-call.ts';
import type { FlowCatalogue } from '../../src/flows/flow-catalogue.ts';

const DIST = new URL('../../dist/', import.meta.url);

/** Loads a built module under the types of its source: sources with decorators cannot be run as they are. */
const [
  { PostgresProcess, SOCKET_PORT },
  { openPool },
  { migrate },
  { createRoles },
  { connectionAsLogin },
  { PostgresEngine },
  { TriggerIndex },
  { SubjectReaders },
  builder,
  { DEFAULT_RUN_SETTINGS },
  { newUuid },
  { systemClock },
] = await Promise.all([
  load<typeof import('../../src/platform/database/embedded/postgres-process.ts')>('platform/database/embedded/postgres-process.js'),
  load<typeof import('../../src/platform/database/engine-pool.ts')>('platform/database/engine-pool.js'),
  load<typeof import('../../src/platform/database/migrations.ts')>('platform/database/migrations.js'),
  load<typeof import('../../src/platform/database/roles.ts')>('platform/database/roles.js'),
  load<typeof import('../../src/platform/database/database-address.ts')>('platform/database/database-address.js'),
  load<typeof import('../../src/runs/postgres/engine.ts')>('runs/postgres/engine.js'),
  load<typeof import('../../src/flows/trigger-index.ts')>('flows/trigger-index.js'),
  load<typeof import('../../src/events/subject-readers.ts')>('events/subject-readers.js'),
  load<typeof import('../../src/runs/conformance/flow-builder.ts')>('runs/conformance/flow-builder.js'),
  load<typeof import('../../src/runs/run-settings.ts')>('runs/run-settings.js'),
  load<typeof import('../../src/kernel/ids.ts')>('kernel/ids.js'),
  load<typeof import('../../src/kernel/clock.ts')>('kernel/clock.js'),
]);

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    'in-flight': { type: 'string', default: '500' },
    lanes: { type: 'string', default: '1' },
  },
});
const [total, inFlight, lanes] = [Number(values.runs), Number(values['in-flight']), Number(values.lanes)];
const TENANT = newUuid();
let sent = 0;
const directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-floor-'));

const postgres = await PostgresProcess.start({
  directory: path.join(directory, 'postgres'),
  settings: { fsync: 'on', synchronous_commit: 'on', shared_buffers: '256MB', max_wal_size: '4GB' },
  log: () => undefined,
});
try {
  await measure();
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const address = await makeDatabase();
  const pool = openPool(address, 'engine', lanes + 4);
  const calls = { count: 0 };
  const index = new TriggerIndex();
  const { call, computed, flow, set } = builder;
  const published = {
    flowId: newUuid(),
    tenantId: TENANT,
    revision: 1,
    flow: flow([
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
    ]),
  };
  index.put(published);
  const catalogue = {
    cached: () => published.flow,
    compiled: () => Promise.resolve(published.flow),
    find: () => Promise.resolve(published),
  } satisfies FlowCatalogue;
  const engine = new PostgresEngine({
    pool,
    door: instantDoor(calls),
    subjects: new SubjectReaders(),
    index,
    catalogue,
    clock: systemClock,
    settings: { ...DEFAULT_RUN_SETTINGS, lanes, maxInFlight: inFlight * 4 },
  });
  await engine.start();
  await drive(engine, Math.min(2_000, total), 'warm-up');
  for (let round = 1; round <= 3; round += 1) {
    const wal = await walPosition(pool);
    const before = { cpu: process.cpuUsage(), flushes: engine.flushes, at: performance.now() };
    await drive(engine, total, 'round');
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
  await engine.stop();
  await pool.end();
}

async function drive(engine: InstanceType<typeof PostgresEngine>, count: number, name: string): Promise<void> {
  let left = count;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      sent += 1;
      const data = {
        reference: sent,
        amount: { amount: '12.50', currency: 'EUR' },
        description: `invoice 2026-${sent}`,
        customer: { name: 'Kim Jansen', email: 'kim@example.com', phone: '+31612345678', locale: 'nl' },
        method: 'ideal',
      };
      const event = {
        id: newUuid(),
        tenantId: TENANT,
        source: '/floor',
        sourceId: `${name}-${sent}`,
        type: 'custom.started',
        subject: '',
        occurredAt: new Date(),
        data,
        bodyHash: hash('sha256', String(sent), 'buffer'),
      };
      if ((await engine.accept(event)) !== 'accepted') throw new Error('an event was refused');
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
  while (engine.load > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

function instantDoor(calls: { count: number }): ActionDoor {
  const schema = { type: 'object', properties: {} } as const;
  const manifests: readonly ActionManifest[] = [
    {
      name: 'floor.call',
      title: 'Call',
      about: 'Answers at once',
      input: schema,
      output: schema,
      effect: 'keyed',
      keyTtlMs: 86_400_000,
      plugin: 'core',
      sample: {},
    },
  ];
  return {
    manifests: () => manifests,
    resolveConnection: () => Promise.resolve({ id: '01900000-0000-7000-8000-000000000001', plugin: 'floor' }),
    invoke: (_call: ActionCall) => {
      calls.count += 1;
      return Promise.resolve({ kind: 'ok', value: { status: 200, body: { id: calls.count } }, reference: '' });
    },
    lookup: () => Promise.resolve({ kind: 'unknown', message: 'not asked' }),
  };
}

async function makeDatabase() {
  const address = { host: postgres.socketDirectory, port: SOCKET_PORT, database: 'floor' };
  const admin = new pg.Client(connectionAsLogin({ ...address, database: 'postgres' }));
  await admin.connect();
  await createRoles(admin, 'floor');
  await admin.query('create database floor owner kassaflow_owner');
  await admin.end();
  await migrate(address);
  return address;
}

async function walPosition(pool: pg.Pool): Promise<bigint> {
  const { rows } = await pool.query<{ at: string }>(`select (pg_current_wal_lsn() - '0/0')::text as at`);
  return BigInt(rows[0]?.at ?? '0');
}

async function load<M>(file: string): Promise<M> {
  return (await import(new URL(file, DIST).href)) as M; // the build keeps the shape of the sources
}
