/**
 * The entries of a run's journal: everything a run was told from outside and everything it decided. README.md says when
 * each is written. Shapes are stored: a field may be added, never renamed, so that old runs can be read and resumed.
 */
import type { Outcome } from '@kassaflow/plugin-sdk';
import type { FinalStatus, RunReason } from './run.ts';

export type StepOutcome = Outcome<Readonly<Record<string, unknown>>>;
export type LookupOutcome = Outcome<Readonly<Record<string, unknown>> | undefined>;

/** What a person decided about a step with an unknown outcome. */
export type Resolution =
  /** It was done; `output` stands in for the answer. */
  | { readonly decision: 'done'; readonly output: Readonly<Record<string, unknown>> }
  /** It was not done: it is sent again under a new key. */
  | { readonly decision: 'not-done' }
  /** It counts as failed. */
  | { readonly decision: 'fail' };

/** `failed`: the run was set aside. */
export type AttentionKind = 'unknown-outcome' | 'connection' | 'failed';

/** Who had a hand in it, and why; absent where the run did it by itself. */
interface ByPerson {
  readonly by?: string;
  readonly why?: string;
}

/** Entries about one step that reaches out or rests; `step` is its path. `at` and `until` are milliseconds since 1970. */
export type StepEntry =
  | {
      readonly kind: 'intent';
      readonly step: string;
      readonly at: number;
      readonly action: string;
      readonly group: number;
      readonly attempt: number;
      readonly connection?: string;
      /** The connection's plugin, where several offer the action: its rules about repeats hold. */
      readonly plugin?: string;
      readonly input: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'answer'; readonly step: string; readonly at: number; readonly outcome: StepOutcome }
  | { readonly kind: 'ask'; readonly step: string; readonly at: number; readonly outcome: LookupOutcome }
  | { readonly kind: 'sleep'; readonly step: string; readonly until: number }
  /** A guard keeps the call from being made now: until a moment, or until somebody releases what holds it. No attempt is used up. */
  | {
      readonly kind: 'parked';
      readonly step: string;
      readonly at: number;
      readonly action: string;
      readonly message: string;
      readonly until?: number;
    }
  /** A guard decided the step's outcome, or there is no connection for it: no call was made. */
  | {
      readonly kind: 'settled';
      readonly step: string;
      readonly at: number;
      readonly action: string;
      readonly input: Readonly<Record<string, unknown>>;
      readonly outcome: StepOutcome;
    }
  /** `event` is the `uuid` of the one that told how it went on; absent where the moment had come, or a person had a hand in it. */
  | ({ readonly kind: 'woke'; readonly step: string; readonly at: number; readonly event?: string } & ByPerson)
  | { readonly kind: 'attention'; readonly step: string; readonly at: number; readonly why: AttentionKind; readonly message: string }
  | {
      readonly kind: 'resolved';
      readonly step: string;
      readonly at: number;
      readonly by: string;
      readonly why?: string;
      readonly resolution: Resolution;
    }
  /** Waits for an event that was recorded at or after `since`, until `until` at the longest. Step '' is the flow's `stop-on`; a step that has made its call waits for news of it. */
  | {
      readonly kind: 'listen';
      readonly step: string;
      readonly at: number;
      readonly events: readonly string[];
      readonly key?: string;
      readonly since: number;
      readonly until?: number;
    }
  /** The event came. `event` is its `uuid`, empty when a person stood in for it. */
  | ({
      readonly kind: 'heard';
      readonly step: string;
      readonly at: number;
      readonly event: string;
      readonly type: string;
      readonly data: Readonly<Record<string, unknown>>;
    } & ByPerson)
  /** A person was asked. */
  | {
      readonly kind: 'asked';
      readonly step: string;
      readonly at: number;
      readonly text: string;
      readonly who: string;
      readonly choices: readonly string[];
      readonly until?: number;
    }
  | {
      readonly kind: 'answered';
      readonly step: string;
      readonly at: number;
      readonly choice: string;
      readonly by: string;
      readonly note: string;
    }
  /** Another run was started under this id; `waits` tells whether the step waits for its end. */
  | {
      readonly kind: 'child';
      readonly step: string;
      readonly at: number;
      readonly run: string;
      readonly flow: string;
      readonly inputs: Readonly<Record<string, unknown>>;
      readonly waits: boolean;
    }
  | {
      readonly kind: 'child-ended';
      readonly step: string;
      readonly at: number;
      readonly run: string;
      readonly status: FinalStatus;
      readonly message: string;
    }
  /** A person gave the call another input: a new attempt group. The connection is the one it had. */
  | {
      readonly kind: 'edited';
      readonly step: string;
      readonly at: number;
      readonly by: string;
      readonly why?: string;
      readonly action: string;
      readonly connection?: string;
      readonly plugin?: string;
      readonly input: Readonly<Record<string, unknown>>;
    };

export type JournalEntry =
  | StepEntry
  | { readonly kind: 'read'; readonly step: string; readonly now?: string; readonly subjects?: Readonly<Record<string, unknown>> }
  | { readonly kind: 'set'; readonly step: string; readonly values: Readonly<Record<string, unknown>> }
  | { readonly kind: 'skip'; readonly step: string }
  | { readonly kind: 'chose'; readonly step: string; readonly branch: number }
  | { readonly kind: 'emit'; readonly step: string; readonly type: string; readonly event: string }
  /** `by` is the branch that ended the others, by its place. */
  | { readonly kind: 'stopped'; readonly step: string; readonly by?: number }
  /** In a parallel group: the step failed, or stopped the run, by what the flow computes, so that a replay knows that it began. */
  | { readonly kind: 'left'; readonly step: string }
  /** Whether a `repeat` goes on; the step is the round, `0.repeat.2`. */
  | { readonly kind: 'round'; readonly step: string; readonly again: boolean }
  /** The elements of a `for-each`. */
  | { readonly kind: 'list'; readonly step: string; readonly elements: readonly unknown[] }
  /** The flow, or the step, has a `timeout`: what is in it may go on until this moment. */
  | { readonly kind: 'deadline'; readonly until: number; readonly step?: string }
  /** The deadline has passed: no step begins in it any more, except those of `on-failure`. */
  | { readonly kind: 'timed-out'; readonly at: number; readonly step?: string }
  /** A step with `undo` is done: it can be taken back. Their order is the order of these entries. */
  | { readonly kind: 'done'; readonly step: string }
  | { readonly kind: 'undone'; readonly step: string; readonly at: number }
  | { readonly kind: 'undo-failed'; readonly step: string; readonly at: number; readonly message: string }
  /** A person decided that the step counts as skipped; `output` stands in for its result. */
  | {
      readonly kind: 'skipped';
      readonly step: string;
      readonly at: number;
      readonly by: string;
      readonly why?: string;
      readonly output?: Readonly<Record<string, unknown>>;
    }
  /** From here on the run follows another revision of its flow. */
  | { readonly kind: 'moved'; readonly at: number; readonly by: string; readonly why?: string; readonly revision: number }
  /** The run never began, because a condition of its trigger cannot be computed. */
  | { readonly kind: 'unstartable'; readonly at: number; readonly reason: RunReason }
  /** Taken up again after its process had died. */
  | { readonly kind: 'resumed'; readonly at: number }
  /** Left alone until a person says `retry` or `cancel`. */
  | { readonly kind: 'aside'; readonly at: number; readonly step: string; readonly message: string }
  /** `undo`: what was done is taken back first. */
  | { readonly kind: 'cancel'; readonly at: number; readonly by: string; readonly why?: string; readonly undo?: true }
  | { readonly kind: 'retry'; readonly at: number; readonly by: string; readonly why?: string }
  | {
      readonly kind: 'end';
      readonly at: number;
      readonly status: FinalStatus;
      readonly reason?: RunReason;
      readonly failed?: readonly string[];
    };
