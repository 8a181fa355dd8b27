/** One Kassaflow per data directory: a file that says which process holds it. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { databaseErrors } from '../database-errors.ts';
import { isAlive } from './postmaster-file.ts';
import { codeOf, isSystemError, messageOf } from '../../thrown.ts';

const FILE = 'kassaflow.lock';

/** What the file says. `born` tells the process from a later one with the same id, which containers reuse at once. */
interface Holder {
  readonly pid: number;
  readonly born: string;
}

/**
 * Takes the directory for this process and returns how to give it back.
 * A lock whose process is gone is taken over.
 * @throws database.data-dir-locked with the id of the process that holds it, database.data-dir-unusable
 */
export function lockDataDirectory(directory: string): () => void {
  const lock = path.join(directory, FILE);
  const draft = `${lock}.${process.pid}`;
  try {
    writeFileSync(draft, JSON.stringify({ pid: process.pid, born: bornAt(process.pid) } satisfies Holder), { mode: 0o600 });
    take(lock, draft, directory);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw databaseErrors['data-dir-unusable']({ directory, found: messageOf(error) }, { cause: error });
  } finally {
    rmSync(draft, { force: true });
  }
  return () => rmSync(lock, { force: true });
}

/** The file appears whole or not at all: a link to a complete draft can be made by one process only. */
function take(lock: string, draft: string, directory: string): void {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    if (linked(draft, lock)) return;
    const holder = readHolder(lock);
    if (holder && isAlive(holder.pid) && bornAt(holder.pid) === holder.born && holder.pid !== process.pid) {
      throw databaseErrors['data-dir-locked']({ directory, process: holder.pid });
    }
    discard(lock, holder);
  }
  throw databaseErrors['data-dir-locked']({ directory });
}

/** Moves a stale lock away; when somebody replaced it in the meantime, puts theirs back. */
function discard(lock: string, stale: Holder | undefined): void {
  const aside = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  const moved = readHolder(aside);
  if (moved?.pid !== stale?.pid || moved?.born !== stale?.born) linked(aside, lock);
  rmSync(aside, { force: true });
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof found !== 'object' || found === null || !('pid' in found) || !('born' in found)) return undefined;
    return { pid: Number(found.pid), born: String(found.born) };
  } catch {
    return undefined;
  }
}

/** Clock ticks between the machine's start and the process's (proc(5), field 22 of `stat`); empty where there is no /proc. */
function bornAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may itself contain spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
