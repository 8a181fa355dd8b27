/** What the rest of the system may ask of the engine that runs flows. */
import type { Resolution } from './journal-entry.ts';

/** Somebody wants a flow to start. */
export interface ManualStart {
  readonly tenantId: string;
  /** Name of the flow; its newest revision is taken. */
  readonly flow: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What a person may want of a run. Commands travel through the database, so any process takes them. */
export type RunCommand =
  | { readonly kind: 'cancel' }
  /** From the steps that failed; everything before them stays done. */
  | { readonly kind: 'retry' }
  /** `step` may be left out when only one waits. */
  | { readonly kind: 'resolve'; readonly step?: string; readonly resolution: Resolution };

export abstract class RunEngine {
  /**
   * Starts a flow by hand. Resolves with the run's `uuid` when it is on disk.
   * @throws flow.not-found, runs.not-manual, runs.input-invalid, events.overloaded, events.unavailable
   */
  abstract start(request: ManualStart): Promise<string>;
  /** Looks for commands now, in place of at the next poll. */
  abstract nudge(): void;
}
