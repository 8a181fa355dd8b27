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

/** Entries about one `do` or `wait` step; `step` is its path. `at` is milliseconds since 1970. */
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
  | { readonly kind: 'woke'; readonly step: string; readonly at: number }
  | { readonly kind: 'attention'; readonly step: string; readonly at: number; readonly why: AttentionKind; readonly message: string }
  | { readonly kind: 'resolved'; readonly step: string; readonly at: number; readonly by: string; readonly resolution: Resolution };

export type JournalEntry =
  | StepEntry
  | { readonly kind: 'read'; readonly step: string; readonly now?: string; readonly subjects?: Readonly<Record<string, unknown>> }
  | { readonly kind: 'set'; readonly step: string; readonly values: Readonly<Record<string, unknown>> }
  | { readonly kind: 'skip'; readonly step: string }
  | { readonly kind: 'chose'; readonly step: string; readonly branch: number }
  | { readonly kind: 'emit'; readonly step: string; readonly type: string; readonly event: string }
  | { readonly kind: 'stopped'; readonly step: string }
  /** The flow has a `timeout`: its steps may go on until this moment. */
  | { readonly kind: 'deadline'; readonly until: number }
  /** The deadline has passed: no step begins any more, except those of `on-failure`. */
  | { readonly kind: 'timed-out'; readonly at: number }
  /** The run never began, because a condition of its trigger cannot be computed. */
  | { readonly kind: 'unstartable'; readonly at: number; readonly reason: RunReason }
  /** Taken up again after its process had died. */
  | { readonly kind: 'resumed'; readonly at: number }
  /** Left alone until a person says `retry` or `cancel`. */
  | { readonly kind: 'aside'; readonly at: number; readonly step: string; readonly message: string }
  | { readonly kind: 'cancel'; readonly at: number; readonly by: string }
  | { readonly kind: 'retry'; readonly at: number; readonly by: string }
  | {
      readonly kind: 'end';
      readonly at: number;
      readonly status: FinalStatus;
      readonly reason?: RunReason;
      readonly failed?: readonly string[];
    };
