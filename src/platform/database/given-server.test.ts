import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Secret } from '../secrets/secret.ts';
import { DatabaseServer } from './database-server.ts';
import type { DatabaseAddress } from './database-address.ts';
import { EmbeddedPostgres } from './embedded/embedded-postgres.ts';
import { openPool } from './engine-pool.ts';
import { PostgresDatabase } from './postgres-database.ts';
import { requireFitServer, type ServerFacts } from './server-checks.ts';

/** A durable server of its own: the one of the other tests has fsync off and would be refused. */
const TENANT = '01900000-0000-7000-8000-000000000001';
let directory: string;
let server: EmbeddedPostgres;
beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-given-'));
  server = await EmbeddedPostgres.start(directory, () => undefined);
}, 30_000);
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function admin(...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ ...server.address, user: 'postgres', database: 'postgres' });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

const as = (user: string, database: string): DatabaseAddress => ({
  ...server.address,
  database,
  login: { user, password: new Secret('hunter2') },
});

async function start(address: DatabaseAddress, clock?: Clock): Promise<{ server: DatabaseServer; log: string[] }> {
  const log: string[] = [];
  return { server: await DatabaseServer.start({ database: address, dataDirectory: directory }, (line) => log.push(line), clock), log };
}

describe('a given server', () => {
  test('whose login may make roles gets them, and one login becomes each role', async () => {
    await admin('create role maker login createrole', 'create database maker owner maker');
    const address = as('maker', 'maker');
    expect((await start(address)).server.migrated.length).toBeGreaterThan(0);
    expect((await start(address)).server.migrated).toEqual([]);
    const database = PostgresDatabase.open(address, [], 1);
    const [row] = await database.transact(TENANT, (tx) =>
      tx.query<{ role: string; tenant: string }>('select current_user as role, current_tenant()::text as tenant'),
    );
    expect(row).toEqual({ role: 'kassaflow_app', tenant: TENANT });
    const engine = openPool(address, 'engine', 1);
    const { rows } = await engine.query(
      `select current_user as role, current_setting('enable_seqscan') as seqscan, current_setting('jit') as jit`,
    );
    expect(rows).toEqual([{ role: 'kassaflow_engine', seqscan: 'off', jit: 'off' }]);
    await Promise.all([database.close(), engine.end()]);
  });

  test('whose login may not make roles: the message has the statements, and they help', async () => {
    await admin('create role plain login', 'create database plain owner plain');
    const refusal: unknown = await start(as('plain', 'plain')).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'database.roles-missing', facts: { login: 'plain' } });
    const { statements } = (refusal as { facts: { statements: string } }).facts;
    const administrator = new pg.Client({ ...server.address, user: 'postgres', database: 'plain' });
    await administrator.connect();
    await administrator.query(statements);
    await administrator.end();
    expect((await start(as('plain', 'plain'))).server.migrated.length).toBeGreaterThan(0);
  });

  test('G02: an unknown login is refused without its password', async () => {
    const refusal: unknown = await start(as('nobody', 'plain')).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'database.login-refused' });
    expect(String(refusal)).not.toContain('hunter2');
  });

  test('G02: a database that does not exist is refused', async () => {
    await expect(start(as('postgres', 'nowhere'))).rejects.toMatchObject({ code: 'database.login-refused' });
  });

  test('G02: nobody at the address is unavailable', async () => {
    await expect(start({ ...as('a', 'b'), host: '127.0.0.1', port: 1 })).rejects.toMatchObject({ code: 'database.unavailable' });
  });

  test('G03: a superuser is refused, and so is a member of one', async () => {
    await admin('create role nearly login', 'grant postgres to nearly');
    await expect(start(as('postgres', 'plain'))).rejects.toMatchObject({ code: 'database.login-too-powerful' });
    await expect(start(as('nearly', 'plain'))).rejects.toMatchObject({ code: 'database.login-too-powerful' });
  });

  test('G03: a login that bypasses row security is refused', async () => {
    await admin('create role bypass login bypassrls');
    await expect(start(as('bypass', 'plain'))).rejects.toMatchObject({ code: 'database.login-too-powerful' });
  });

  test('G04: a login whose commits do not wait for the disk is refused', async () => {
    await admin('create role fast login', 'alter role fast set synchronous_commit = off');
    await expect(start(as('fast', 'plain'))).rejects.toMatchObject({ code: 'database.not-durable', facts: { off: 'synchronous_commit' } });
  });

  test('G17: a clock that is minutes away is refused, seconds are logged', async () => {
    const shifted = (ms: number): Clock => ({
      now: () => new Date(systemClock.now().getTime() + ms),
      elapsed: () => systemClock.elapsed(),
    });
    await expect(start(as('plain', 'plain'), shifted(400_000))).rejects.toMatchObject({ code: 'database.clock-skew' });
    expect((await start(as('plain', 'plain'), shifted(-20_000))).log).toEqual([expect.stringContaining('clock of the database')]);
    expect((await start(as('plain', 'plain'))).log).toEqual([]);
  });
});

describe('the facts of a server', () => {
  const fit: ServerFacts = {
    version: '18.4',
    versionNumber: 180_004,
    login: 'kassa',
    tooPowerful: false,
    mayCreateRoles: false,
    durability: { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'remote_apply' },
    existingRoles: [],
    prepared: true,
  };

  test('are fine', () => expect(() => requireFitServer(fit)).not.toThrow());

  test.each<[string, Partial<ServerFacts>, string]>([
    ['G02 version 12', { version: '12.22', versionNumber: 120_022 }, 'database.version-too-old'],
    ['G02 version 14', { version: '14.19', versionNumber: 140_019 }, 'database.version-too-old'],
    ['G04 fsync off', { durability: { ...fit.durability, fsync: 'off' } }, 'database.not-durable'],
    ['G04 full_page_writes off', { durability: { ...fit.durability, full_page_writes: 'off' } }, 'database.not-durable'],
  ])('%s', (_, change, code) => {
    expect(() => requireFitServer({ ...fit, ...change })).toThrow(expect.objectContaining({ code }));
  });
});
