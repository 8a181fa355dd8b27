import type { Outcome } from '@kassaflow/plugin-sdk';
import type { ActionManifest } from '../plugin-host/action-call.ts';

/** A call that a step is about to make. */
export interface GuardedCall {
  readonly tenantId: string;
  /** `uuid`. */
  readonly runId: string;
  /** Path of the step, with its rounds: a flow that decides to do it again does so at another path. */
  readonly step: string;
  /** Name of the flow. */
  readonly flow: string;
  /** What the run goes back to, the same for every run of it: its event, else the step that started it, else the run itself. */
  readonly cause: string;
  /** The same for every attempt of one group, and for nothing else: what is counted for it is counted once. */
  readonly use: string;
  readonly manifest: ActionManifest;
  /** `uuid`; absent for actions that need none. */
  readonly connectionId: string | undefined;
  readonly input: Readonly<Record<string, unknown>>;
  /** The gate has let it rest before: it has stood in line. */
  readonly returning: boolean;
}

/** What a guard says to a call. */
export type Verdict =
  | { readonly kind: 'go' }
  /** Not now: the step rests, costs no attempt, and asks again once the moment has come or somebody wakes it. */
  | { readonly kind: 'park'; readonly message: string; readonly until: number | undefined }
  /** The call is not made; this is the step's outcome. */
  | { readonly kind: 'settled'; readonly outcome: Outcome<Readonly<Record<string, unknown>>> };

/** What became of a step whose call was let through. */
export type Settlement =
  | { readonly kind: 'done'; readonly reference: string; readonly value: Readonly<Record<string, unknown>> }
  /** It surely did not happen, or a person said so. */
  | { readonly kind: 'not-done' };

/**
 * The gate that every step's call goes through before its intent is written. What is decided is durable before the answer is given,
 * and asking again for the same attempt gives the same answer and counts nothing.
 *
 * `watches` and `settles` are asked on the path of every step and cost two look-ups in memory; the others only when they say yes.
 */
export abstract class Gate {
  /** Whether any guard may have something to say about this action for this tenant now. */
  abstract watches(tenantId: string, manifest: ActionManifest, connectionId: string | undefined): boolean;
  /** Resolves when it is decided; waits out a database that is away. Rejects only for a defect. */
  abstract admit(call: GuardedCall): Promise<Verdict>;
  /** Whether a guard wants to know how steps of this action end. */
  abstract settles(manifest: ActionManifest): boolean;
  /** Writes down how a step ended. Doing it again changes nothing. */
  abstract settle(call: GuardedCall, settlement: Settlement): Promise<void>;
  /** The step that was parked has gone on: its intent is on disk. */
  abstract proceeded(runId: string, step: string): void;
}
