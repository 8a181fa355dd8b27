/**
 * One step that calls an action: intent on disk → call → outcome → next | again | look up | ask a person.
 *
 * What comes next is decided by `nextMove` from the step's state alone; this file makes it happen and records it, in the
 * order on which everything rests: an intent is on disk before its call leaves.
 */
import type { Gate, GuardedCall, Settlement } from '../guards/gate.ts';
import { awaitedNews, type ActionCall, type ActionDoor, type ActionManifest, type AwaitedNews } from '../plugin-host/action-call.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { eventKey } from './event-key.ts';
import { idempotencyKey } from './idempotency-key.ts';
import type { StepEntry, StepOutcome } from './journal-entry.ts';
import type { RunFacts } from './run.ts';
import { StepFailed, type StepRequest, type StepValue } from './run-context.ts';
import type { RunSettings } from './run-settings.ts';
import type { Signal } from './signals.ts';
import { isKeyTooOld, isListening, nextMove, type Move, type StepRules, type StepState } from './step-state.ts';
import { waitOut } from './wait-out.ts';

/** What `executeStep` needs of the run around it. */
export interface StepHost {
  readonly facts: RunFacts;
  readonly settings: RunSettings;
  readonly door: ActionDoor;
  /** What guards calls from outside the flow; absent where there is none, as in a dry run. */
  readonly gate: Gate | undefined;
  /** Name of the flow. */
  readonly flowName: string;
  now(): number;
  random(): number;
  /** A recorded value was computed again. @throws runs.replay-diverged when it is another one */
  compare(step: string, what: string, recorded: unknown, computed: unknown): void;
  /** Appends to the journal and brings `state` up to date. */
  record(state: StepState, entry: StepEntry): void;
  /** Resolves when everything recorded so far is on disk, and a call may leave. */
  commit(): Promise<void>;
  /** Whether a request of this run may be written to the wire now; see {@link ActionCall.mayLeave}. */
  mayLeave(): boolean;
  /** Resolves when the run itself is on disk: a new one may still turn out to be of an event that is known. */
  onDisk(): Promise<void>;
  /** Resolves when somebody has woken the step: its state has changed. May never settle. @throws RunInterrupted */
  rest(path: string, state: StepState, until: number | undefined): Promise<void>;
  /**
   * Rests until a signal has told the step something, its moment has come, or somebody has woken it. `take` says what a signal comes to;
   * nothing when it is not meant.
   */
  listen(path: string, state: StepState, take: (signal: Signal) => StepEntry | undefined): Promise<void>;
}

/**
 * Brings the step to its result.
 *
 * @param state where it stands by the journal; changed in place
 * @param checkInterrupt throws RunInterrupted when nothing new may be begun and `state` does not have to be found out first
 * @throws StepFailed, RunInterrupted; runs.replay-diverged when the journal has another call at this path
 */
export async function executeStep(host: StepHost, request: StepRequest, state: StepState, checkInterrupt: () => void): Promise<StepValue> {
  const { path } = request;
  // A step that slept before it sent anything was a wait.
  if (state.attempt === 0 && state.action === undefined && (state.rested || state.sleepUntil !== undefined)) {
    host.compare(path, 'verb', 'wait', 'do');
  }
  if (state.input !== undefined) {
    host.compare(path, 'action', state.action, request.action);
    if (!state.stands) host.compare(path, 'input', state.input, request.input);
  }
  for (;;) {
    const move = nextMove(state, rulesOf(host, request, state), host.now(), host.random());
    if (move.do === 'done' || move.do === 'fail') {
      const settling = settle(host, request, state, move);
      if (settling) await settling;
    }
    if (move.do === 'done') return valueOf(move.outcome);
    if (move.do === 'fail') throw new StepFailed(move.message, [path], move.code);
    // A call that a crash left without an answer is asked about before the branch ends: nothing unknown is dropped silently.
    if (!state.open || state.attention !== undefined) checkInterrupt();
    if (move.do !== 'rest' && manifestsFor(host, request, state).length === 0) await waitForPlugin(host, request, state);
    else await make(move, host, request, state);
  }
}

/** Its plugin does not run here: it was refused at the start, or taken away. The run is kept; another process may have the plugin. */
async function waitForPlugin(host: StepHost, request: StepRequest, state: StepState): Promise<void> {
  const { path: step, action } = request;
  const at = host.now();
  const until = at + (host.settings.authScheduleMs[0] ?? 0);
  host.record(state, { kind: 'parked', step, at, action, message: `No plugin that runs offers ${action}.`, until });
  await host.rest(step, state, until);
}

async function make(move: Exclude<Move, { do: 'done' | 'fail' }>, host: StepHost, request: StepRequest, state: StepState): Promise<void> {
  const step = request.path;
  switch (move.do) {
    case 'send':
      return send(move, host, request, state);
    case 'ask': {
      const outcome = await host.door.lookup(callOf(host, request, state));
      return host.record(state, { kind: 'ask', step, at: host.now(), outcome });
    }
    case 'sleep': {
      const message = state.outcome && 'message' in state.outcome ? state.outcome.message : '';
      if (move.because && state.attention === undefined)
        host.record(state, { kind: 'attention', step, at: host.now(), why: move.because, message });
      const news = awaitedNews(state.outcome);
      if (!news) host.record(state, { kind: 'sleep', step, until: move.until });
      else host.record(state, { kind: 'listen', step, at: host.now(), ...interestIn(news, state), until: move.until });
      return restAt(host, step, state, move.until);
    }
    case 'attention':
      host.record(state, { kind: 'attention', step, at: host.now(), why: 'unknown-outcome', message: move.message });
      return host.rest(step, state, undefined);
    case 'rest':
      return restAt(host, step, state, move.until);
  }
}

/**
 * No news is lost between the answer "not yet" and the row of the wait. The question was asked first, so what it was told holds what was
 * committed before. Whatever was recorded after is found by the wait: behind its row in the log whichever is committed first, before
 * it because the wait looks back to `since`. That is a minute before the question left, longer than a transaction takes that had written its
 * event then and had not committed. Looking back finds news that was heard already: it wakes the step once only.
 */
function interestIn(
  { events, path, value }: AwaitedNews,
  { sentAt }: StepState,
): { events: readonly string[]; key: string; since: number } {
  return { events, key: eventKey(path, value), since: sentAt - LONGEST_TRANSACTION_MS };
}

const LONGEST_TRANSACTION_MS = 60_000;

/** Rests, and hears of the news that the step waits for, if it waits for any. */
function restAt(host: StepHost, step: string, state: StepState, until: number | undefined): Promise<void> {
  if (!isListening(state)) return host.rest(step, state, until);
  return host.listen(step, state, (signal) => {
    if (signal.kind !== 'event' || state.wokenBy.includes(signal.event.id)) return undefined;
    return { kind: 'woke', step, at: host.now(), event: signal.event.id };
  });
}

async function send(move: Extract<Move, { do: 'send' }>, host: StepHost, request: StepRequest, state: StepState): Promise<void> {
  // A repeat goes out with the very input of the first attempt, in the same order of keys: providers compare bytes.
  const input = state.input ?? request.input;
  const via = state.input === undefined ? await resolveConnection(host, request) : { connection: state.connection, plugin: state.plugin };
  if ('kind' in via)
    return host.record(state, { kind: 'settled', step: request.path, at: host.now(), action: request.action, input, outcome: via });
  const { group, attempt } = move;
  const manifest = watchedManifest(host, request, via);
  if (manifest && !(await passGate(host, guardedCall(host, request, { ...state, ...via, group, input }, manifest), state))) return;
  host.record(state, {
    kind: 'intent',
    step: request.path,
    at: host.now(),
    action: request.action,
    group,
    attempt,
    ...(via.connection !== undefined && { connection: via.connection }),
    ...(via.plugin !== undefined && { plugin: via.plugin }),
    input,
  });
  crashPoint('step.intent.before');
  await host.commit();
  crashPoint('step.intent.after');
  if (state.wasParked) host.gate?.proceeded(host.facts.id, request.path);
  const isTooLate = state.doubtAt !== undefined && isKeyTooOld(state, rulesOf(host, request, state), host.now());
  const outcome = isTooLate ? NOT_SENT : await host.door.invoke(callOf(host, request, state));
  crashPoint('step.effect.after');
  host.record(state, { kind: 'answer', step: request.path, at: host.now(), outcome });
}

/** A commit may take as long as the database is away, and a key is remembered for so long. */
const NOT_SENT: StepOutcome = {
  kind: 'unknown',
  message: 'It was not sent again: it was held up until the provider may have forgotten the key of an earlier attempt.',
};

/** The action's manifest when a guard may have something to say to this call. */
function watchedManifest(host: StepHost, request: StepRequest, via: Pick<StepState, 'connection' | 'plugin'>): ActionManifest | undefined {
  const { gate, facts } = host;
  const [manifest] = gate ? manifestsFor(host, request, via) : [];
  return manifest && gate?.watches(facts.tenantId, manifest, via.connection) === true ? manifest : undefined;
}

/** Asks the gate; what it says against the call is recorded. @returns whether the call may be made */
async function passGate(host: StepHost, call: GuardedCall, state: StepState): Promise<boolean> {
  await host.onDisk();
  const verdict = await host.gate?.admit(call);
  const { step, input } = call;
  const action = call.manifest.name;
  switch (verdict?.kind) {
    case 'settled':
      host.record(state, { kind: 'settled', step, at: host.now(), action, input, outcome: verdict.outcome });
      return false;
    case 'park': {
      const { message, until } = verdict;
      host.record(state, { kind: 'parked', step, at: host.now(), action, message, ...(until !== undefined && { until }) });
      await host.rest(step, state, until);
      return false;
    }
    default:
      return true;
  }
}

/** Tells the gate how a guarded step ended; again when the run is taken up later, which changes nothing. */
function settle(
  host: StepHost,
  request: StepRequest,
  state: StepState,
  move: Extract<Move, { do: 'done' | 'fail' }>,
): Promise<void> | undefined {
  if (!host.gate) return undefined;
  const [manifest] = manifestsFor(host, request, state);
  if (!manifest || !host.gate.settles(manifest)) return undefined;
  const done: Settlement | undefined = move.do === 'done' && move.outcome.kind === 'ok' ? { ...move.outcome, kind: 'done' } : undefined;
  return host.gate.settle(guardedCall(host, request, state, manifest), done ?? { kind: 'not-done' });
}

function guardedCall(
  { facts, flowName }: StepHost,
  { path, input }: StepRequest,
  state: Pick<StepState, 'connection' | 'group' | 'input' | 'wasParked'>,
  manifest: ActionManifest,
): GuardedCall {
  const { tenantId, id, event, parent } = facts;
  return {
    tenantId,
    runId: id,
    step: path,
    flow: flowName,
    cause: event?.id ?? (parent ? `${parent.run}/${parent.step}` : id),
    use: idempotencyKey(tenantId, id, path, state.group),
    manifest,
    connectionId: state.connection,
    input: state.input ?? input,
    returning: state.wasParked,
  };
}

/** @returns a failure, to be recorded like any other, when there is no connection that it could be: another time there may be one */
async function resolveConnection(
  host: StepHost,
  request: StepRequest,
): Promise<Pick<StepState, 'connection' | 'plugin'> | Extract<StepOutcome, { kind: 'failed' }>> {
  try {
    const chosen = await waitOut(() => host.door.resolveConnection(host.facts.tenantId, request.action, request.via));
    // Named where it matters: it would be in every intent.
    const isOneOfSeveral = manifestsOf(host.door, request.action).length > 1;
    return { connection: chosen?.id, plugin: isOneOfSeveral ? chosen?.plugin : undefined };
  } catch (error) {
    if (isKassaflowError(error)) return { kind: 'failed', reason: 'permanent', code: error.code, message: error.message };
    throw error;
  }
}

function callOf(host: StepHost, request: StepRequest, state: StepState): ActionCall {
  const { facts, settings } = host;
  return {
    tenantId: facts.tenantId,
    action: request.action,
    ...(state.connection !== undefined && { connectionId: state.connection }),
    input: state.input ?? request.input,
    idempotencyKey: idempotencyKey(facts.tenantId, facts.id, request.path, state.group),
    attempt: state.attempt,
    runId: facts.id,
    step: request.path,
    timeoutMs: request.timeoutMs ?? manifestsFor(host, request, state)[0]?.timeoutMs ?? settings.stepTimeoutMs,
    mayLeave: () => host.mayLeave(),
  };
}

const byName = new WeakMap<readonly ActionManifest[], Map<string, ActionManifest[]>>();

/** Manifests by action; several plugins may offer the same action. The door's list is a new one whenever it changes. */
function manifestsOf(door: ActionDoor, action: string): readonly ActionManifest[] {
  const all = door.manifests();
  let names = byName.get(all);
  if (!names) {
    names = Map.groupBy(all, ({ name }) => name);
    byName.set(all, names);
  }
  return names.get(action) ?? [];
}

/** The one of the plugin that the step was led to; all of them while it was led to none, or when that plugin is away. */
function manifestsFor(host: StepHost, request: StepRequest, { plugin }: Pick<StepState, 'plugin'>): readonly ActionManifest[] {
  const all = manifestsOf(host.door, request.action);
  // Asked several times a step, and nearly every action is offered by one plugin.
  if (all.length < 2) return all;
  const own = all.filter((manifest) => manifest.plugin === plugin);
  return own.length > 0 ? own : all;
}

/** Where it is not known which plugin's rules hold, the most careful ones do. */
function rulesOf(host: StepHost, request: StepRequest, state: StepState): StepRules {
  const manifests = manifestsFor(host, request, state);
  const effect = manifests[0]?.effect ?? 'once';
  return {
    effect: manifests.every((manifest) => manifest.effect === effect) ? effect : 'once',
    keyTtlMs: manifests.length === 0 ? 0 : Math.min(...manifests.map(({ keyTtlMs }) => keyTtlMs ?? 0)),
    // A plugin that is away may be one that moves money.
    movesMoney: manifests.length === 0 || manifests.some(({ movesMoney }) => movesMoney === true),
    retry: request.retry,
    onUnknown: request.onUnknown,
    unknownScheduleMs: host.settings.unknownScheduleMs,
    authScheduleMs: host.settings.authScheduleMs,
  };
}

function valueOf(outcome: StepOutcome): StepValue {
  if (outcome.kind === 'ok') return { status: 'ok', reference: outcome.reference, ...outcome.value, outcome: 'ok' };
  if (outcome.kind === 'declined') return { status: 'declined', code: outcome.code, message: outcome.message, outcome: 'declined' };
  throw new TypeError(`valueOf: a step does not end with an outcome of the kind ${outcome.kind}`);
}
