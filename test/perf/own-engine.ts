/**
 * The engine in this process over a PostgreSQL of its own with durable settings, for benches of the engine by itself: actions answer
 * at once, events are handed over without HTTP. Needs `npm run build`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { hash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { ActionManifest } from '../../src/plugin-host/action-call.ts';
import type { ActionDoor } from '../../src/plugin-host/action-call.ts';
import type { FlowCatalogue } from '../../src/flows/flow-catalogue.ts';
import type { CompiledFlow } from '../../src/flows/language/compiled-flow.ts';
import type { RunSettings } from '../../src/runs/run-settings.ts';

const DIST = new URL('../../dist/', import.meta.url);

/** Loads a built module under the types of its source: sources with decorators cannot be run as they are. */
export async function load<T>(file: string): Promise<T> {
  const module: unknown = await import(new URL(file, DIST).href);
  return module as T; // the same module, built
}

const [
  { PostgresProcess, SOCKET_PORT },
  { openPool },
  { migrate },
  { createRoles },
  { connectionAsLogin },
  { PostgresEngine },
  { TriggerIndex },
  { SubjectReaders },
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
  load<typeof import('../../src/runs/run-settings.ts')>('runs/run-settings.js'),
  load<typeof import('../../src/kernel/ids.ts')>('kernel/ids.js'),
  load<typeof import('../../src/kernel/clock.ts')>('kernel/clock.js'),
]);

export interface OwnEngine {
  readonly engine: InstanceType<typeof PostgresEngine>;
  /** As the engine role. */
  readonly pool: pg.Pool;
  readonly tenantId: string;
  /** Hands an event over; resolves when it is on disk. */
  accept(type: string, data: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

/** @param invoked is told of every call of the action `floor.call`, with its input */
export async function ownEngine(
  flows: readonly CompiledFlow[],
  settings: Partial<RunSettings>,
  invoked: (input: Readonly<Record<string, unknown>>) => void,
): Promise<OwnEngine> {
  const directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-floor-'));
  const postgres = await PostgresProcess.start({
    directory: path.join(directory, 'postgres'),
    settings: { fsync: 'on', synchronous_commit: 'on', shared_buffers: '256MB', max_wal_size: '4GB' },
    log: () => undefined,
  });
  const address = { host: postgres.socketDirectory, port: SOCKET_PORT, database: 'floor' };
  await makeDatabase(address);
  const pool = openPool(address, 'engine', (settings.lanes ?? 1) + 4);
  const tenantId = newUuid();
  const index = new TriggerIndex();
  const published = flows.map((flow) => ({ flowId: newUuid(), tenantId, revision: 1, flow }));
  for (const one of published) index.put(one);
  const engine = new PostgresEngine({
    pool,
    door: instantDoor(invoked),
    subjects: new SubjectReaders(),
    index,
    catalogue: catalogueOf(published),
    clock: systemClock,
    settings: { ...DEFAULT_RUN_SETTINGS, ...settings },
  });
  await engine.start();
  let sent = 0;
  return {
    engine,
    pool,
    tenantId,
    accept: async (type, data) => {
      const sourceId = String((sent += 1));
      const event = { id: newUuid(), tenantId, source: '/floor', sourceId, type, subject: '', occurredAt: new Date(), data };
      if ((await engine.accept({ ...event, bodyHash: hash('sha256', sourceId, 'buffer') })) !== 'accepted')
        throw new Error('an event was refused');
    },
    close: async () => {
      await engine.stop();
      await pool.end();
      await postgres.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function catalogueOf(
  published: readonly { readonly flowId: string; readonly tenantId: string; readonly revision: number; readonly flow: CompiledFlow }[],
): FlowCatalogue {
  const byId = new Map(published.map((one) => [one.flowId, one]));
  const known = (flowId: string) => byId.get(flowId) ?? missing(flowId);
  return {
    cached: (flowId) => byId.get(flowId)?.flow,
    compiled: (flowId) => Promise.resolve(known(flowId).flow),
    find: (_tenantId, name) => Promise.resolve(published.find(({ flow }) => flow.name === name) ?? missing(name)),
  };
}

function missing(flow: string): never {
  throw new RangeError(`no flow ${flow}`);
}

function instantDoor(invoked: (input: Readonly<Record<string, unknown>>) => void): ActionDoor {
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
  let calls = 0;
  return {
    manifests: () => manifests,
    resolveConnection: () => Promise.resolve({ id: '01900000-0000-7000-8000-000000000001', plugin: 'floor' }),
    invoke: ({ input }) => {
      calls += 1;
      invoked(input);
      return Promise.resolve({ kind: 'ok', value: { status: 200, body: { id: calls } }, reference: '' });
    },
    lookup: () => Promise.resolve({ kind: 'unknown', message: 'not asked' }),
  };
}

async function makeDatabase(address: { host: string; port: number; database: string }): Promise<void> {
  const admin = new pg.Client(connectionAsLogin({ ...address, database: 'postgres' }));
  await admin.connect();
  await createRoles(admin, address.database);
  await admin.query(`create database ${address.database} owner kassaflow_owner`);
  await admin.end();
  await migrate(address);
}
