import { failed, type ActionSpec, type Failed, type Outcome } from '@kassaflow/plugin-sdk';

/** A part of the plugin contract beyond single actions: a plugin has it when the property is present. */
export type Capability = 'payments' | 'mandates' | 'accounting' | 'webhook';

/** What the core knows of an action: enough to check a flow, draw a form, validate a call and decide about repeats. */
export interface ActionManifest extends ActionSpec {
  /** `core` for built-in actions, else the plugin's id. */
  readonly plugin: string;
  /** A built-in action that works through any connection with this capability (`accounting.post`). */
  readonly uses?: Capability;
}

/** What a step was led to: the connection, and the plugin that its provider speaks through, which never changes. */
export interface ChosenConnection {
  /** `uuid` */
  readonly id: string;
  readonly plugin: string;
}

/** One attempt of one step. */
export interface ActionCall {
  readonly tenantId: string;
  readonly action: string;
  /** `uuid` of the connection that the step resolved to when it started; absent for built-in actions that need none. */
  readonly connectionId?: string;
  /** By the action's input schema; validated again at the door. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly idempotencyKey: string;
  readonly attempt: number;
  /** For logs and traces. */
  readonly runId: string;
  readonly step: string;
  /** Milliseconds for this attempt; the door aborts the call and answers `unknown` or `failed/temporary` when it is over. */
  readonly timeoutMs: number;
  /**
   * Asked directly before the first byte of each request is written: whether the run is still this process's. On `false` nothing is
   * written. Between the intent on disk and the wire lie a queue, the plugin's process and the gateway, and a process may be stopped
   * anywhere; who took the run over meanwhile finds out that nothing has happened, and sends it itself.
   */
  readonly mayLeave?: () => boolean;
}

/** The code of an answer that says: this process stood still, and nothing was sent. */
export const STOOD_STILL = 'action.stood-still';

/** The lease is being renewed meanwhile. */
const STOOD_STILL_MS = 500;

/** What a call comes to that {@link ActionCall.mayLeave} kept back. It uses up no attempt. */
export function stoodStill(): Failed {
  return failed('temporary', 'It was not sent: this process stood still, or the database did, and the run may be another’s.', {
    code: STOOD_STILL,
    retryAfterMs: STOOD_STILL_MS,
  });
}

/** The code of an answer that says: what this step began goes on, and it is to be asked again. */
export const STILL_WAITING = 'action.waiting';

/** Events that tell how it went on: of one of these types, with `value` at `path` of the payload (`payment.id`). */
export interface AwaitedNews {
  readonly events: readonly string[];
  readonly path: string;
  readonly value: string;
}

/** As {@link Failed}, of an action whose news is an event. Kept in the journal: a field may be added, never renamed. */
interface StillWaiting extends Failed {
  readonly awaits?: AwaitedNews;
}

/**
 * What a keyed built-in action answers while what it began is not decided: the run sleeps on disk and sends the same call again, with the
 * same key, after `afterMs`, or as soon as there is news. It uses up no attempt, however often.
 */
export function stillWaiting(message: string, afterMs: number, awaits?: AwaitedNews): Failed {
  const waiting: StillWaiting = {
    ...failed('temporary', message, { code: STILL_WAITING, retryAfterMs: afterMs }),
    ...(awaits && { awaits }),
  };
  return waiting;
}

/** What an action waits for. Plugins cannot say it: the door takes it over from built-in actions alone. */
export function awaitedNews(outcome: Outcome<unknown> | undefined): AwaitedNews | undefined {
  // Only `stillWaiting` makes such an answer.
  return outcome?.kind === 'failed' && outcome.code === STILL_WAITING ? (outcome as StillWaiting).awaits : undefined;
}

/** The outcome, with what the answer that it was read from waits for. */
export function withNews<T>(outcome: Outcome<T>, answer: Outcome<unknown>): Outcome<T> {
  const awaits = awaitedNews(answer);
  if (!awaits || outcome.kind !== 'failed') return outcome;
  const waiting: StillWaiting = { ...outcome, awaits };
  return waiting;
}

/**
 * The one door to every action, built in or of a plugin: validates input and output, applies time-out, breaker, rate limit
 * and metrics, and turns a crash, a hang or a lie of a plugin into an {@link Outcome}. Never rejects.
 */
export abstract class ActionDoor {
  /** Every action that can be called now, by name; several plugins may offer the same name with the same shape. */
  abstract manifests(): readonly ActionManifest[];
  /** The connection that `action` uses for `tenantId`: the one named `via`, or the only or default one that fits. */
  abstract resolveConnection(tenantId: string, action: string, via: string | undefined): Promise<ChosenConnection | undefined>;
  abstract invoke(call: ActionCall): Promise<Outcome<Readonly<Record<string, unknown>>>>;
  /** Asks what an earlier attempt came to; only for actions with the effect `lookup`. */
  abstract lookup(call: ActionCall): Promise<Outcome<Readonly<Record<string, unknown>> | undefined>>;
}
