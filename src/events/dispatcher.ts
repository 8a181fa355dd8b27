/**
 * Delivering the event log to its subscribers.
 *
 * Each subscriber has a cursor in `event_cursor` and a loop of its own here, so that one that fails or is slow holds up nobody
 * else. Only one process delivers to a subscriber at a time: the one that holds its advisory lock, which dies with the
 * connection it was taken on. The lock avoids double work; correctness never rests on it. A subscriber that moves its own
 * cursor does its work exactly once even when two processes believe they hold the lock, because only one can move the cursor
 * from where both saw it; for the others the promise is at least once.
 *
 * Order is kept, and nothing is ever skipped: a subscriber whose handler fails stops at the batch and is told of it again after
 * 100 ms, 200 ms, … 30 s. After five failures it gets one event at a time, so that those before the bad one pass and the log
 * names the one that does not. It stays there, counted and logged, until the handler accepts it.
 *
 * Hints wake a loop at once. It also polls: every 50 ms in the second after a hint or a delivery (a slow writer may still hold
 * back what the hint was about), every second otherwise (events of other processes).
 */
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import type { Clock } from '../kernel/clock.ts';
import { CLOCK } from '../platform/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { Delivery, type DeliveryStatus } from './delivery.ts';
import { DeliveryLocks } from './delivery-locks.ts';
import { EVENTS_RECORDED } from './event-hints.ts';
import { EventReader } from './event-reader.ts';
import type { EventSubscriber } from './event-subscriber.ts';

@Injectable()
export class Dispatcher implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #deliveries = new Map<string, Delivery>();
  readonly #locks: DeliveryLocks;
  #started = false;

  constructor(
    private readonly reader: EventReader,
    private readonly pool: EnginePool,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#locks = new DeliveryLocks(pool);
  }

  /** Registers a subscriber: in a constructor or in `onModuleInit`. */
  subscribe(subscriber: EventSubscriber): void {
    if (this.#started || this.#deliveries.has(subscriber.name)) throw new RangeError(`subscribe: too late, or twice: ${subscriber.name}`);
    const delivery = new Delivery(subscriber, {
      reader: this.reader,
      hold: (name) => this.#locks.hold(name),
      advance: (name, after, upTo) => this.#advance(name, after, upTo),
      elapsed: () => this.clock.elapsed(),
    });
    this.#deliveries.set(subscriber.name, delivery);
  }

  /** Looks for events now. Cheap, and safe to call at any time. */
  @OnEvent(EVENTS_RECORDED)
  wake(): void {
    for (const delivery of this.#deliveries.values()) delivery.wake();
  }

  /** How each subscriber stands, for the status page and the metrics. */
  status(): readonly DeliveryStatus[] {
    return [...this.#deliveries.values()].map((delivery) => delivery.status());
  }

  /** Names of the subscribers that are told of unrouted events only, or of those that are told of every event. */
  subscribers(unroutedOnly: boolean): readonly string[] {
    return [...this.#deliveries].flatMap(([name, delivery]) => (delivery.unroutedOnly === unroutedOnly ? [name] : []));
  }

  /** Makes the cursors that are missing, at the beginning of the log, and starts to deliver. @throws events.log-ahead */
  async onApplicationBootstrap(): Promise<void> {
    this.#started = true;
    await this.reader.checkPositions();
    await this.pool.query(MAKE_CURSORS, [[...this.#deliveries.keys()]]);
    for (const delivery of this.#deliveries.values()) delivery.start();
  }

  /** Resolves when no handler is at work; the locks are free then for another process. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.#deliveries.values()].map((delivery) => delivery.stop()));
    await this.#locks.release();
  }

  async #advance(subscriber: string, after: bigint, upTo: bigint): Promise<boolean> {
    const { rowCount } = await this.pool.query(ADVANCE, [subscriber, after, upTo]);
    return rowCount === 1;
  }
}

const MAKE_CURSORS = 'insert into event_cursor (subscriber, seq) select unnest($1::text[]), 0 on conflict do nothing';
const ADVANCE = 'update event_cursor set seq = $3, updated_at = now() where subscriber = $1 and seq = $2';
