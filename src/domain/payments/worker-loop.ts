import { WakeUp } from '../../events/wake-up.ts';

/** Does a piece of background work, pauses, and does it again, until it is stopped. What goes wrong is told and does not end it. */
export class WorkerLoop {
  readonly #wakeUp = new WakeUp();
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(
    private readonly work: () => Promise<unknown>,
    private readonly everyMs: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when the work under way has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      await this.work().catch(this.onError);
      await this.#wakeUp.wait(this.everyMs);
    }
  }
}
