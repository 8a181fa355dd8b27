/** The loop that delivers the log to one subscriber; the rules are at {@link Dispatcher}. */
import { Logger } from '@nestjs/common';
import { isKassaflowError } from '../kernel/errors.ts';
import { idOf } from '../kernel/ids.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { eventErrors } from './event-errors.ts';
import type { EventReader } from './event-reader.ts';
import type { EventBatch, EventSubscriber } from './event-subscriber.ts';
import { WakeUp } from '../platform/wake-up.ts';

/** How a subscriber stands. */
export interface DeliveryStatus {
  readonly subscriber: string;
  /** Whether this process is the one that delivers to it. */
  readonly delivering: boolean;
  /** Failures in a row; 0 when the last batch was accepted. */
  readonly failures: number;
  /** `evt_…`: the event it stops at, or the first of the batch that failed. */
  readonly stoppedAt: string | undefined;
}

/** What a delivery needs from the dispatcher. */
export interface DeliveryPorts {
  readonly reader: Pick<EventReader, 'next'>;
  /** Tells whether this process delivers to `subscriber`. */
  hold(subscriber: string): Promise<boolean>;
  /** Moves the cursor from `after` to `upTo`; says `false` when it no longer stood at `after`. */
  advance(subscriber: string, after: bigint, upTo: bigint): Promise<boolean>;
  elapsed(): number;
}

const BATCH = 500;
const ONE_BY_ONE_AFTER = 5;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;
const BUSY_POLL_MS = 50;
const IDLE_POLL_MS = 1_000;
const STAYS_BUSY_MS = 1_000;

export class Delivery {
  readonly #log = new Logger('events');
  readonly #wakeUp = new WakeUp();
  #running: Promise<void> | undefined;
  #stopping = false;
  #delivering = false;
  #failures = 0;
  /** The batch that the handler has, or refused. */
  #trying: EventBatch | undefined;
  /** Up to here events are handed over one by one, because one of them was refused again and again. */
  #oneByOneUpTo: bigint | undefined;
  #busyUntil = 0;
  /** Where the cursor stood before a batch that a handler said it had done. */
  #doneAfter: bigint | undefined;

  constructor(
    private readonly subscriber: EventSubscriber,
    private readonly ports: DeliveryPorts,
  ) {}

  start(): void {
    this.#running ??= this.#run();
  }

  /** Looks at once, unless it waits after a failure. */
  wake(): void {
    this.#busyUntil = this.ports.elapsed() + STAYS_BUSY_MS;
    if (this.#failures === 0) this.#wakeUp.wake();
  }

  /** Resolves when the handler at work, if there is one, has answered. Nothing is delivered after that. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.wake();
    await this.#running;
  }

  /** Whether events whose runs were written with them are left out. */
  get unroutedOnly(): boolean {
    return this.subscriber.unroutedOnly === true;
  }

  status(): DeliveryStatus {
    return { subscriber: this.subscriber.name, delivering: this.#delivering, failures: this.#failures, stoppedAt: this.#stoppedAt() };
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const pauseMs = await this.#turn().catch((error: unknown) => this.#failed(error));
      if (pauseMs > 0) await this.#wakeUp.wait(pauseMs);
    }
    this.#delivering = false;
  }

  /** Delivers one batch, if there is one. Gives the pause before the next look. */
  async #turn(): Promise<number> {
    this.#delivering = await this.ports.hold(this.subscriber.name);
    const batch = this.#delivering
      ? await this.ports.reader.next(this.subscriber, this.#oneByOneUpTo === undefined ? BATCH : 1)
      : undefined;
    if (!batch || this.#stopping) return this.ports.elapsed() < this.#busyUntil ? BUSY_POLL_MS : IDLE_POLL_MS;
    this.#trying = batch;
    await this.#hand(batch);
    if (this.#oneByOneUpTo !== undefined && batch.upTo >= this.#oneByOneUpTo) this.#oneByOneUpTo = undefined;
    this.#failures = 0;
    this.#trying = undefined;
    this.#busyUntil = this.ports.elapsed() + STAYS_BUSY_MS;
    return 0;
  }

  async #hand(batch: EventBatch): Promise<void> {
    const { name, advancesCursorItself } = this.subscriber;
    if (batch.events.length > 0) crashPoint('event.delivered.before');
    await this.subscriber.handle(batch);
    if (batch.events.length > 0) crashPoint('event.delivered.after');
    if (!advancesCursorItself) {
      if (!(await this.ports.advance(name, batch.after, batch.upTo)))
        this.#log.warn(`Another process moved the cursor of ${name} meanwhile`);
      return;
    }
    // A handler that says it is done and leaves the cursor where it was would get the same batch for ever, without a pause.
    if (batch.after === this.#doneAfter) throw eventErrors['cursor-stuck']({ subscriber: name, cursor: batch.after });
    this.#doneAfter = batch.after;
  }

  #failed(error: unknown): number {
    this.#failures += 1;
    const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LONGEST_RETRY_MS);
    const reason = isKassaflowError(error) ? error.message : nameOf(error);
    const at = this.#stoppedAt();
    if (this.#failures === ONE_BY_ONE_AFTER) this.#oneByOneUpTo ??= this.#trying?.upTo;
    this.#log[this.#failures < ONE_BY_ONE_AFTER ? 'warn' : 'error'](
      `Subscriber ${this.subscriber.name} stopped${at === undefined ? '' : ` at ${at}`}: ${reason}. Failure ${this.#failures} in a row; the next try is in ${pauseMs} ms`,
    );
    return pauseMs;
  }

  #stoppedAt(): string | undefined {
    const [first] = this.#trying?.events ?? [];
    return this.#failures > 0 && first ? idOf('evt', first.id) : undefined;
  }
}

/** The kind of an error that is not ours, and its SQLSTATE or system code: a message could quote what is in an event. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error ? `${error.name} ${String(error.code)}` : error.name;
}
