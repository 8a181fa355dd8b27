import type { Context } from './context.ts';
import type { Effect } from './effect.ts';
import type { ActionGuards } from './guards.ts';
import type { Outcome } from './outcome.ts';
import type { From, Schema, Text } from './schema.ts';

/** What an action is, without its code: flows are checked and editors complete against this. */
export interface ActionSpec<I extends Schema = Schema, O extends Schema = Schema> {
  /** `subject.verb`, imperative: `sms.send`. Several plugins may offer the same action; the connection decides whose runs. */
  readonly name: string;
  readonly title: Text;
  readonly about: Text;
  readonly input: I;
  readonly output: O;
  readonly effect: Effect;
  /** With `keyed`: for how long the provider remembers a key, in milliseconds. */
  readonly keyTtlMs?: number;
  /** True when a repeat costs somebody money. Needs `keyed` or `lookup`; anything else does not compile and is refused at load. */
  readonly movesMoney?: boolean;
  /** What the guards against mistakes in flows look at: see {@link ActionGuards}. */
  readonly guards?: ActionGuards;
  /** Types of events that Kassaflow records because of this action (`credit.added`): a flow that starts from one and calls it is warned of. */
  readonly causes?: readonly string[];
  /** The action that puts this one back. */
  readonly undo?: string;
  /** How long one attempt may take; default 15 s. */
  readonly timeoutMs?: number;
  /** A typical output: shown when a person picks data, used by tests and dry runs. */
  readonly sample: From<O>;
}

/** The code of an action. */
export interface ActionCode<Settings, I extends Schema, O extends Schema> {
  run(context: Context<Settings>, input: From<I>): Promise<Outcome<From<O>>>;
  /**
   * Finds what an earlier attempt with the same `context.idempotencyKey` and input did.
   * `ok` with the value when it happened; `ok` with `undefined` only when the provider proves that it did not;
   * `failed` or `unknown` when it could not find out.
   */
  lookup?(context: Context<Settings>, input: From<I>): Promise<Outcome<From<O> | undefined>>;
}

/** A finished action, as a plugin lists it. */
export interface Action<Settings = unknown> extends ActionSpec {
  run(context: Context<Settings>, input: unknown): Promise<Outcome<unknown>>;
  lookup?(context: Context<Settings>, input: unknown): Promise<Outcome<unknown>>;
}

type Safe<T extends { effect: Effect; movesMoney?: boolean }> = T['movesMoney'] extends true
  ? T['effect'] extends 'keyed' | 'lookup'
    ? unknown
    : { effect: 'keyed' | 'lookup' }
  : unknown;
type Code<Settings, T extends ActionSpec> = T['effect'] extends 'lookup'
  ? Required<ActionCode<Settings, T['input'], T['output']>>
  : ActionCode<Settings, T['input'], T['output']>;

/**
 * Writes an action in two parts, what it is and what it does:
 * `action<Settings>()({ name, input, output, effect, … }).does({ run, lookup })`.
 * Two calls, because TypeScript widens the schemas of a single object literal before it types `run`.
 */
export function action<Settings>() {
  return <const T extends ActionSpec>(spec: T & Safe<T>) => ({
    does: (code: Code<Settings, T>): Action<Settings> =>
      ({ ...spec, ...(code as ActionCode<Settings, Schema, Schema>) }) as Action<Settings>,
  });
}
