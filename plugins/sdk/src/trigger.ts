import type { Context } from './context.ts';
import type { Outcome } from './outcome.ts';
import type { From, Schema, Text } from './schema.ts';
import type { RawWebhook } from './webhook.ts';

/** What a trigger is, without its code: flows name it with `on: { trigger: … }` and read `event.item`. */
export interface TriggerSpec<I extends Schema = Schema, O extends Schema = Schema> {
  /** `subject.verb`, in the past tense: `invoice.changed`. */
  readonly name: string;
  readonly title: Text;
  readonly about: Text;
  /** What a flow gives with `with:`. */
  readonly input: I;
  /** One item. */
  readonly output: O;
  /** A typical item: shown when a person picks data, used by tests and dry runs. */
  readonly sample: From<O>;
  /** For a trigger that polls: how often, in milliseconds, unless the flow says `every`. At least 1,000; default one minute. */
  readonly everyMs?: number;
}

/** Something new at the provider. */
export interface TriggerItem<T> {
  /**
   * The provider's id of the news, 1 to 255 characters: an item is told of once, however often it is given. When an object can change
   * again, its version belongs in here (`inv_7@2026-11-21T10:00:00Z`).
   */
  readonly id: string;
  readonly data: T;
}

/** What a poll found. */
export interface Polled<T> {
  /** Oldest first, at most 1,000. Giving an item again does no harm; leaving one out loses it. */
  readonly items: readonly TriggerItem<T>[];
  /** Where the next poll begins: kept by the host, at most 4,000 characters, and given back unchanged. */
  readonly cursor: string;
  /** There is more: poll again at once. */
  readonly more?: boolean;
}

/**
 * Asks the provider what is new. `cursor` is absent the first time: begin at the present then, with no items and the cursor from
 * which news will be found.
 *
 * The cursor must come from what the provider answered, never from a clock of ours: clocks differ, and what was made while we asked
 * would be lost. Where the provider only knows times, ask from the last one on, inclusive: two things may have the same time.
 */
export interface PollCode<Settings, I extends Schema, O extends Schema> {
  poll(
    context: Context<Settings>,
    question: { readonly input: From<I>; readonly cursor?: string | undefined },
  ): Promise<Outcome<Polled<From<O>>>>;
}

/** Reads a delivery at the connection's webhook address, verified by the plugin's `webhook`. One that tells nothing new gives no items. */
export interface ReadCode<Settings, I extends Schema, O extends Schema> {
  read(
    context: Context<Settings>,
    question: { readonly input: From<I>; readonly delivery: RawWebhook },
  ): Promise<readonly TriggerItem<From<O>>[]> | readonly TriggerItem<From<O>>[];
}

/** A finished trigger, as a plugin lists it: it polls or it reads deliveries. */
export interface Trigger<Settings = unknown> extends TriggerSpec {
  poll?(context: Context<Settings>, question: unknown): Promise<Outcome<unknown>>;
  read?(context: Context<Settings>, question: unknown): Promise<readonly unknown[]> | readonly unknown[];
}

/**
 * Writes a trigger in two parts, what it is and what it does:
 * `trigger<Settings>()({ name, input, output, … }).does({ poll })`, or `.does({ read })` when the provider pushes.
 */
export function trigger<Settings>() {
  return <const T extends TriggerSpec>(spec: T) => ({
    does: (code: PollCode<Settings, T['input'], T['output']> | ReadCode<Settings, T['input'], T['output']>): Trigger<Settings> =>
      ({ ...spec, ...(code as object) }) as Trigger<Settings>,
  });
}
