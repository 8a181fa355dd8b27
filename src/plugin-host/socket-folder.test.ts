import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { clearDeadSocketFolders, makeSocketFolder } from './socket-folder.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);

let parent: string;
const servers: Server[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'kf-'));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(parent, { recursive: true, force: true });
});

function aged(folder: string, minutes: number): string {
  utimesSync(folder, ago(minutes), ago(minutes));
  return folder;
}

/** A folder as a living process has it. */
async function living(): Promise<string> {
  const folder = makeSocketFolder(parent);
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(join(folder, 'bank.sock'), resolve));
  return folder;
}

/** A folder as a killed process leaves it. */
function killed(): string {
  const folder = makeSocketFolder(parent);
  const script = `require('net').createServer().listen(${JSON.stringify(join(folder, 'bank.sock'))}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  return folder;
}

const clear = () => clearDeadSocketFolders(aged(makeSocketFolder(parent), 0));

test('the folder of a killed process is cleared by the next start', async () => {
  const dead = aged(killed(), 2);
  expect(existsSync(join(dead, 'bank.sock'))).toBe(true);
  expect([await clear(), existsSync(dead)]).toEqual([1, false]);
});

test('a folder at which somebody listens stays, however old it is, also when another of its sockets is dead', async () => {
  const folder = await living();
  rmSync(join(folder, 'old.sock'), { force: true });
  writeFileSync(join(folder, 'old.sock'), '');
  aged(folder, 100_000);
  expect([await clear(), existsSync(folder)]).toEqual([0, true]);
});

test('a folder that may be about to get its sockets stays; one that never got any goes after an hour', async () => {
  const fresh = aged(makeSocketFolder(parent), 5);
  const justKilled = aged(killed(), 0.5);
  const forgotten = aged(makeSocketFolder(parent), 61);
  expect([await clear(), existsSync(fresh), existsSync(justKilled), existsSync(forgotten)]).toEqual([1, true, true, false]);
});

test('what only has the name of one is left alone: a file, a link, a folder of something else', async () => {
  const target = join(parent, 'precious');
  mkdirSync(target);
  symlinkSync(target, join(parent, 'kassaflow-plugins-link'));
  writeFileSync(join(parent, 'kassaflow-plugins-file'), '');
  aged(target, 100_000);
  expect([await clear(), existsSync(target), existsSync(join(parent, 'kassaflow-plugins-link'))]).toEqual([0, true, true]);
});

test('where there is no folder for temporary files, nothing happens', async () => {
  expect(await clearDeadSocketFolders(join(parent, 'nowhere', 'own'))).toBe(0);
});
