/**
 * Our own PostgreSQL: the binaries that npm installed, on a socket in the data directory.
 *
 * ```
 *            start()                 ready                     stop()
 *   (none) ─────────▶ starting ──────────────▶ running ──────────────────▶ stopped
 *                        ▲                        │ it died on its own
 *                        └──── 100 ms … 5 s ──────┘
 * ```
 *
 * - It is a process group of its own, so Ctrl-C reaches us first; `stop()` is called once the requests in flight are done.
 * - The kernel stops it when we are killed (`setpriv --pdeathsig`). Where that does not exist, the next start stops it.
 * - When it dies while we live, it is started again; until then the pools fail and requests are answered 503.
 * - Nobody else can have the data directory: our lock file first, PostgreSQL's own `postmaster.pid` second.
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseErrors } from '../database-errors.ts';
import { lockDataDirectory } from './data-directory-lock.ts';
import { PostgresProcess, SOCKET_PORT } from './postgres-process.ts';
import { messageOf } from '../../thrown.ts';

/** Receives one line about what the supervisor or PostgreSQL does. */
export type SupervisorLog = (line: string) => void;

/**
 * Durable, and sized for the one small machine on which the embedded server is used. `max_wal_size`: a checkpoint every
 * few minutes under load instead of every few seconds. `max_connections`: our pools, with room for a person.
 * `wal_compression` stays off: these binaries know pglz alone, which saved 27 % of the WAL of scattered updates and cost
 * 22 % more processor time, and the processor is what runs out first.
 */
const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  max_connections: '60',
  log_min_messages: 'warning',
  log_line_prefix: '%m ',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Starts PostgreSQL, keeps it running, stops it. */
export class EmbeddedPostgres {
  readonly #directory: string;
  readonly #log: SupervisorLog;
  readonly #unlock: () => void;
  #current: PostgresProcess;
  #stopping = false;
  #watch: Promise<void>;

  private constructor(directory: string, log: SupervisorLog, unlock: () => void, first: PostgresProcess) {
    this.#directory = directory;
    this.#log = log;
    this.#unlock = unlock;
    this.#current = first;
    this.#watch = this.#keepRunning();
  }

  /**
   * Starts PostgreSQL on `<dataDirectory>/postgres`, which is made at the first start.
   * @throws database.data-dir-locked, database.data-dir-unusable, database.data-dir-version, database.embedded-…
   */
  static async start(dataDirectory: string, log: SupervisorLog): Promise<EmbeddedPostgres> {
    try {
      mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw databaseErrors['data-dir-unusable']({ directory: dataDirectory, found: messageOf(error) }, { cause: error });
    }
    const unlock = lockDataDirectory(dataDirectory);
    const directory = path.join(dataDirectory, 'postgres');
    try {
      return new EmbeddedPostgres(directory, log, unlock, await PostgresProcess.start({ directory, settings: SETTINGS, log }));
    } catch (error) {
      unlock();
      throw error;
    }
  }

  /** Where to connect; it stays the same over restarts. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: this.#current.socketDirectory, port: SOCKET_PORT };
  }

  /** The id of the PostgreSQL process of the moment, for tests that kill it. */
  get pid(): number {
    return this.#current.pid;
  }

  /** Stops cleanly and gives the data directory back. To be called when nobody uses the database any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#current.stop();
    await this.#watch;
    const { socketDirectory } = this.#current;
    if (socketDirectory !== this.#directory) rmSync(socketDirectory, { recursive: true, force: true });
    this.#unlock();
  }

  async #keepRunning(): Promise<void> {
    for (;;) {
      await this.#current.ended;
      if (this.#stopping) return;
      this.#log('PostgreSQL ended on its own and is started again');
      await this.#startAgain();
    }
  }

  async #startAgain(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !this.#stopping; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        const options = { directory: this.#directory, socketDirectory: this.#current.socketDirectory, settings: SETTINGS, log: this.#log };
        const next = await PostgresProcess.start(options);
        this.#current = next;
        // stop() may have been called in between, and has stopped the one before this.
        if (this.#stopping) await next.stop();
        return;
      } catch (error) {
        this.#log(`PostgreSQL did not start: ${messageOf(error)}`);
        await sleep(pause, undefined, { ref: false });
      }
    }
  }
}
