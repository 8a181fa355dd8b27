/** What a run is, for every part of the engine. The states in prose: README.md. */

/** Statuses in which a run is not over. */
export type OpenStatus = 'running' | 'waiting' | 'attention';
/** Statuses in which it is; `failed` can be left by a retry. */
export type FinalStatus = 'completed' | 'stopped' | 'failed' | 'cancelled';
/** `queued`: its `one-per` key is taken and its turn comes; nobody has it in memory. */
export type RunStatus = 'queued' | OpenStatus | FinalStatus;

/** The event that started a run, as flows see it in `run.event`, with its payload. */
export interface RunEvent {
  /** `uuid`. */
  readonly id: string;
  readonly type: string;
  readonly occurredAt: Date;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What never changes about a run. */
export interface RunFacts {
  /** `uuid`; `run_…` on the wire. Ascending in time. */
  readonly id: string;
  readonly tenantId: string;
  readonly flowId: string;
  readonly revision: number;
  /** Absent when a person started it. */
  readonly event?: RunEvent;
  /** What a person filled in. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** The run that waits for this one's end, and the path of its step. */
  readonly parent?: { readonly run: string; readonly step: string };
  /** How many runs stand above this one; absent when none does. At most 5. */
  readonly depth?: number;
  /** How many events of runs lie behind the one that started this one, one after the other; absent for none: see event-chain.ts. */
  readonly chain?: number;
  /** The flow's `one-per` value: at most one open run has it. */
  readonly onePer?: string;
}

/** Why a run ended or stands still, for people. Small; never a payload. */
export interface RunReason {
  readonly message: string;
  /** Path of the step. */
  readonly step?: string;
  readonly code?: string;
  /** With the code {@link IN_DOUBT}: ISO 8601, when the call left of which nobody knows what became. */
  readonly since?: string;
}

/** The code of a run that stands at a call of which nobody knows whether it was carried out. Operators watch its age. */
export const IN_DOUBT = 'step.in-doubt';
