/** The PostgreSQL of a campaign: durable, started again whenever it dies, on disks that can be filled. */
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isAlive } from '../../src/platform/database/embedded/postmaster-file.ts';
import { PostgresProcess, SOCKET_PORT } from '../../src/platform/database/embedded/postgres-process.ts';
import { Disk, mayMount } from './disks.ts';

export const DATABASE = 'kassaflow';
const LOGIN = 'campaign';

export interface DatabaseServerOptions {
  readonly folder: string;
  /** On top of what a durable server has. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Size of the disk for data, in MiB; 0 puts everything on the ordinary disk. */
  readonly diskMegabytes: number;
}

const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '128MB',
  max_connections: '150',
  max_wal_size: '400MB',
  log_min_messages: 'panic',
};
/** Room for the write-ahead log: its largest size and some more. */
const WAL_MEGABYTES = 700;

export class CampaignDatabase {
  /** Milliseconds from the death of the server to the first accepted connection, for each death. */
  readonly recoveries: number[] = [];
  /** The last things that the server said. */
  readonly said: string[] = [];
  readonly data: Disk | undefined;
  readonly wal: Disk | undefined;
  readonly #options: DatabaseServerOptions;
  readonly #directory: string;
  readonly #socketDirectory: string;
  #server: PostgresProcess | undefined;
  #stopping = false;
  #watch: Promise<void> = Promise.resolve();

  /** @param onMade gets what ends it, as soon as there is anything to end */
  static async start(options: DatabaseServerOptions, onMade: (stop: () => Promise<void>) => void): Promise<CampaignDatabase> {
    const database = new CampaignDatabase(options);
    onMade(() => database.stop());
    database.#server = await database.#launch();
    if (database.wal) await database.#moveLog(database.wal);
    await database.asSuperuser(async (client) => {
      await client.query(`create role ${LOGIN} login createrole`);
      await client.query(`create database ${DATABASE} owner ${LOGIN}`);
    }, 'postgres');
    database.#watch = database.#keepAlive();
    return database;
  }

  private constructor(options: DatabaseServerOptions) {
    this.#options = options;
    const { folder, diskMegabytes } = options;
    this.#socketDirectory = join(folder, 's');
    mkdirSync(this.#socketDirectory, { recursive: true });
    if (diskMegabytes > 0 && mayMount()) {
      this.data = new Disk(join(folder, 'data'), diskMegabytes);
      this.wal = new Disk(join(folder, 'wal'), WAL_MEGABYTES);
    }
    this.#directory = join(folder, 'data', 'pg');
    mkdirSync(join(folder, 'data'), { recursive: true });
  }

  get socket(): string {
    return join(this.#socketDirectory, `.s.PGSQL.${SOCKET_PORT}`);
  }

  get pidFile(): string {
    return join(this.#directory, 'postmaster.pid');
  }

  /** What the program is given, by way of a proxy on this port. */
  urlThrough(port: number): string {
    return `postgresql://${LOGIN}:none@127.0.0.1:${port}/${DATABASE}?sslmode=disable`;
  }

  /** kill -9, unless it has just died of something else. */
  kill(): void {
    if (this.#server && isAlive(this.#server.pid)) process.kill(this.#server.pid, 'SIGKILL');
  }

  /** One connection past everything that can be cut. @throws while the server is away */
  async asSuperuser<T>(work: (client: pg.Client) => Promise<T>, database = DATABASE): Promise<T> {
    const client = new pg.Client({ host: this.#socketDirectory, port: SOCKET_PORT, user: 'postgres', database });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await work(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    try {
      await this.#server?.stop();
      await this.#watch;
    } finally {
      this.data?.unmount();
      this.wal?.unmount();
    }
  }

  #launch(): Promise<PostgresProcess> {
    return PostgresProcess.start({
      directory: this.#directory,
      socketDirectory: this.#socketDirectory,
      settings: { ...SETTINGS, ...this.#options.settings },
      log: (line) => {
        this.said.push(line);
        if (this.said.length > 200) this.said.shift();
      },
    });
  }

  /** As an administrator does who puts the log on a disk of its own. */
  async #moveLog({ path }: Disk): Promise<void> {
    await this.#server?.stop();
    const [here, there] = [join(this.#directory, 'pg_wal'), join(path, 'log')];
    cpSync(here, there, { recursive: true });
    renameSync(here, `${here}.old`);
    symlinkSync(there, here);
    rmSync(`${here}.old`, { recursive: true });
    this.#server = await this.#launch();
  }

  async #keepAlive(): Promise<void> {
    while (!this.#stopping) {
      await this.#server?.ended;
      const since = performance.now();
      while (!this.#stopping) {
        try {
          const server = await this.#launch();
          this.#server = server;
          this.recoveries.push(performance.now() - since);
          if (this.#stopping) await server.stop();
          break;
        } catch {
          // The disk is full, most likely: until there is room.
          await sleep(200);
        }
      }
    }
  }
}
