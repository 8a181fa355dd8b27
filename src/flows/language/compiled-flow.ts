/**
 * A flow as the interpreter walks it: checked, with expressions parsed and templates compiled.
 *
 * Made by `compile` from a published revision and kept in memory; the revision's text is what is stored. Every node has a
 * `path`, stable for the revision (`0.parallel.receipt.0`): it names a step in the journal and in idempotency keys.
 */
import type { Duration } from '../../kernel/duration.ts';
import type { SUBJECT_WORDS } from './names.ts';

/** The values that expressions and templates see, by root name: `event`, `payment`, `steps`, `vars`, … Plain JSON; money in its wire form. */
export type Scope = Readonly<Record<string, unknown>>;

/** The current state of these is read when a step starts and journaled: only those that the step mentions. */
export type Subject = (typeof SUBJECT_WORDS)[number];

/** A CEL expression. */
export interface Expression {
  readonly source: string;
  /** Root names that it reads. */
  readonly reads: ReadonlySet<string>;
  /** The value as plain JSON. @throws expression.* (a {@link KassaflowError}) with the reason and the place in the file */
  evaluate(scope: Scope): unknown;
}

/** What a `with:` value computes to. Objects and lists are walked; literals are themselves. */
export interface ValueTemplate {
  readonly reads: ReadonlySet<string>;
  /** @throws expression.* or template.* */
  evaluate(scope: Scope): unknown;
}

/** Only technical failures are retried. Delays in milliseconds; jitter is added by the engine. */
export type RetryPolicy =
  | { readonly kind: 'never' }
  | {
      readonly kind: 'backoff';
      readonly times: number;
      readonly firstMs: number;
      readonly factor: number;
      readonly longestMs: number;
      readonly withinMs?: number;
    };

/** Where the step stands in the file, for messages. 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

interface StepBase {
  readonly path: string;
  /** The author's `id`, by which later steps read its result as `steps.<id>`. */
  readonly id?: string;
  /** For people: the author's `name`, else the id, else what it does. */
  readonly title: string;
  readonly place: Place;
  /** `if` as is, `unless` negated; the step is skipped when it is false. Always gives a boolean. */
  readonly condition?: Expression;
  readonly timeoutMs?: number;
  /** `stop` lets the failure go up (default), `continue` ignores it, steps run instead. */
  readonly onFailure: 'stop' | 'continue' | readonly CompiledStep[];
  /** What takes the step back once it is done, when the run fails or is cancelled with undo. */
  readonly undo?: readonly CompiledStep[];
}

/** Which events of a type are meant. Everything that is given must hold; nothing given means every event of the type. */
export interface EventMatch {
  /**
   * A field of the arriving event's payload (`invoice.id`) and the value it must have, computed when the wait begins: waits are
   * found by it. From `same`, from a `one-per` that is the id of a subject, and from an equality in `where`. A value that is not a
   * text, a whole number or true/false finds nothing by itself: then every event of the type is looked at.
   */
  readonly key?: { readonly path: string; readonly value: Expression };
  /** `event` in it is the event that arrived; the other names are the run's, as they were when the wait began. */
  readonly where?: Expression;
  /** The flow's `one-per`, computed over the event that arrived: must equal the run's. */
  readonly onePer?: Expression;
}

export type CompiledStep = StepBase &
  (
    | {
        readonly verb: 'do';
        readonly action: string;
        readonly with: ValueTemplate;
        readonly via?: string;
        readonly retry: RetryPolicy;
        readonly onUnknown: 'resend' | 'ask';
      }
    | {
        readonly verb: 'wait';
        readonly duration?: Duration;
        readonly until?: Expression;
        readonly at?: { readonly hour: number; readonly minute: number };
      }
    | { readonly verb: 'branch'; readonly then: readonly CompiledStep[]; readonly else: readonly CompiledStep[] }
    | { readonly verb: 'choose'; readonly branches: readonly { readonly if?: Expression; readonly then: readonly CompiledStep[] }[] }
    | {
        readonly verb: 'parallel';
        readonly branches: Readonly<Record<string, readonly CompiledStep[]>>;
        readonly whenOneFails: 'finish-others' | 'stop-others';
      }
    | {
        readonly verb: 'wait-for';
        readonly events: readonly string[];
        readonly match: EventMatch;
        /** How long; without it for as long as it takes. */
        readonly within?: Duration;
        readonly onTimeout: readonly CompiledStep[];
      }
    | {
        /** Rounds of `steps`, as long as `until` does not hold; it is asked before each round and after the last. */
        readonly verb: 'repeat';
        readonly times?: number;
        readonly steps: readonly CompiledStep[];
        readonly until?: Expression;
        /** The time between the beginnings of two rounds. */
        readonly every?: Duration;
        /** Runs when `until` did not hold after the last round. */
        readonly otherwise: readonly CompiledStep[];
      }
    | {
        readonly verb: 'for-each';
        readonly list: Expression;
        /** The name by which `steps` read the element. */
        readonly as: string;
        readonly atOnce: number;
        readonly steps: readonly CompiledStep[];
      }
    | { readonly verb: 'run'; readonly flow: string; readonly with: ValueTemplate; readonly and: 'wait' | 'continue' }
    | {
        readonly verb: 'ask';
        readonly question: ValueTemplate;
        readonly who?: string;
        /** At least one. */
        readonly choices: readonly string[];
        readonly within?: Duration;
        readonly onTimeout: readonly CompiledStep[];
      }
    | { readonly verb: 'set'; readonly values: Readonly<Record<string, ValueTemplate>> }
    | { readonly verb: 'emit'; readonly event: string; readonly with: ValueTemplate }
    | { readonly verb: 'stop'; readonly reason: ValueTemplate }
    | { readonly verb: 'fail'; readonly reason: ValueTemplate }
  );

/** What starts the flow. */
export type CompiledTrigger =
  | { readonly kind: 'event'; readonly event: string; readonly provider?: string; readonly where?: Expression }
  | {
      readonly kind: 'schedule';
      /** As written: `every weekday at 09:00` or `0 9 * * 1-5`. */
      readonly text: string;
      /** Five fields; a phrase becomes one too. */
      readonly cron: string;
      readonly timeZone: string;
      /** What becomes of moments that passed while nobody was there. */
      readonly missed: 'run-once' | 'skip' | 'all';
    }
  | { readonly kind: 'plugin'; readonly trigger: string; readonly via?: string; readonly with: Readonly<Record<string, unknown>> }
  | { readonly kind: 'manual'; readonly inputs: Readonly<Record<string, unknown>>; readonly who?: string };

export interface CompiledFlow {
  readonly name: string;
  readonly title: string;
  readonly timeZone: string;
  readonly triggers: readonly CompiledTrigger[];
  /** `when` as is, `unless` negated. */
  readonly condition?: Expression;
  readonly onePer?: { readonly key: Expression; readonly ifRunning: 'skip' | 'queue' | 'replace' | 'parallel' };
  /** Events that end the run quietly, whatever it does. */
  readonly stopOn: readonly { readonly event: string; readonly match: EventMatch }[];
  readonly vars: Readonly<Record<string, unknown>>;
  readonly timeoutMs?: number;
  readonly steps: readonly CompiledStep[];
  readonly onFailure: readonly CompiledStep[];
}
