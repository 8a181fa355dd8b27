/**
 * What a process with many published flows costs: memory and time of its start, and what an event pays for a flow that is not
 * compiled yet. The flows are the example flows under different names.
 *
 *   npm run build && node --expose-gc test/perf/flow-index.ts [--flows 10000]
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { fullVocabulary } from '../../src/flows/test/full-vocabulary.ts';
import type { FlowVocabulary } from '../../src/flows/flow-vocabulary.ts';

const DIST = new URL('../../dist/', import.meta.url);
const ROOT = new URL('../../', import.meta.url);

/** Loads a built module under the types of its source: sources with decorators cannot be run as they are. */
const [
  { PostgresProcess, SOCKET_PORT },
  { openPool },
  { migrate },
  { createRoles },
  { connectionAsLogin },
  { PublishedFlows },
  { TriggerIndex },
  { routesOf },
  { compileSource },
  { newUuid },
  { systemClock },
] = await Promise.all([
  load<typeof import('../../src/platform/database/embedded/postgres-process.ts')>('platform/database/embedded/postgres-process.js'),
  load<typeof import('../../src/platform/database/engine-pool.ts')>('platform/database/engine-pool.js'),
  load<typeof import('../../src/platform/database/migrations.ts')>('platform/database/migrations.js'),
  load<typeof import('../../src/platform/database/roles.ts')>('platform/database/roles.js'),
  load<typeof import('../../src/platform/database/database-address.ts')>('platform/database/database-address.js'),
  load<typeof import('../../src/flows/published-flows.ts')>('flows/published-flows.js'),
  load<typeof import('../../src/flows/trigger-index.ts')>('flows/trigger-index.js'),
  load<typeof import('../../src/flows/flow-routes.ts')>('flows/flow-routes.js'),
  load<typeof import('../../src/flows/language/compile.ts')>('flows/language/compile.js'),
  load<typeof import('../../src/kernel/ids.ts')>('kernel/ids.js'),
  load<typeof import('../../src/kernel/clock.ts')>('kernel/clock.js'),
]);

const { values } = parseArgs({ options: { flows: { type: 'string', default: '10000' } } });
const TENANT = newUuid();
const directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-flows-'));
const examples = globSync(['src/flows/test/examples/*.yaml', 'flows/*.yaml'], { cwd: ROOT.pathname })
  .toSorted()
  .map((file) => readFileSync(new URL(file, ROOT), 'utf8'));

const postgres = await PostgresProcess.start({
  directory: path.join(directory, 'postgres'),
  settings: { fsync: 'off', shared_buffers: '128MB' },
  log: () => undefined,
});
try {
  await measure(Number(values.flows));
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function measure(count: number): Promise<void> {
  const address = { host: postgres.socketDirectory, port: SOCKET_PORT, database: 'flows' };
  const admin = new pg.Client(connectionAsLogin({ ...address, database: 'postgres' }));
  await admin.connect();
  await createRoles(admin, address.database);
  await admin.query(`create database ${address.database} owner kassaflow_owner`);
  await admin.end();
  await migrate(address);
  const owner = openPool(address, 'owner', 1);
  await store(owner, count);
  const pool = openPool(address, 'engine', 2);

  const index = new TriggerIndex();
  const vocabulary = { general: () => fullVocabulary } as unknown as FlowVocabulary; // nothing else of it is asked for
  const published = new PublishedFlows(pool, index, vocabulary, systemClock);
  const before = memory();
  const from = performance.now();
  await published.refresh();
  say(`start with ${count} flows`, { ms: performance.now() - from, ...since(before) });

  const fired = matchAll(index);
  say('first event of every type', {
    ms: fired.ms,
    candidates: fired.candidates,
    msPerFlow: fired.ms / fired.candidates,
    ...since(before),
  });
  const again = matchAll(index);
  say('the same again', { ms: again.ms, candidates: again.candidates, ...since(before) });

  const { rows } = await owner.query<{ id: string; revision: number }>('select id, revision from flow order by id limit 500');
  for (const { id, revision } of rows) await published.compiled(id, revision);
  let found = 0;
  const hot = performance.now();
  for (let round = 0; round < 200; round += 1) for (const { id, revision } of rows) if (published.cached(id, revision)) found += 1;
  say('a flow that is compiled', { microseconds: ((performance.now() - hot) * 1_000) / (rows.length * 200), found: found / 200 });

  const poll = performance.now();
  for (let time = 0; time < 20; time += 1) await published.refresh();
  say('a look for what was published', { ms: (performance.now() - poll) / 20 });
  await Promise.all([owner.end(), pool.end()]);
}

/** Asks the index for the flows of each type of event that starts any, in one tenant. */
function matchAll(index: InstanceType<typeof TriggerIndex>): { ms: number; candidates: number } {
  const from = performance.now();
  let candidates = 0;
  for (const type of fullVocabulary.events.keys())
    candidates += index.match({ tenantId: TENANT, type, data: { payment: { provider: 'x' } } }).length;
  return { ms: performance.now() - from, candidates };
}

async function store(owner: pg.Pool, count: number): Promise<void> {
  await owner.query(`insert into tenant (id, slug, name, mode) values ($1, 'perf', 'Perf', 'test')`, [TENANT]);
  const routes = examples.map((source) => JSON.stringify(routesOf(compileSource(source, fullVocabulary))));
  for (let from = 0; from < count; from += 1_000) {
    const flows = Array.from({ length: Math.min(1_000, count - from) }, (_, at) => {
      const number = from + at;
      const example = examples[number % examples.length] ?? '';
      const name = `flow-${number}`;
      return { id: newUuid(), name, source: example.replace(/^flow: .*$/m, `flow: ${name}`), routes: routes[number % routes.length] };
    });
    await owner.query(
      `insert into flow (id, tenant_id, name, title, revision, updated_at)
       select (f ->> 'id')::uuid, $1, f ->> 'name', '', 1, now() - interval '1 hour' from jsonb_array_elements($2::jsonb) f`,
      [TENANT, JSON.stringify(flows)],
    );
    await owner.query(
      `insert into flow_revision (flow_id, revision, tenant_id, source, hash, published_by, routes)
       select (f ->> 'id')::uuid, 1, $1, f ->> 'source', '', 'perf', (f ->> 'routes')::jsonb from jsonb_array_elements($2::jsonb) f`,
      [TENANT, JSON.stringify(flows)],
    );
  }
}

function memory(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function since(before: number): { megabytes: number } {
  return { megabytes: (memory() - before) / 1_048_576 };
}

function say(what: string, figures: Readonly<Record<string, number>>): void {
  const rounded = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 1_000) / 1_000]));
  process.stdout.write(`${what}: ${JSON.stringify(rounded)}\n`);
}

async function load<M>(file: string): Promise<M> {
  return (await import(new URL(file, DIST).href)) as M; // built from the source whose types it gets
}
