/** Brings the tables to the state that this version of the code needs: forward only, once, by one process at a time. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Migrator, type Migration } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { connectionAs, type DatabaseAddress } from './database-address.ts';
import { databaseErrors } from './database-errors.ts';
import { messageOf } from '../thrown.ts';

/** Beside `src` and `dist`; Node reads the TypeScript in it as it is. */
const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'migrations');
const TABLE = 'schema_migration';
/** Any constant will do, as long as no other program uses it on the same database. */
const LOCK = 4_927_310_062;

interface KnownMigration {
  readonly name: string;
  readonly class: new (...args: ConstructorParameters<typeof Migration>) => Migration;
}

/**
 * Applies what is missing, as the owner role, each migration in one transaction with its entry in the list.
 * Returns the names of the migrations applied now.
 *
 * Everybody who starts at the same time waits at an advisory lock, and finds nothing left to do.
 *
 * @throws database.migrations-ahead, database.migrations-half-applied, database.migration-failed
 */
export async function migrate(address: DatabaseAddress): Promise<string[]> {
  const lock = new pg.Client(connectionAs(address, 'owner'));
  // Losing the connection loses the lock; the migration itself then still stands or falls as a whole.
  lock.on('error', () => undefined);
  await lock.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [LOCK]);
    const known = await knownMigrations();
    await requireKnownState(lock, known);
    return await applyMissing(address, known);
  } finally {
    await lock.end();
  }
}

/** The names of all migrations in the repository, oldest first. */
export async function migrationNames(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter((file) => /^\d{8}_\d{4}_[a-z0-9-]+\.ts$/.test(file))
    .map((file) => path.basename(file, '.ts'))
    .sort();
}

async function knownMigrations(): Promise<KnownMigration[]> {
  const names = await migrationNames();
  return Promise.all(
    names.map(async (name) => {
      const module: Record<string, unknown> = await import(pathToFileURL(path.join(FOLDER, `${name}.ts`)).href);
      const [found] = Object.values(module).filter((value) => typeof value === 'function');
      // A migration file exports one class; its type cannot be seen through a dynamic import.
      return { name, class: found as KnownMigration['class'] };
    }),
  );
}

async function requireKnownState(client: pg.Client, known: readonly KnownMigration[]): Promise<void> {
  const { rows } = await client.query<{ listed: string | null; tables: string }>(
    `select to_regclass('public.${TABLE}')::text as listed,
            (select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname in ('tenant', 'event', 'run')) as tables`,
  );
  const state = rows[0];
  const applied = state?.listed ? (await client.query<{ name: string }>(`select name from ${TABLE}`)).rows.map((row) => row.name) : [];
  const unknown = applied.filter((name) => !known.some((migration) => migration.name === name));
  if (unknown.length > 0) throw databaseErrors['migrations-ahead']({ unknown: unknown.join(', ') });
  const expected = applied.length > 0 ? 3 : 0;
  if (Number(state?.tables) !== expected)
    throw databaseErrors['migrations-half-applied']({ applied: applied.length, tables: state?.tables });
}

async function applyMissing(address: DatabaseAddress, known: readonly KnownMigration[]): Promise<string[]> {
  const { host, port, database, user, password, ssl, options } = connectionAs(address, 'owner');
  const orm = new MikroORM({
    dbName: database ?? '',
    host: host ?? '',
    port: port ?? 5432,
    ...(user === undefined ? {} : { user }),
    ...(typeof password === 'string' ? { password } : {}),
    driverOptions: { options, ...(ssl === undefined ? {} : { ssl }) },
    pool: { min: 0, max: 1 },
    entities: [],
    extensions: [Migrator],
    discovery: { warnWhenNoEntities: false },
    migrations: {
      tableName: TABLE,
      migrationsList: [...known],
      snapshot: false,
      silent: true,
      allOrNothing: false,
      disableForeignKeys: false,
    },
  });
  try {
    return (await orm.migrator.up()).map((migration) => migration.name);
  } catch (error) {
    throw databaseErrors['migration-failed']({ reason: messageOf(error) }, { cause: error });
  } finally {
    await orm.close(true);
  }
}
