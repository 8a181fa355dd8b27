/** One running PostgreSQL: made, started, watched and stopped. It knows nothing of what is in the database. */
import { spawn, type ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseErrors } from '../database-errors.ts';
import { dyingWithParent, ordinaryUser, type Launcher } from './ordinary-user.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { isAlive, orphanedPostmaster, readPostmaster } from './postmaster-file.ts';
import { messageOf } from '../../thrown.ts';

/** What a cluster needs to be started. */
export interface ClusterOptions {
  /** Directory of the cluster; made when it does not exist. */
  readonly directory: string;
  /** Where the socket is put; the default is the cluster's directory, or a short path when that one's is too long. */
  readonly socketDirectory?: string;
  /** Settings for `postgres -c name=value`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Receives what PostgreSQL writes about itself, line by line. */
  readonly log: (line: string) => void;
}

/** The only port number used: it is part of the socket's file name and nothing listens on TCP. */
export const SOCKET_PORT = 5432;

const START_MS = 60_000;
const STOP_MS = 30_000;
/** A socket's path may have 107 bytes; `/.s.PGSQL.5432.lock` takes 19 of them. */
const LONGEST_SOCKET_DIRECTORY = 88;
const LINES_KEPT = 20;
/** What a PostgreSQL says of another one that has not ended yet. Its messages are in English: the cluster's locale is C. */
const HELD = /lock file ".*" already exists|pre-existing shared memory block/;
const HELD_PAUSE_MS = 100;
const MAJOR_VERSION = '18';

/** A PostgreSQL that accepts connections on a socket which only this user can open. */
export class PostgresProcess {
  readonly pid: number;
  /** Settles when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly socketDirectory: string;
  readonly #child: ChildProcess;
  readonly #lastLines: readonly string[];

  private constructor(child: ChildProcess, socketDirectory: string, ended: Promise<void>, lastLines: readonly string[]) {
    this.pid = child.pid ?? 0;
    this.ended = ended;
    this.socketDirectory = socketDirectory;
    this.#child = child;
    this.#lastLines = lastLines;
  }

  /**
   * Starts PostgreSQL on `options.directory`, making the cluster first when there is none, and waits until it accepts
   * connections. A server that a killed process of ours left behind is stopped first.
   *
   * @throws database.embedded-missing, database.embedded-root, database.embedded-failed, database.data-dir-unusable,
   *         database.data-dir-version
   */
  static async start(options: ClusterOptions): Promise<PostgresProcess> {
    const launcher = ordinaryUser();
    const { directory } = options;
    if (existsSync(path.join(directory, 'PG_VERSION'))) requireOurVersion(directory);
    else await initialise(options, launcher);
    for (const deadline = performance.now() + STOP_MS; ;) {
      await stopOrphan(directory);
      const started = launch(options, launcher);
      const isUp = await started.#untilReady(directory);
      if (isUp) return started;
      // One that was only being started when its parent was killed is not in the pid file, and ends by itself.
      if (!started.#isHeldByAnother || performance.now() > deadline)
        throw databaseErrors['embedded-failed']({ directory, output: started.#lastLines.join(' | ') });
      await sleep(HELD_PAUSE_MS);
    }
  }

  /** Stops cleanly: running transactions are rolled back, a checkpoint is written. Safe to call twice. */
  async stop(): Promise<void> {
    this.#child.ref();
    // SIGINT is PostgreSQL's fast shutdown; SIGQUIT leaves without a checkpoint, and the next start recovers.
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      this.#child.kill(signal);
      const late = new AbortController();
      await Promise.race([this.ended, sleep(STOP_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
      late.abort();
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    }
  }

  get #isHeldByAnother(): boolean {
    return this.#lastLines.some((line) => HELD.test(line));
  }

  /** @returns false when it ended instead, or took too long and was stopped */
  async #untilReady(directory: string): Promise<boolean> {
    const deadline = performance.now() + START_MS;
    for (;;) {
      const found = readPostmaster(directory);
      if (found?.pid === this.pid && found.ready) return true;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || performance.now() > deadline) {
        await this.stop();
        return false;
      }
      await Promise.race([this.ended, sleep(5)]);
    }
  }

  /** @internal */
  static of(child: ChildProcess, socketDirectory: string, log: (line: string) => void): PostgresProcess {
    const lastLines: string[] = [];
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', (error) => {
        lastLines.push(error.message);
        resolve();
      });
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((part) => part.trim() !== '')) {
        lastLines.push(line);
        if (lastLines.length > LINES_KEPT) lastLines.shift();
        log(line);
      }
    });
    return new PostgresProcess(child, socketDirectory, ended, lastLines);
  }
}

function launch({ directory, socketDirectory: given, settings, log }: ClusterOptions, launcher: Launcher): PostgresProcess {
  const socketDirectory = given ?? socketDirectoryFor(directory, launcher);
  const args = ['-D', directory, '-p', String(SOCKET_PORT), '-k', socketDirectory];
  const all = { ...settings, listen_addresses: '', unix_socket_permissions: '0700' };
  for (const [name, value] of Object.entries(all)) args.push('-c', `${name}=${value}`);
  const [program, ...rest] = launcher.command(...split(dyingWithParent(postgresBinaries().postgres, args)));
  // Detached: Ctrl-C goes to every process of the terminal's group, and PostgreSQL must outlive the requests in flight.
  const child = spawn(program, rest, { detached: true, stdio: ['ignore', 'ignore', 'pipe'], cwd: directory });
  child.unref();
  if (child.stderr && 'unref' in child.stderr && typeof child.stderr.unref === 'function') child.stderr.unref();
  return PostgresProcess.of(child, socketDirectory, log);
}

/** Makes the cluster beside its place and moves it there when it is whole: a kill in between leaves nothing half-made. */
async function initialise({ directory, settings }: ClusterOptions, launcher: Launcher): Promise<void> {
  const draft = `${directory}.new`;
  try {
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { recursive: true, mode: 0o700 });
    if (launcher.owner !== undefined) chownSync(draft, launcher.owner, launcher.owner);
  } catch (error) {
    throw databaseErrors['data-dir-unusable']({ directory, found: messageOf(error) });
  }
  // Sorting by C.UTF-8 is the same on every machine and never changes with the operating system's library.
  const args = ['-D', draft, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--locale-provider=builtin'];
  args.push('--builtin-locale=C.UTF-8', '--data-checksums', ...(settings['fsync'] === 'off' ? ['--no-sync'] : []));
  // One that outlived us would write into the draft of the next start.
  const [program, ...rest] = launcher.command(...split(dyingWithParent(postgresBinaries().initdb, args)));
  // Not in the way of this process, which has other things to do in the second or two that it takes.
  const problem = await problemOf(spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] }));
  if (problem !== undefined) {
    rmSync(draft, { recursive: true, force: true });
    throw databaseErrors['embedded-failed']({ directory, output: problem.trim().split('\n').slice(-3).join(' | ') });
  }
  rmSync(directory, { recursive: true, force: true });
  renameSync(draft, directory);
}

/** Resolves when the program has ended: with what it said, when it did not end well. */
async function problemOf(child: ChildProcess): Promise<string | undefined> {
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('exit', (code, signal) => resolve(code === 0 ? undefined : `it ended with ${signal ?? code}`));
  });
  const said = child.stderr ? await text(child.stderr).catch(() => '') : '';
  const problem = await ended;
  return problem !== undefined && said !== '' ? said : problem;
}

function requireOurVersion(directory: string): void {
  const found = readFileSync(path.join(directory, 'PG_VERSION'), 'utf8').trim();
  if (found !== MAJOR_VERSION) throw databaseErrors['data-dir-version']({ found, expected: MAJOR_VERSION, directory });
}

/** Where there is no parent-death signal, a killed process leaves its PostgreSQL behind: it is stopped, then started anew. */
async function stopOrphan(directory: string): Promise<void> {
  const deadline = performance.now() + STOP_MS;
  for (;;) {
    const pid = orphanedPostmaster(directory);
    if (pid === undefined) return;
    if (performance.now() > deadline) throw databaseErrors['embedded-failed']({ directory, output: `process ${pid} does not stop` });
    if (isAlive(pid)) process.kill(pid, 'SIGINT');
    await sleep(20);
  }
}

/** A directory made here is removed by whoever stops PostgreSQL for good. */
function socketDirectoryFor(directory: string, launcher: Launcher): string {
  if (Buffer.byteLength(directory) <= LONGEST_SOCKET_DIRECTORY) return directory;
  const short = mkdtempSync(path.join(tmpdir(), 'kassaflow-'));
  if (launcher.owner !== undefined) chownSync(short, launcher.owner, launcher.owner);
  return short;
}

function split([program, ...args]: readonly [string, ...string[]]): [string, string[]] {
  return [program, args];
}
