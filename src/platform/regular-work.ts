import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Config } from './config/config.ts';
import { WorkerLoop } from './worker-loop.ts';

/** How often, and what is said when it goes wrong. */
export interface RegularWorkTerms {
  /** Of the log. */
  readonly context: string;
  readonly everyMs: number;
  /** A sentence for the log when a look fails. */
  readonly problem: string;
}

/**
 * Work of the application that is looked for again and again, from when it has started until it ends, in every process but those that
 * only answer requests (`KASSAFLOW_ROLE=web`). A look that fails is told, and the next one comes at its time.
 */
export abstract class RegularWork implements OnApplicationBootstrap, OnModuleDestroy {
  protected readonly log: Logger;
  readonly #loop: WorkerLoop;
  readonly #isForUs: boolean;

  protected constructor({ role }: Pick<Config, 'role'>, { context, everyMs, problem }: RegularWorkTerms) {
    this.log = new Logger(context);
    this.#isForUs = role !== 'web';
    this.#loop = new WorkerLoop(
      () => this.doDue().then(() => everyMs),
      everyMs,
      (error) => this.log.error({ message: problem, error }),
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
  protected abstract doDue(): Promise<unknown>;
}
