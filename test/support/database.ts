/** A fresh, migrated database for one test file, with the real roles and row security. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import pg from 'pg';
import { connectionAsLogin, type DatabaseAddress } from '../../src/platform/database/database-address.ts';
import { openPool } from '../../src/platform/database/engine-pool.ts';
import { migrate } from '../../src/platform/database/migrations.ts';
import { PostgresDatabase, type EntityList } from '../../src/platform/database/postgres-database.ts';
import { createRoles } from '../../src/platform/database/roles.ts';
import type { Database } from '../../src/platform/database/transaction.ts';
import { until } from './until.ts';

/** The tenant that every test database has: slug `test`, mode `test`. */
export const TEST_TENANT = '01900000-0000-7000-8000-000000000001';

const TEMPLATE = 'kassaflow_template';
const TEMPLATE_LOCK = 1_178_946;

export interface TestDatabase {
  readonly database: Database;
  /** As the engine role. */
  readonly enginePool: pg.Pool;
  /** As the owner role, which sees all tenants: for looking, and for rows of other modules. */
  readonly ownerPool: pg.Pool;
  readonly tenantId: string;
  readonly address: DatabaseAddress;
  /** Adds another tenant and returns its id. */
  addTenant(slug: string): Promise<string>;
  /**
   * Resolves when the log shows every event that was recorded so far: a transaction that is still under way holds it back, in whichever
   * database of the server.
   */
  allShown(): Promise<void>;
  /** Closes all connections and drops the database. */
  close(): Promise<void>;
}

/** Copies the template (about 15 ms; the first call of a run starts PostgreSQL and migrates, about 1 s). */
export async function testDatabase(options: { entities?: EntityList; poolSize?: number } = {}): Promise<TestDatabase> {
  const cluster = await clusterAddress();
  await withAdmin(cluster, makeTemplate);
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withAdmin(cluster, (admin) => admin.query(`create database ${name} template ${TEMPLATE} strategy file_copy owner kassaflow_owner`));
  const address = { ...cluster, database: name };
  const size = options.poolSize ?? 5;
  const database = PostgresDatabase.open(address, options.entities ?? [], size);
  const enginePool = openPool(address, 'engine', size);
  const ownerPool = openPool(address, 'owner', 2);
  return {
    database,
    enginePool,
    ownerPool,
    tenantId: TEST_TENANT,
    address,
    addTenant: async (slug) => {
      const id = randomUUID();
      await addTenant(ownerPool, id, slug);
      return id;
    },
    allShown: () =>
      until(
        async () => (await ownerPool.query('select from event where seq >= event_horizon() limit 1')).rows.length === 0,
        () => 'a transaction holds the log back',
        60_000,
      ),
    close: async () => {
      await Promise.all([database.close(), endOnce(enginePool), endOnce(ownerPool)]);
      await withAdmin(cluster, (admin) => admin.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** An empty database without tables, for tests of migrations and start-up; the roles exist. */
export async function emptyDatabase(): Promise<{ address: DatabaseAddress; drop(): Promise<void> }> {
  const cluster = await clusterAddress();
  const name = `empty_${randomUUID().replaceAll('-', '')}`;
  await withAdmin(cluster, async (admin) => {
    await createRoles(admin, name);
    await admin.query(`create database ${name} owner kassaflow_owner`);
  });
  return {
    address: { ...cluster, database: name },
    drop: () => withAdmin(cluster, async (admin) => void (await admin.query(`drop database if exists ${name} with (force)`))),
  };
}

/** Runs `work` on a connection of the cluster's superuser to its `postgres` database. */
export async function withAdmin<T>(address: DatabaseAddress, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client(connectionAsLogin({ ...address, database: 'postgres' }));
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** The cluster of this worker; asking for it starts it. */
export async function clusterAddress(): Promise<DatabaseAddress> {
  const door = process.env['TEST_CLUSTER_DOOR'];
  if (door === undefined) throw new Error('TEST_CLUSTER_DOOR is not set: run the tests through Jest, whose global setup opens it');
  const socket = net.connect(door).setEncoding('utf8');
  await once(socket, 'connect');
  socket.write(process.env['JEST_WORKER_ID'] ?? '0');
  let text = '';
  for await (const part of socket) text += String(part);
  const answer: unknown = JSON.parse(text);
  if (typeof answer === 'object' && answer !== null && 'host' in answer && 'port' in answer) {
    return { host: String(answer.host), port: Number(answer.port), database: 'postgres' };
  }
  throw new Error(`the test cluster did not start: ${text}`);
}

async function makeTemplate(admin: pg.Client): Promise<void> {
  await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  const { rows } = await admin.query('select from pg_database where datname = $1 and datistemplate', [TEMPLATE]);
  if (rows.length > 0) return;
  // There may be one of a test process that was killed half-way.
  await admin.query(`drop database if exists ${TEMPLATE} with (force)`);
  await createRoles(admin, TEMPLATE);
  await admin.query(`create database ${TEMPLATE} owner kassaflow_owner`);
  const address = { host: admin.host, port: admin.port, database: TEMPLATE };
  await migrate(address);
  const owner = openPool(address, 'owner', 1);
  await addTenant(owner, TEST_TENANT, 'test');
  await owner.end();
  await admin.query(`alter database ${TEMPLATE} is_template true`);
}

async function addTenant(owner: pg.Pool, id: string, slug: string): Promise<void> {
  await owner.query(`insert into tenant (id, slug, name, mode) values ($1, $2, $2, 'test')`, [id, slug]);
}

async function endOnce(pool: pg.Pool): Promise<void> {
  if (!pool.ended) await pool.end();
}
