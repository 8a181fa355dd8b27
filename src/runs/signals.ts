/**
 * What a run may wait for from outside, and how it is told.
 *
 * A wait is a row, written in the flush that holds the journal entry of the step that waits. A signal is a row too, written by
 * whoever has news: the one that delivers events to waits (in the transaction that moves its cursor), a sub-flow (in the flush that
 * writes its end), a person's answer (in the transaction that takes it). The process that has the run in memory hands the signal to it,
 * or, when nobody has, whoever claims the run. The run records in its journal what it was told, and the signal and the wait are
 * deleted in that same flush: so a signal is acted upon once, whatever dies when.
 */
import type { FinalStatus, RunEvent } from './run.ts';

/** A step, or the whole run, waits for events. */
export interface EventInterest {
  /** Path of the step; empty for the flow's `stop-on`. */
  readonly step: string;
  /** Types of events. */
  readonly events: readonly string[];
  /**
   * `invoice.id=inv_…`: only events whose payload has this value there are offered. Absent: every event of the type is, and the run
   * decides.
   */
  readonly key?: string;
  /** Milliseconds since 1970: events recorded before it are not meant. */
  readonly since: number;
}

/** News for a run. `id` names the row, so that it can be deleted with what it caused. */
export type Signal = { readonly id: string; readonly step: string } & (
  | {
      /** Whether the event is meant is decided by the run: it may need its own values for that. */
      readonly kind: 'event';
      readonly event: RunEvent;
    }
  | { readonly kind: 'child'; readonly run: string; readonly status: FinalStatus; readonly message: string }
  | { readonly kind: 'answer'; readonly choice: string; readonly by: string; readonly note: string }
);

/** A run that another one starts: in the flush that holds the parent's entry about it, under an id that the entry names. */
export interface ChildStart {
  /** `uuid`. */
  readonly id: string;
  /** Name of the flow; its newest revision is taken. */
  readonly flow: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Who is told of its end; absent when nobody waits. */
  readonly parent: { readonly run: string; readonly step: string } | undefined;
  /** 1 for the child of a run that an event started. */
  readonly depth: number;
}

/** A question to a person, shown as a task until it is answered or taken back. */
export interface Question {
  readonly step: string;
  readonly text: string;
  /** A team or role; empty for everybody. */
  readonly who: string;
  readonly choices: readonly string[];
  /** Milliseconds since 1970 at which nobody waits for an answer any more. */
  readonly until: number | undefined;
}
