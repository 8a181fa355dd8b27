import { WakeUp } from './wake-up.ts';

/**
 * Does a piece of background work again and again until it is stopped: after as long as the work itself says, or at once when it is
 * woken. What goes wrong is told and does not end it.
 */
export class WorkerLoop {
  readonly #wakeUp = new WakeUp();
  #running: Promise<void> | undefined;
  #stopping = false;

  /**
   * @param work resolves with the milliseconds after which there is something to do again; 0 for at once
   * @param afterFailureMs the pause after work that failed
   */
  constructor(
    private readonly work: () => Promise<number>,
    private readonly afterFailureMs: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** @param afterMs the pause before the first time, for work that was just done */
  start(afterMs = 0): void {
    this.#running ??= this.#run(afterMs);
  }

  wake(): void {
    this.#wakeUp.wake();
  }

  /** Resolves when the work under way has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.wake();
    await this.#running;
  }

  async #run(afterMs: number): Promise<void> {
    for (let pauseMs = afterMs; !this.#stopping;) {
      if (pauseMs > 0) await this.#wakeUp.wait(pauseMs);
      if (this.#stopping) return;
      pauseMs = await this.work().catch((error: unknown) => {
        this.onError(error);
        return this.afterFailureMs;
      });
    }
  }
}
