/** What a part of the system implements to be told of every event, in order and at least once. */
import type { DomainEvent } from './event.ts';

/** Consecutive events of the log, and the two cursors around them. */
export interface EventBatch {
  /** 1 to 500 events in the order of the log. */
  readonly events: readonly DomainEvent[];
  /** Where the subscriber's cursor stands in `event_cursor` while this batch is handled. */
  readonly after: bigint;
  /** Where it stands once the batch is done: the `seq` of the last event. */
  readonly upTo: bigint;
}

/** Told of events by the {@link Dispatcher}; registered with `Dispatcher.subscribe` before the application has started. */
export interface EventSubscriber {
  /** Names the cursor in `event_cursor`; never changes, or the subscriber starts again at the beginning of the log. */
  readonly name: string;
  /** Leaves out events whose runs were written in the commit that took them in. */
  readonly unroutedOnly?: boolean;
  /**
   * The handler moves the cursor itself, in the transaction of its own work, from `batch.after` to `batch.upTo` and only when it
   * still stands at `after`:
   * `update event_cursor set seq = <upTo>, updated_at = now() where subscriber = <name> and seq = <after>`.
   * Nothing of the work may be written when that changes no row. So its work is done exactly once, whatever happens.
   * Without this, the dispatcher moves the cursor after `handle` has resolved, and a crash between the two repeats the batch.
   */
  readonly advancesCursorItself?: boolean;
  /**
   * Resolves when the effect of the batch is on disk. Rejects when it is not: the same batch comes again after a while.
   * A handler that must wait (too much under way) simply takes its time: nothing else comes until it has answered.
   */
  handle(batch: EventBatch): Promise<void>;
}
