import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Config } from './config/config.ts';
import { WorkerLoop } from './worker-loop.ts';

/** How often, and what is said when it goes wrong. */
export interface RegularWorkTerms {
  /** Of the log. */
  readonly context: string;
  /** The usual pause, and that after a look that failed. */
  readonly everyMs: number;
  /** A sentence for the log when a look fails. */
  readonly problem: string;
  /** Of that sentence: `warn` for what is made up for by the next look. Default: `error`. */
  readonly level?: 'warn' | 'error';
}

/** For work of every process that has it: what only answers requests leaves a module out, or has this work too. */
export const IN_EVERY_PROCESS = { role: 'all' } as const;

/**
 * Work of the application that is looked for again and again, from when it has started until it ends, in every process but those that
 * only answer requests (`KASSAFLOW_ROLE=web`). A look that fails is told, and the next one comes at its time.
 */
export abstract class RegularWork<Done = unknown> implements OnApplicationBootstrap, OnModuleDestroy {
  protected readonly log: Logger;
  readonly #loop: WorkerLoop;
  readonly #isForUs: boolean;
  readonly #everyMs: number;

  protected constructor({ role }: Pick<Config, 'role'>, { context, everyMs, problem, level = 'error' }: RegularWorkTerms) {
    this.log = new Logger(context);
    this.#isForUs = role !== 'web';
    this.#everyMs = everyMs;
    this.#loop = new WorkerLoop(
      async () => this.pauseAfter(await this.doDue()),
      everyMs,
      (error) => this.log[level]({ message: problem, error }),
    );
  }

  onApplicationBootstrap(): void {
    if (this.#isForUs) this.#loop.start();
  }

  /** Resolves when the look under way has ended. */
  onModuleDestroy(): Promise<void> {
    return this.#loop.stop();
  }

  /** Does not wait for the next time. */
  wake(): void {
    this.#loop.wake();
  }

  /** Does what is due now. */
  protected abstract doDue(): Promise<Done>;

  /** Milliseconds until the next look, after one that did this; 0 for at once. Unless told otherwise it is the usual pause. */
  protected pauseAfter(_done: Done): number | Promise<number> {
    return this.#everyMs;
  }
}
