import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  readlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { KassaflowError } from '../../../kernel/errors.ts';
import { DatabaseServer } from '../database-server.ts';
import { PostgresDatabase } from '../postgres-database.ts';
import { openPool } from '../engine-pool.ts';
import { isAlive } from './postmaster-file.ts';
import { makeMissingLinks } from './postgres-binaries.ts';

const PROCESS = path.resolve('test/support/embedded-process.ts');
const TENANT = '01900000-0000-7000-8000-000000000001';

let directory: string;
const running: DatabaseServer[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-embedded-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  for (const server of running.splice(0)) await server.stop();
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}, 120_000);

async function start(dataDirectory = directory): Promise<DatabaseServer> {
  const server = await DatabaseServer.start({ database: undefined, dataDirectory }, () => undefined);
  running.push(server);
  return server;
}

async function stop(server: DatabaseServer): Promise<void> {
  running.splice(running.indexOf(server), 1);
  await server.stop();
}

async function query<R extends object>({ address }: Pick<DatabaseServer, 'address'>, text: string): Promise<R[]> {
  const client = new pg.Client({ ...address, user: 'kassaflow_owner' });
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

async function startProcess(): Promise<{
  child: ChildProcess;
  postgres: number;
  address: { host: string; port: number; database: string };
}> {
  const child = spawn(process.execPath, [PROCESS, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  const { postgres, host, port } = JSON.parse(String(line));
  return { child, postgres, address: { host, port, database: 'kassaflow' } };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

describe('our own PostgreSQL', () => {
  test('is made at the first start, durable, reachable by a private socket only, and keeps its data', async () => {
    const first = await start();
    expect(first.migrated.length).toBeGreaterThan(0);
    await query(first, `insert into tenant (id, slug, name, mode) values ('${TENANT}', 'kept', 'Kept', 'test')`);
    const settings = await query<{ name: string; setting: string }>(
      first,
      `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums', 'listen_addresses', 'unix_socket_permissions')`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      data_checksums: 'on',
      listen_addresses: '',
      unix_socket_permissions: '0700',
    });
    await stop(first);
    const second = await start();
    expect(second.migrated).toEqual([]);
    expect(await query(second, 'select slug from tenant')).toEqual([{ slug: 'kept' }]);
  }, 120_000);

  test('works below a path that is too long for a socket', async () => {
    const server = await start(path.join(directory, 'x'.repeat(100)));
    expect(Buffer.byteLength(server.address.host)).toBeLessThan(90);
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
    await stop(server);
    expect(existsSync(server.address.host)).toBe(false);
  }, 120_000);

  test('is started again when it dies, and requests in between are told to come back', async () => {
    const server = await start();
    await query(server, `insert into tenant (id, slug, name, mode) values ('${TENANT}', 'test', 'Test', 'test')`);
    const database = PostgresDatabase.open(server.address, [], 2);
    const pool = openPool(server.address, 'engine', 2);
    const ask = () => database.transact(TENANT, (tx) => tx.query('select slug from tenant'));
    await ask();
    await pool.query('select 1');
    // More deaths than the pool has connections: none may be lost for good.
    for (let death = 0; death < 4; death += 1) {
      const before = server.embedded?.pid ?? 0;
      process.kill(before, 'SIGKILL');
      const seen = new Set<unknown>();
      await until(async () => {
        const answer = await ask().catch((error: unknown) => error);
        if (!Array.isArray(answer)) seen.add(answer instanceof KassaflowError ? answer.code : answer);
        return Array.isArray(answer) && server.embedded?.pid !== before;
      });
      // A commit that was cut off says so; everything else is told to come back.
      expect(['database.unavailable', 'database.outcome-unknown']).toEqual(expect.arrayContaining([...seen]));
    }
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await Promise.all([database.close(), pool.end()]);
  }, 120_000);
});

describe('G18: one process per data directory', () => {
  test('a second start says which process holds it and harms nothing', async () => {
    const { child, address } = await startProcess();
    await expect(start()).rejects.toMatchObject({ code: 'database.data-dir-locked', facts: { process: child.pid } });
    expect(await query({ address }, 'select 1 as one')).toEqual([{ one: 1 }]);
  }, 120_000);

  test('a process killed by kill -9 takes its PostgreSQL along, and the next start finds everything', async () => {
    const { child, postgres, address } = await startProcess();
    await query({ address }, `insert into tenant (id, slug, name, mode) values ('${TENANT}', 'kept', 'Kept', 'test')`);
    child.kill('SIGKILL');
    await until(() => !isAlive(postgres));
    expect(await query(await start(), 'select slug from tenant')).toEqual([{ slug: 'kept' }]);
  }, 120_000);

  test('a start right after kill -9, while the old PostgreSQL still stops, succeeds', async () => {
    const { child } = await startProcess();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await query(await start(), 'select 1 as one')).toEqual([{ one: 1 }]);
  }, 120_000);

  test('a start waits for a PostgreSQL that holds the socket and is ending, though no pid file names it', async () => {
    await stop(await start());
    const { uid } = statSync(path.join(directory, 'postgres'));
    const ending = spawn('sleep', ['1'], { uid });
    children.push(ending);
    const lock = path.join(directory, 'postgres', '.s.PGSQL.5432.lock');
    writeFileSync(lock, `${ending.pid}\n${directory}/postgres\n1\n5432\n${directory}/postgres\n`, { mode: 0o600 });
    chownSync(lock, uid, uid);
    expect(await query(await start(), 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(isAlive(ending.pid ?? 0)).toBe(false);
  }, 120_000);

  test('SIGTERM stops both cleanly', async () => {
    const { child, postgres } = await startProcess();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(isAlive(postgres)).toBe(false);
    expect(existsSync(path.join(directory, 'postgres', 'postmaster.pid'))).toBe(false);
    expect(existsSync(path.join(directory, 'kassaflow.lock'))).toBe(false);
  }, 120_000);

  test('files of a dead process whose id belongs to another program by now do not stop a start', async () => {
    await stop(await start());
    const stranger = spawn('sleep', ['60']);
    children.push(stranger);
    writeFileSync(path.join(directory, 'postgres', 'postmaster.pid'), `${stranger.pid}\n${directory}/postgres\n1\n5432\n\n\n\nready\n`);
    writeFileSync(path.join(directory, 'kassaflow.lock'), JSON.stringify({ pid: stranger.pid, born: '1' }));
    expect(await query(await start(), 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(isAlive(stranger.pid ?? 0)).toBe(true);
  }, 120_000);
});

describe('G15: a data directory that cannot be used', () => {
  test('is a file', async () => {
    const file = path.join(directory, 'file');
    writeFileSync(file, '');
    await expect(start(file)).rejects.toMatchObject({ code: 'database.data-dir-unusable' });
  }, 120_000);

  test('is of another major version', async () => {
    mkdirSync(path.join(directory, 'postgres'));
    writeFileSync(path.join(directory, 'postgres', 'PG_VERSION'), '17\n');
    await expect(start()).rejects.toMatchObject({ code: 'database.data-dir-version', facts: { found: '17', expected: '18' } });
    expect(readFileSync(path.join(directory, 'postgres', 'PG_VERSION'), 'utf8')).toBe('17\n');
  });

  test('does not keep the lock after a failed start', async () => {
    mkdirSync(path.join(directory, 'postgres'));
    writeFileSync(path.join(directory, 'postgres', 'PG_VERSION'), '17\n');
    await start().catch(() => undefined);
    expect(existsSync(path.join(directory, 'kassaflow.lock'))).toBe(false);
  });
});

test('links of shared libraries that the package lacks are made', () => {
  const native = path.join(directory, 'native');
  mkdirSync(path.join(native, 'lib'), { recursive: true });
  writeFileSync(path.join(native, 'lib', 'libpq.so.5.18'), '');
  symlinkSync('libpq.so.5.18', path.join(native, 'lib', 'libpq.so'));
  const links = ['libpq.so', 'libpq.so.5'].map((name) => ({ source: 'native/lib/libpq.so.5.18', target: `native/lib/${name}` }));
  writeFileSync(path.join(native, 'pg-symlinks.json'), JSON.stringify(links));
  makeMissingLinks(native);
  expect(readlinkSync(path.join(native, 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
});
