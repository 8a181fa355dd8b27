/**
 * What one step has been through, and what is to be done next.
 *
 * A step's state is a fold over its journal entries, so a step that is resumed in another process stands exactly where it
 * stood. {@link nextMove} is a pure function of that state: the whole policy about repeats, questions and giving up is here,
 * and the picture of it is in README.md, "Step and attempt".
 */
import type { Effect } from '@kassaflow/plugin-sdk';
import { STILL_WAITING, STOOD_STILL } from '../plugin-host/action-call.ts';
import { NOT_LET_OUT } from '../plugin-host/connection-lane.ts';
import type { RetryPolicy } from '../flows/language/compiled-flow.ts';
import type { AttentionKind, Resolution, StepEntry, StepOutcome } from './journal-entry.ts';
import { pauseBefore } from './retry-pause.ts';

/** The state of a step; mutable, because it lives inside one `executeStep`. Times in milliseconds since 1970. */
export interface StepState {
  /** Attempt group: the idempotency key is the same within it. */
  group: number;
  /** Attempts sent in this group; 0 before the first. */
  attempt: number;
  /** Attempts that count against the retry policy. */
  burned: number;
  /** First attempt of this group. */
  firstAt: number;
  /** First attempt of this group that may have been carried out without an answer; after it the key may be forgotten. */
  doubtAt: number | undefined;
  /** When the last attempt left. */
  sentAt: number;
  /** An attempt was about to leave, and its answer is not recorded. */
  open: boolean;
  outcome: StepOutcome | undefined;
  /** Pauses taken because of an unknown outcome. */
  questions: number;
  /** Times that the provider has proven that nothing happened. */
  absences: number;
  /** A person has cut its last pause short. */
  hurried: boolean;
  /** Answers in a row that the connection is refused. */
  refusals: number;
  sleepUntil: number | undefined;
  /** The last pause is over and nothing was done since. */
  rested: boolean;
  /** Why a guard keeps it from its call. */
  parked: string | undefined;
  /** A guard has kept it from its call before. */
  wasParked: boolean;
  attention: AttentionKind | undefined;
  /** What the person was told; empty as long as nobody was. */
  attentionMessage: string;
  resolution: Resolution | undefined;
  connection: string | undefined;
  /** The connection's plugin, when several offer the action. */
  plugin: string | undefined;
  action: string | undefined;
  input: Readonly<Record<string, unknown>> | undefined;
  /** Its input stands, whatever the flow computes: a person gave it, or it was done before a retry that did earlier steps again. */
  stands: boolean;
  /** What it asked of the outside. */
  outward: Outward | undefined;
  /** What it was told from there. */
  told: Told | undefined;
  /** When its last rest was over. */
  overAt: number | undefined;
  /** Events that woke it, to ask how it went on. */
  wokenBy: readonly string[];
}

/** What begins a wait from outside. */
export type Outward = Extract<StepEntry, { kind: 'listen' | 'asked' | 'child' }>;

/** What ends a wait from outside. */
export type Told = Extract<StepEntry, { kind: 'heard' | 'answered' | 'child-ended' }>;

/** What the action and the flow say about repeating this step. */
export interface StepRules {
  readonly effect: Effect;
  readonly keyTtlMs: number | undefined;
  readonly movesMoney: boolean;
  readonly retry: RetryPolicy;
  readonly onUnknown: 'resend' | 'ask';
  readonly unknownScheduleMs: readonly number[];
  readonly authScheduleMs: readonly number[];
}

/** What to do next. */
export type Move =
  | { readonly do: 'send'; readonly group: number; readonly attempt: number }
  | { readonly do: 'ask' }
  | { readonly do: 'sleep'; readonly until: number; readonly because?: 'connection' }
  | { readonly do: 'attention'; readonly message: string }
  /** Asleep or waiting for a person already: nothing to record. */
  | { readonly do: 'rest'; readonly until: number | undefined }
  | { readonly do: 'done'; readonly outcome: StepOutcome }
  | { readonly do: 'fail'; readonly code: string; readonly message: string };

/** A key is trusted for this share of the time that the provider promises to remember it. */
export const KEY_TRUST = 0.8;
/** Searches of providers lag behind: one "not found" proves nothing (docs/decisions). */
const ABSENCES_NEEDED = 2;

const NO_EVENTS: readonly string[] = [];

/** A step that has not begun. `group` is above 1 after a retry of the run. */
export function newStepState(group = 1): StepState {
  return {
    group,
    attempt: 0,
    burned: 0,
    firstAt: 0,
    sentAt: 0,
    doubtAt: undefined,
    open: false,
    outcome: undefined,
    questions: 0,
    absences: 0,
    hurried: false,
    refusals: 0,
    sleepUntil: undefined,
    rested: false,
    parked: undefined,
    wasParked: false,
    attention: undefined,
    attentionMessage: '',
    resolution: undefined,
    connection: undefined,
    plugin: undefined,
    action: undefined,
    input: undefined,
    stands: false,
    outward: undefined,
    told: undefined,
    overAt: undefined,
    wokenBy: NO_EVENTS,
  };
}

/** Tells whether the step may have been carried out without our knowing: it must be found out before the step is left. */
export function inDoubt({ open, outcome }: StepState): boolean {
  return open || outcome?.kind === 'unknown';
}

/** Tells whether the step waits to be told something from outside. */
export function isListening({ outward, told, rested }: StepState): boolean {
  return outward !== undefined && told === undefined && !rested && (outward.kind !== 'child' || outward.waits);
}

/** Tells whether the step rests: it waits for a moment, a person, or something from outside. */
export function isResting(state: StepState): boolean {
  return state.sleepUntil !== undefined || state.parked !== undefined || state.attention !== undefined || isListening(state);
}

/** Tells whether an earlier attempt of this group may have been carried out so long ago that its key protects a repeat no more. */
export function isKeyTooOld({ doubtAt }: StepState, { effect, keyTtlMs = 0 }: StepRules, now: number): boolean {
  return effect === 'keyed' && doubtAt !== undefined && now - doubtAt > KEY_TRUST * keyTtlMs;
}

/** Brings `state` up to date with one more entry. */
export function applyEntry(state: StepState, entry: StepEntry): void {
  switch (entry.kind) {
    case 'intent':
      return applyIntent(state, entry);
    case 'answer':
      return applyAnswer(state, entry.outcome);
    case 'ask':
      return applyLookup(state, entry);
    case 'sleep':
      state.sleepUntil = entry.until;
      state.rested = false;
      if (state.outcome?.kind === 'unknown') state.questions += 1;
      return;
    case 'parked':
      state.action = entry.action;
      state.sleepUntil = entry.until;
      state.parked = entry.message;
      state.wasParked = true;
      return;
    case 'settled':
      state.action = entry.action;
      state.input = entry.input;
      state.attempt = Math.max(1, state.attempt);
      state.open = false;
      state.outcome = entry.outcome;
      return;
    case 'woke':
      state.parked = undefined;
      state.sleepUntil = undefined;
      state.rested = true;
      state.hurried = entry.by !== undefined;
      state.overAt = entry.at;
      if (entry.event !== undefined) state.wokenBy = [...state.wokenBy, entry.event];
      return;
    case 'listen':
    case 'asked':
    case 'child':
      state.outward = entry;
      state.sleepUntil = entry.kind === 'child' ? undefined : entry.until;
      return;
    case 'heard':
    case 'answered':
    case 'child-ended':
      state.told = entry;
      state.sleepUntil = undefined;
      state.overAt = entry.at;
      return;
    case 'edited':
      return applyEdit(state, entry);
    case 'attention':
      state.attention = entry.why;
      state.attentionMessage = entry.message;
      return;
    case 'resolved':
      return applyResolution(state, entry.resolution);
  }
}

/** Decides what comes next. `now` and `random` (0 to 1) are the only things from outside. */
export function nextMove(state: StepState, rules: StepRules, now: number, random: number): Move {
  const { resolution, outcome } = state;
  if (resolution?.decision === 'done') return { do: 'done', outcome: { kind: 'ok', value: resolution.output, reference: '' } };
  if (resolution?.decision === 'fail') return { do: 'fail', code: 'step.given-up', message: 'A person decided that this step failed.' };
  if (state.sleepUntil !== undefined || state.parked !== undefined) return { do: 'rest', until: state.sleepUntil };
  if (state.attention === 'unknown-outcome') return { do: 'rest', until: undefined };
  if (state.attempt === 0) return again(state);
  if (state.open || !outcome || outcome.kind === 'unknown') return whileInDoubt(state, rules, now, random);
  if (outcome.kind === 'failed') return afterFailure(state, rules, now, random);
  return { do: 'done', outcome };
}

function applyIntent(state: StepState, entry: Extract<StepEntry, { kind: 'intent' }>): void {
  if (state.open) state.doubtAt ??= state.firstAt;
  if (entry.attempt === 1) state.firstAt = entry.at;
  state.sentAt = entry.at;
  // News of the attempt before is waited for no more.
  state.outward = undefined;
  state.group = entry.group;
  state.attempt = entry.attempt;
  state.action = entry.action;
  state.input = entry.input;
  state.connection = entry.connection;
  state.plugin = entry.plugin;
  state.open = true;
  state.outcome = undefined;
  state.rested = false;
  state.absences = 0;
}

function applyAnswer(state: StepState, outcome: StepOutcome): void {
  const refused = outcome.kind === 'failed' && outcome.reason === 'auth';
  state.open = false;
  state.outcome = outcome;
  state.rested = false;
  state.refusals = refused ? state.refusals + 1 : 0;
  if (!refused && state.attention === 'connection') state.attention = undefined;
  if (outcome.kind === 'unknown') state.doubtAt ??= state.firstAt;
  if (outcome.kind === 'unknown' || (outcome.kind === 'failed' && !refused && !isNoAttempt(outcome))) state.burned += 1;
}

function applyLookup(state: StepState, { outcome }: Extract<StepEntry, { kind: 'ask' }>): void {
  state.open = false;
  state.rested = false;
  if (outcome.kind === 'ok' && outcome.value !== undefined) {
    state.outcome = { kind: 'ok', value: outcome.value, reference: outcome.reference };
  } else if (outcome.kind === 'declined') {
    state.outcome = outcome;
  } else {
    state.outcome = { kind: 'unknown', message: 'message' in outcome ? outcome.message : 'The provider has no trace of it.' };
    // The request may still be on its way: only what was asked after the pause proves something.
    if (outcome.kind === 'ok' && !state.hurried) state.absences += 1;
    if (state.absences >= ABSENCES_NEEDED) state.doubtAt = undefined;
  }
}

function applyResolution(state: StepState, resolution: Resolution): void {
  if (resolution.decision !== 'not-done') {
    state.resolution = resolution;
    state.attention = undefined;
    return;
  }
  const { action, input, connection, plugin, stands } = state;
  Object.assign(state, newStepState(state.group + 1), { action, input, connection, plugin, stands });
}

function applyEdit(state: StepState, { action, input, connection, plugin }: Extract<StepEntry, { kind: 'edited' }>): void {
  // One that was forgotten for a retry is in its new group already.
  const group = state.attempt === 0 ? state.group : state.group + 1;
  Object.assign(state, newStepState(group), { action, input, connection, plugin, stands: true });
}

function again(state: StepState): Move {
  return { do: 'send', group: state.group, attempt: state.attempt + 1 };
}

function whileInDoubt(state: StepState, rules: StepRules, now: number, random: number): Move {
  const asksPerson = rules.effect === 'once' && (rules.movesMoney || rules.onUnknown === 'ask');
  if (asksPerson) return person('It is not known whether this was done, and it may not be repeated.');
  if (rules.effect === 'read' || rules.effect === 'once')
    return state.open ? again(state) : afterTechnicalFailure(state, rules, now, random, 0);
  const overdue = rules.effect === 'keyed' && now - (state.doubtAt ?? state.firstAt) > KEY_TRUST * (rules.keyTtlMs ?? 0);
  if (overdue) return person('It is not known whether this was done, and the provider may have forgotten the key by now.');
  if (rules.effect === 'lookup' && state.absences >= ABSENCES_NEEDED) return again(state);
  if (state.open || state.rested) return rules.effect === 'keyed' ? again(state) : { do: 'ask' };
  const pause = rules.unknownScheduleMs[state.questions];
  return pause === undefined ? person('It could not be found out whether this was done.') : { do: 'sleep', until: now + pause };
}

function afterFailure(state: StepState, rules: StepRules, now: number, random: number): Move {
  const failed = state.outcome;
  if (failed?.kind !== 'failed') throw new TypeError('afterFailure: the step has not failed');
  switch (failed.reason) {
    case 'temporary':
    case 'rate-limited':
      if (isNoAttempt(failed) && !state.rested) return { do: 'sleep', until: now + (failed.retryAfterMs ?? 0) };
      return doubtTooOld(state, rules, now) ?? afterTechnicalFailure(state, rules, now, random, failed.retryAfterMs ?? 0);
    case 'auth': {
      // The connection may be refused for as long as it takes, and an earlier attempt's key be forgotten meanwhile.
      if (state.rested) return doubtTooOld(state, rules, now) ?? again(state);
      const pause = rules.authScheduleMs[state.refusals - 1] ?? rules.authScheduleMs.at(-1) ?? 60_000;
      return { do: 'sleep', until: now + pause, because: 'connection' };
    }
    case 'input':
    case 'permanent':
      return { do: 'fail', code: failed.code ?? `step.${failed.reason}`, message: failed.message };
  }
}

function doubtTooOld(state: StepState, rules: StepRules, now: number): Move | undefined {
  return isKeyTooOld(state, rules, now) ? person('An earlier attempt may have been carried out.') : undefined;
}

function afterTechnicalFailure(state: StepState, rules: StepRules, now: number, random: number, retryAfterMs: number): Move {
  if (state.rested) return again(state);
  const pause = pauseBefore(rules.retry, state.burned, now - state.firstAt, random);
  if (pause !== undefined) return { do: 'sleep', until: now + Math.max(pause, retryAfterMs) };
  const outcome = state.outcome;
  const message = outcome && 'message' in outcome ? outcome.message : 'There was no answer.';
  return { do: 'fail', code: (outcome?.kind === 'failed' ? outcome.code : undefined) ?? 'step.attempts-used-up', message };
}

/** It was turned away or kept back here, and the provider has not seen it; or what it began goes on. No attempt is used up. */
function isNoAttempt(outcome: StepOutcome): boolean {
  return outcome.kind === 'failed' && outcome.code !== undefined && NO_ATTEMPT.has(outcome.code);
}

const NO_ATTEMPT: ReadonlySet<string> = new Set([...NOT_LET_OUT, STILL_WAITING, STOOD_STILL]);

function person(message: string): Move {
  return { do: 'attention', message };
}
