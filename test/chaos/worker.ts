/** One process of the program under the eye of a supervisor that starts it again whenever it dies. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from '../support/app-process.ts';

/** Of what it says in one life so many characters are kept. */
const LOG_KEPT = 5_000_000;

export class Worker {
  readonly app: AppProcess;
  /** Milliseconds from each death to the ready line of the next start. */
  readonly recoveries: number[] = [];
  deaths = 0;
  /** Starts that came to nothing, most because the database was away. */
  failedStarts = 0;
  /** Can take requests. */
  isReady = false;
  readonly #clockFile: string;
  readonly #log: string;
  #next: Readonly<Record<string, string>> = {};
  #pointsBefore = 0;
  #isStopping = false;
  #watch: Promise<void> = Promise.resolve();

  /** @param log what it says is written there, life after life */
  static async prepare(environment: Readonly<Record<string, string>>, binary: string, log: string): Promise<Worker> {
    const preload = join(import.meta.dirname, 'clock-jump.mjs');
    const app = await AppProcess.prepare({ ...environment, NODE_OPTIONS: `--import ${preload}` }, binary);
    return new Worker(app, log);
  }

  private constructor(app: AppProcess, log: string) {
    this.app = app;
    this.#log = log;
    this.#clockFile = join(app.folder, 'clock');
    writeFileSync(this.#clockFile, '0');
  }

  /** Starts it, and from now on again after every death. */
  async start(): Promise<void> {
    await this.#startOnce();
    this.#watch = this.#keepAlive();
  }

  /** Adds to the environment of the next start, and of no other: a crash point. */
  arm(next: Readonly<Record<string, string>>): void {
    this.#next = next;
  }

  /** What it was armed with waits for a start. */
  get isArmed(): boolean {
    return Object.keys(this.#next).length > 0;
  }

  /** kill -9. */
  kill(): void {
    this.isReady = false;
    this.#signal(this.app.pid, 'SIGKILL');
  }

  /** Stops it as a long pause of the machine does, and lets it go on: it does not know that time has passed. */
  async pause(ms: number): Promise<void> {
    const { pid } = this.app;
    if (!this.#signal(pid, 'SIGSTOP')) return;
    await sleep(ms);
    this.#signal(pid, 'SIGCONT');
  }

  /** Its wall clock jumps, for a while. */
  async jumpClock(by: number, ms: number): Promise<void> {
    writeFileSync(this.#clockFile, String(by));
    await sleep(ms);
    writeFileSync(this.#clockFile, '0');
  }

  /** How often it came to the crash point that it was started with. */
  get pointsReached(): number {
    return this.#pointsBefore + (this.app.output.includes('crash point reached') ? 1 : 0);
  }

  /** The same, without its present life. */
  get pointsBefore(): number {
    return this.#pointsBefore;
  }

  async becameReady(ms = 90_000): Promise<void> {
    const deadline = performance.now() + ms;
    while (!this.isReady) {
      if (performance.now() > deadline) throw new Error(`A process does not start:\n${this.app.output.slice(-3_000)}`);
      await sleep(20);
    }
  }

  /** Ends it as an administrator does. @returns the exit code */
  async stop(): Promise<number | null> {
    this.#isStopping = true;
    this.isReady = false;
    const code = this.app.ended ? null : await this.app.stop().catch(() => null);
    await this.#watch;
    this.#writeDown('it was stopped');
    return code;
  }

  async dispose(): Promise<void> {
    this.#isStopping = true;
    await this.app.dispose();
    await this.#watch;
  }

  #signal(pid: number, signal: NodeJS.Signals): boolean {
    // Of one that has ended the number may be somebody else's by now.
    if (this.app.ended || pid === 0) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      // It died meanwhile.
      return false;
    }
  }

  #writeDown(what: string): void {
    appendFileSync(this.#log, `${this.app.output.slice(-LOG_KEPT)}── ${new Date().toISOString()} ${what}\n`);
  }

  async #startOnce(): Promise<void> {
    const next = this.#next;
    this.#next = {};
    writeFileSync(this.#clockFile, '0');
    this.#pointsBefore = this.pointsReached;
    await this.app.start({ CHAOS_CLOCK: this.#clockFile, ...next });
    this.isReady = true;
  }

  async #keepAlive(): Promise<void> {
    while (!this.#isStopping) {
      while (!this.app.ended) await sleep(20);
      if (this.#isStopping) return;
      this.isReady = false;
      this.deaths += 1;
      this.#writeDown('it died');
      const since = performance.now();
      while (!this.#isStopping) {
        try {
          await this.#startOnce();
          this.recoveries.push(performance.now() - since);
          break;
        } catch {
          this.failedStarts += 1;
          this.#writeDown(`it did not start within ${(performance.now() - since).toFixed(0)} ms`);
          if (!this.app.ended) await this.app.kill();
          await sleep(100);
        }
      }
    }
  }
}
