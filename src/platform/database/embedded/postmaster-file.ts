/** `postmaster.pid`: the file in which a running PostgreSQL says who it is and whether it accepts connections. */
import { readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from '../../thrown.ts';

export interface Postmaster {
  readonly pid: number;
  /** Line 8 of the file says `ready`. */
  readonly ready: boolean;
  /** Line 5: the directory of its socket. */
  readonly socketDirectory: string;
}

/** Reads the file of a data directory, or `undefined` when there is none or it is half written. */
export function readPostmaster(dataDirectory: string): Postmaster | undefined {
  try {
    const lines = readFileSync(fileOf(dataDirectory), 'utf8').split('\n');
    const pid = Number(lines[0]);
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, ready: lines[7]?.trim() === 'ready', socketDirectory: lines[4] ?? '' } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The PostgreSQL that still runs on this data directory without us, if any.
 *
 * A file left behind by a killed server may name a process id that somebody else has by now; in a container with few
 * processes that is likely. PostgreSQL then refuses to start, so such a file is removed here.
 */
export function orphanedPostmaster(dataDirectory: string): number | undefined {
  const found = readPostmaster(dataDirectory);
  if (found === undefined) return undefined;
  if (isAlive(found.pid) && isPostgres(found.pid)) return found.pid;
  rmSync(fileOf(dataDirectory), { force: true });
  return undefined;
}

/** Tells whether a process with this id exists, also when it is not ours to signal. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function isPostgres(pid: number): boolean {
  try {
    return path.basename(readlinkSync(`/proc/${pid}/exe`)).replace(' (deleted)', '') === 'postgres';
  } catch {
    // A dying process has no exe. Without /proc (macOS) we must believe the file.
    return !exists('/proc/self');
  }
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

function fileOf(dataDirectory: string): string {
  return path.join(dataDirectory, 'postmaster.pid');
}
