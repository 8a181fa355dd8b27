import { Logger } from '@nestjs/common';
import { WakeUp } from '../../events/wake-up.ts';

/** After work that failed: long enough for a database to come back, short enough for a schedule. */
const AFTER_FAILURE_MS = 1_000;

/** Does work again and again: at once when told to, else after as long as the work itself says. One failure does not end it. */
export class DueLoop {
  readonly #log = new Logger('schedules');
  readonly #wakeUp = new WakeUp();
  #loop: Promise<void> | undefined;
  #stopping = false;

  /** @param work resolves with the milliseconds after which there is something to do again; 0 for at once */
  constructor(
    private readonly name: string,
    private readonly work: () => Promise<number>,
  ) {}

  start(): void {
    this.#loop ??= this.#run();
  }

  wake(): void {
    this.#wakeUp.wake();
  }

  /** Resolves when the work under way has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const restMs = await this.work().catch((error: unknown) => {
        this.#log.warn({ error }, `${this.name} failed and is tried again`);
        return AFTER_FAILURE_MS;
      });
      if (restMs > 0 && !this.#stopping) await this.#wakeUp.wait(restMs);
    }
  }
}
