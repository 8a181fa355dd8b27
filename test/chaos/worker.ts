/** One process of the program under the eye of a supervisor that starts it again whenever it dies. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from '../support/app-process.ts';

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
  #next: Readonly<Record<string, string>> = {};
  #pointsBefore = 0;
  #isStopping = false;
  #watch: Promise<void> = Promise.resolve();

  static async prepare(environment: Readonly<Record<string, string>>, binary: string): Promise<Worker> {
    const preload = join(import.meta.dirname, 'clock-jump.mjs');
    const app = await AppProcess.prepare({ ...environment, NODE_OPTIONS: `--import ${preload}` }, binary);
    return new Worker(app);
  }

  private constructor(app: AppProcess) {
    this.app = app;
    this.#clockFile = join(app.folder, 'clock');
    writeFileSync(this.#clockFile, '0');
  }

  /** Starts it, and from now on again after every death. */
  async start(): Promise<void> {
    await this.#startOnce();
    this.#watch = this.#keepAlive();
  }

  /** kill -9. `next` is added to the environment of the next start only: a crash point. */
  kill(next: Readonly<Record<string, string>> = {}): void {
    this.#next = next;
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
      const since = performance.now();
      while (!this.#isStopping) {
        try {
          await this.#startOnce();
          this.recoveries.push(performance.now() - since);
          break;
        } catch {
          this.failedStarts += 1;
          if (!this.app.ended) await this.app.kill();
          await sleep(100);
        }
      }
    }
  }
}
