import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readConfig, type Environment } from '../config/read-config.ts';
import { DatabaseServer } from '../database/database-server.ts';
import { openPool } from '../database/engine-pool.ts';
import { PostgresDatabase } from '../database/postgres-database.ts';
import { MasterKeys } from '../secrets/master-keys.ts';
import { EnvelopeSealer } from '../secrets/sealer.ts';
import { examine } from './doctor.ts';
import type { Finding } from './finding.ts';
import { checkNode } from './machine-checks.ts';

const TENANT = '01900000-0000-7000-8000-000000000001';

let directory: string;
let freePort: number;
beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-doctor-'));
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  freePort = portOf(server);
  server.close();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const portOf = (server: net.Server) => {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
};
const configWith = (environment: Environment) =>
  readConfig({ PORT: String(freePort), KASSAFLOW_DATA_DIR: directory, ...environment }, directory);
const examineWith = async (environment: Environment) =>
  new Map((await examine(configWith(environment))).map((finding): [string, Finding] => [finding.name, finding]));

describe('the doctor', () => {
  test('finds a fresh machine well, and leaves nothing behind', async () => {
    const findings = await examineWith({ KASSAFLOW_DATA_DIR: path.join(directory, 'not', 'there') });
    expect([...findings.values()].filter(({ ok }) => !ok)).toEqual([]);
    expect(findings.get('database')?.found).toContain('made at the first start');
  });

  test('looks into our own PostgreSQL while it runs, and sees a master key that does not fit', async () => {
    const config = configWith({});
    const server = await DatabaseServer.start(config, () => undefined);
    try {
      const owner = openPool(server.address, 'owner', 1);
      await owner.query(`insert into tenant (id, slug, name, mode) values ($1, 'test', 'Test', 'test')`, [TENANT]);
      await owner.end();
      const database = PostgresDatabase.open(server.address, [], 1);
      await new EnvelopeSealer(database, MasterKeys.from(config)).seal(TENANT, { table: 'a', row: 'b', field: 'c' }, 'x');
      await database.close();
      const well = await examineWith({});
      expect([well.get('database'), well.get('clock'), well.get('master key')]).toMatchObject([
        { ok: true, found: expect.stringContaining('fsync=on') },
        { ok: true },
        { ok: true, found: expect.stringContaining('fits the data') },
      ]);
      writeFileSync(path.join(directory, 'master.key'), Buffer.alloc(32, 'another key').toString('base64'));
      expect((await examineWith({})).get('master key')).toMatchObject({ ok: false, found: expect.stringContaining('is not the one') });
    } finally {
      await server.stop();
    }
  }, 30_000);

  test('says who cannot be reached, without the password', async () => {
    const findings = await examineWith({ DATABASE_URL: 'postgresql://kassa:hunter2@127.0.0.1:1/kassaflow' });
    expect(findings.get('database')).toMatchObject({ ok: false, found: expect.stringContaining('kassa:***@127.0.0.1:1/kassaflow') });
    expect(JSON.stringify([...findings])).not.toContain('hunter2');
  });

  test('G07: a port that another program has is a problem', async () => {
    const stranger = net.createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    expect((await examineWith({ PORT: String(portOf(stranger)) })).get('port')).toMatchObject({
      ok: false,
      help: expect.stringContaining('PORT'),
    });
    stranger.close();
  });

  test('G15: a data directory below a file is a problem', async () => {
    writeFileSync(path.join(directory, 'file'), '');
    const findings = await examineWith({ KASSAFLOW_DATA_DIR: path.join(directory, 'file', 'data') });
    expect(findings.get('data directory')).toMatchObject({ ok: false, help: expect.stringContaining('KASSAFLOW_DATA_DIR') });
  });

  test.each([
    ['G16: Node 20', '20.20.2', false],
    ['Node 24', '24.0.0', true],
    ['Node 26', '26.1.0', true],
  ])('%s', (_, version, ok) => expect(checkNode(version).ok).toBe(ok));
});
