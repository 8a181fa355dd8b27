/**
 * The folder for the sockets of a process's gateways, in the folder for temporary files.
 *
 * A process that is killed leaves its folder behind, so each start clears those of the dead. A folder is dead when nobody listens at
 * any of its sockets: that also holds where process ids say nothing, between containers that share `/tmp`. A stopped process still
 * listens, as far as the kernel is concerned.
 */
import { chmodSync, mkdtempSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const PREFIX = 'kassaflow-plugins-';
/** A younger one may be about to listen. */
const YOUNG_MS = 60_000;
/** Without a socket only age tells. */
const YOUNG_WITHOUT_SOCKETS_MS = 3_600_000;
/** More wait for the next start. */
const AT_ONCE = 1_000;

export function makeSocketFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, PREFIX));
  chmodSync(folder, 0o700);
  return folder;
}

/**
 * Removes the folders of dead processes of this user. Never rejects: what cannot be removed stays.
 *
 * @param own this process's folder, just made: ages are told by its time, because the clock of a process may be wrong
 * @returns how many are gone
 */
export async function clearDeadSocketFolders(own: string): Promise<number> {
  const parent = dirname(own);
  const now = await lstat(own).catch(() => undefined);
  const names = now ? await readdir(parent).catch(() => []) : [];
  let cleared = 0;
  for (const name of names.filter((one) => one.startsWith(PREFIX)).slice(0, AT_ONCE)) {
    const folder = join(parent, name);
    try {
      if (!now || !(await isDead(folder, now.mtimeMs))) continue;
      await rm(folder, { recursive: true, force: true });
      cleared += 1;
    } catch {
      // Somebody else's, or cleared by somebody else meanwhile.
    }
  }
  return cleared;
}

async function isDead(folder: string, now: number): Promise<boolean> {
  const entry = await lstat(folder);
  if (!entry.isDirectory() || entry.uid !== process.getuid?.()) return false;
  const age = now - entry.mtimeMs;
  if (age < YOUNG_MS) return false;
  const sockets = (await readdir(folder)).filter((file) => file.endsWith('.sock'));
  if (sockets.length === 0) return age >= YOUNG_WITHOUT_SOCKETS_MS;
  for (const socket of sockets) if (!(await isRefused(join(folder, socket)))) return false;
  return true;
}

/** Tells whether there is surely nobody: any other answer than a refusal is taken for somebody. */
function isRefused(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = connect(socket);
    attempt.once('connect', () => {
      attempt.destroy();
      resolve(false);
    });
    attempt.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
