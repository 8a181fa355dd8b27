/** What the rest of the system may ask of the engine that runs flows. */
import type { Teams } from '../platform/auth/scopes.ts';
import type { Resolution } from './journal-entry.ts';

/** Somebody wants a flow to start. */
export interface ManualStart {
  readonly tenantId: string;
  /** Name of the flow; its newest revision is taken. */
  readonly flow: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Those of who starts it. */
  readonly teams: Teams;
}

/**
 * What a person may want of a run. Commands travel through the database, so any process takes them. What each comes to for a run
 * in each status is a table in docs/operations.md.
 *
 * `step` is a path, and may be left out when only one step is meant by what the command says.
 */
export type RunCommand =
  /** `undo`: what was done is taken back first, newest first. */
  | { readonly kind: 'cancel'; readonly undo?: boolean }
  /** From the steps that failed; everything before them stays done. `newest` moves the run to the newest revision first. */
  | { readonly kind: 'retry'; readonly revision?: 'same' | 'newest' }
  | { readonly kind: 'resolve'; readonly step?: string; readonly resolution: Resolution }
  /** The step that stands counts as skipped; `output` stands in for its result. */
  | { readonly kind: 'skip'; readonly step?: string; readonly output?: Readonly<Record<string, unknown>> }
  /** What is waited for is over now; `data`: as if the event of a `wait-for` had come with it. */
  | { readonly kind: 'resume'; readonly step?: string; readonly data?: Readonly<Record<string, unknown>> }
  /** The step is done with this input in place of its own, as a new attempt. */
  | { readonly kind: 'edit'; readonly step?: string; readonly input: Readonly<Record<string, unknown>> }
  /** The run goes on with the newest revision of its flow, if that can be proved to take the same way. */
  | { readonly kind: 'move' };

export type CommandKind = RunCommand['kind'];

export abstract class RunEngine {
  /**
   * Starts a flow by hand. Resolves with the run's `uuid` when it is on disk.
   * @throws flow.not-found, runs.not-manual, runs.team-required, runs.input-invalid, events.overloaded, events.unavailable
   */
  abstract start(request: ManualStart): Promise<string>;
  /** Looks for commands now, in place of at the next poll. */
  abstract nudge(): void;
}
