/** A run for people: what each step did, from the entries of its journal. What people did is in `run-history.ts`. */
import type { JournalEntry, StepOutcome } from '../journal-entry.ts';

/** One try of a step. */
export interface AttemptView {
  readonly number: number;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Null while it is not known. */
  readonly outcome: StepOutcome | null;
}

export type StepKind =
  | 'action'
  | 'wait'
  | 'set'
  | 'skipped'
  | 'branch'
  | 'event'
  | 'wait-for'
  | 'question'
  | 'sub-flow'
  | 'round'
  | 'list'
  | 'time-limit'
  | 'undo';

export interface StepView {
  /** Path in the run, `0.parallel.receipt.0`. */
  readonly step: string;
  readonly kind: StepKind;
  readonly action: string | null;
  readonly status: 'running' | 'waiting' | 'attention' | 'parked' | 'done' | 'declined' | 'failed' | 'skipped';
  readonly connection: string | null;
  readonly input: unknown;
  readonly attempts: readonly AttemptView[];
  readonly waitsUntil: string | null;
  /** What it came to, for steps that call no action: the event, the answer, the end of the sub-flow. */
  readonly result: unknown;
  /** What people did to it, and why, in words. */
  readonly notes: readonly string[];
}

type Draft = {
  -readonly [K in keyof StepView]: K extends 'attempts'
    ? { -readonly [A in keyof AttemptView]: AttemptView[A] }[]
    : K extends 'notes'
      ? string[]
      : StepView[K];
};

/** Entries about a single step. */
type StepRelated = Exclude<JournalEntry, { kind: 'read' | 'stopped' | 'deadline' | 'done' }>;

/** Steps in the order in which they first recorded something. */
export function timelineOf(entries: Iterable<JournalEntry>): readonly StepView[] {
  const steps = new Map<string, Draft>();
  for (const entry of entries) {
    if (!('step' in entry) || entry.step === undefined || entry.step === '' || entry.kind === 'read' || entry.kind === 'stopped') continue;
    // A time limit of a whole step, and that it is done, are told by the step itself.
    if (entry.kind === 'deadline' || entry.kind === 'done') continue;
    const draft = steps.get(entry.step) ?? newDraft(entry.step);
    steps.set(entry.step, draft);
    show(draft, entry);
  }
  return [...steps.values()];
}

function newDraft(step: string): Draft {
  return {
    step,
    kind: 'action',
    action: null,
    status: 'running',
    connection: null,
    input: null,
    attempts: [],
    waitsUntil: null,
    result: null,
    notes: [],
  };
}

function show(draft: Draft, entry: StepRelated): void {
  switch (entry.kind) {
    case 'intent':
      Object.assign(draft, {
        action: entry.action,
        input: entry.input,
        connection: entry.connection ?? null,
        status: 'running',
        waitsUntil: null,
      });
      draft.attempts.push({ number: draft.attempts.length + 1, startedAt: iso(entry.at), finishedAt: null, outcome: null });
      return;
    case 'answer':
      return answered(draft, entry.outcome, entry.at);
    case 'ask':
      if (entry.outcome.kind === 'ok' && entry.outcome.value !== undefined)
        answered(draft, { ...entry.outcome, value: entry.outcome.value }, entry.at);
      return;
    case 'settled':
      Object.assign(draft, { action: entry.action, input: entry.input });
      draft.attempts.push({ number: draft.attempts.length + 1, startedAt: iso(entry.at), finishedAt: null, outcome: null });
      answered(draft, entry.outcome, entry.at);
      draft.notes.push('A guard answered for the action: it was not called.');
      return;
    case 'parked':
      Object.assign(draft, { action: entry.action, status: 'parked', waitsUntil: isoOrNull(entry.until) });
      draft.notes.push(`Kept from its call: ${entry.message}`);
      return;
    case 'sleep':
      if (draft.action === null) draft.kind = 'wait';
      Object.assign(draft, { status: draft.status === 'attention' ? 'attention' : 'waiting', waitsUntil: iso(entry.until) });
      return;
    case 'woke':
      Object.assign(draft, { status: draft.kind === 'action' ? 'running' : 'done', waitsUntil: null });
      if (entry.by !== undefined) draft.notes.push(who(entry.by, 'ended the wait', entry.why));
      return;
    case 'attention':
    case 'aside':
      draft.status = 'attention';
      draft.notes.push(entry.message);
      return;
    case 'resolved':
      draft.status = entry.resolution.decision === 'done' ? 'done' : entry.resolution.decision === 'fail' ? 'failed' : 'running';
      draft.notes.push(who(entry.by, RESOLVED[entry.resolution.decision], entry.why));
      return;
    case 'edited':
      Object.assign(draft, { action: entry.action, input: entry.input, status: 'running', waitsUntil: null });
      draft.notes.push(who(entry.by, 'gave it another input', entry.why));
      return;
    case 'skipped':
      Object.assign(draft, { status: 'skipped', waitsUntil: null, result: entry.output ?? null });
      draft.notes.push(who(entry.by, 'skipped it', entry.why));
      return;
    default:
      return showOther(draft, entry);
  }
}

/** Steps that call no action. */
function showOther(draft: Draft, entry: StepRelated): void {
  switch (entry.kind) {
    case 'listen':
      // One that has made its call waits for news of it, and is what it was.
      if (draft.action !== null) return void Object.assign(draft, { status: 'waiting', waitsUntil: isoOrNull(entry.until) });
      Object.assign(draft, { kind: 'wait-for', status: 'waiting', input: { events: entry.events }, waitsUntil: isoOrNull(entry.until) });
      return;
    case 'heard':
      Object.assign(draft, { status: 'done', waitsUntil: null, result: { event: entry.type, data: entry.data } });
      if (entry.by !== undefined) draft.notes.push(who(entry.by, 'stood in for the event', entry.why));
      return;
    case 'asked': {
      const { text, who: team, choices, until } = entry;
      Object.assign(draft, { kind: 'question', status: 'waiting', input: { text, who: team, choices }, waitsUntil: isoOrNull(until) });
      return;
    }
    case 'answered':
      Object.assign(draft, { status: 'done', waitsUntil: null, result: { choice: entry.choice } });
      draft.notes.push(who(entry.by, `answered ${entry.choice}`, entry.note));
      return;
    case 'child':
      Object.assign(draft, {
        kind: 'sub-flow',
        status: entry.waits ? 'waiting' : 'done',
        input: { flow: entry.flow, inputs: entry.inputs },
        result: { run: entry.run },
      });
      return;
    case 'child-ended':
      Object.assign(draft, { status: entry.status === 'failed' ? 'failed' : 'done', result: { run: entry.run, status: entry.status } });
      return;
    case 'set':
      Object.assign(draft, { kind: 'set', status: 'done', input: entry.values });
      return;
    case 'skip':
      Object.assign(draft, { kind: 'skipped', status: 'skipped' });
      return;
    case 'chose':
      Object.assign(draft, { kind: 'branch', status: 'done', input: { branch: entry.branch } });
      return;
    case 'round':
      Object.assign(draft, { kind: 'round', status: 'done', input: { again: entry.again } });
      return;
    case 'list':
      Object.assign(draft, { kind: 'list', status: 'done', input: { elements: entry.elements.length } });
      return;
    case 'emit':
      Object.assign(draft, { kind: 'event', status: 'done', input: { type: entry.type } });
      return;
    case 'undone':
      draft.notes.push('What it did was taken back.');
      return;
    case 'undo-failed':
      draft.status = 'attention';
      draft.notes.push(`What it did could not be taken back: ${entry.message}`);
      return;
    case 'timed-out':
      Object.assign(draft, { status: 'failed', waitsUntil: null });
      draft.notes.push('Its time was over.');
      return;
    default:
      // The others are shown above, or say nothing about a single step.
      return;
  }
}

const RESOLVED = {
  done: 'said that it was done',
  'not-done': 'said that it was not done: it was sent again',
  fail: 'said that it counts as failed',
} as const;

const STATUS = { ok: 'done', declined: 'declined', failed: 'failed', unknown: 'waiting' } as const;

function answered(draft: Draft, outcome: StepOutcome, at: number): void {
  draft.status = STATUS[outcome.kind];
  const last = draft.attempts.at(-1);
  if (last) Object.assign(last, { finishedAt: iso(at), outcome });
}

function who(by: string, did: string, why: string | undefined): string {
  return `${by} ${did}${why === undefined || why === '' ? '.' : `: ${why}`}`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function isoOrNull(at: number | undefined): string | null {
  return at === undefined ? null : iso(at);
}
