import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { freePort } from '../perf/free-port.ts';
import { SOON_MS } from './patience.ts';
import { until, waitFor } from './until.ts';

const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const BINARY = join(ROOT, 'bin/kassaflow.mjs');

waitFor(SOON_MS);

/** Kassaflow as people run it: the built program in a process and a data folder of its own. */
export class AppProcess {
  #child: ChildProcess | undefined;
  /** All that the process printed since it was last started. */
  output = '';

  readonly folder: string;
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;

  readonly #binary: string;

  private constructor(folder: string, port: number, environment: Readonly<Record<string, string>>, binary: string) {
    this.folder = folder;
    this.port = port;
    this.environment = environment;
    this.#binary = binary;
  }

  /** A fresh data folder and a free port; nothing is started yet. `binary` is the program of another installation than this one. */
  static async prepare(environment: Readonly<Record<string, string>> = {}, binary = BINARY): Promise<AppProcess> {
    return new AppProcess(mkdtempSync(join(tmpdir(), 'kassaflow-app-')), await freePort(), environment, binary);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it and resolves at the ready line. `more` is added to the environment for this start only. */
  async start(more: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.launch(['start'], more);
    await until(
      () => this.output.includes('Kassaflow is ready at'),
      () => `the app did not become ready:\n${this.output.slice(-4_000)}`,
      SOON_MS,
      () => this.ended,
    );
  }

  /** From now on the first to pass this point dies: the process that runs, or its database with `postgres@` before the name. */
  dieAt(point: CrashPoint | `postgres@${CrashPoint}`): void {
    // In one move: half a name would be no point.
    writeFileSync(`${this.#crashFile}.new`, point);
    renameSync(`${this.#crashFile}.new`, this.#crashFile);
  }

  /** Starts it without waiting. */
  launch(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<void> {
    this.output = '';
    this.#child = spawn(process.execPath, [this.#binary, ...args], {
      cwd: this.folder,
      env: this.#environment({ KASSAFLOW_CRASH_AT: `file:${this.#crashFile}`, ...more }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    return Promise.resolve();
  }

  /** True when the process has ended, however it did. */
  get ended(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when the process has ended by itself, for example at a crash point. */
  async died(withinMs = SOON_MS): Promise<void> {
    await until(
      () => this.ended,
      () => `the app should have died but lives:\n${this.output.slice(-2_000)}`,
      withinMs,
    );
  }

  /** SIGTERM, and waits for a clean end. @returns the exit code */
  async stop(): Promise<number | null> {
    if (!this.ended) this.#child?.kill('SIGTERM');
    await this.died();
    return this.#child?.exitCode ?? null;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.died();
  }

  /** Runs one command of the CLI to its end against this installation. `more` is added to its environment. */
  async cli(
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly code: number; readonly output: string }> {
    const child = spawn(process.execPath, [this.#binary, ...args], {
      cwd: this.folder,
      env: this.#environment(more),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number>((done) => child.once('close', (exit) => done(exit ?? -1)));
    return { code, output };
  }

  /** Stops what runs and removes the data folder. */
  async dispose(): Promise<void> {
    if (!this.ended) await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  get #crashFile(): string {
    return join(this.folder, 'crash-at');
  }

  #environment(more: Readonly<Record<string, string>>): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      NODE_ENV: 'test',
      PORT: String(this.port),
      KASSAFLOW_URL: this.url,
      KASSAFLOW_DATA_DIR: join(this.folder, 'data'),
      KASSAFLOW_CRASH_POSTGRES: join(this.folder, 'data/postgres/postmaster.pid'),
      ...this.environment,
      ...more,
    };
  }
}
