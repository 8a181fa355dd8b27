/** A run for people: what each step did, from the entries of its journal. */
import type { JournalEntry, StepOutcome } from '../journal-entry.ts';

/** One try of a step. */
export interface AttemptView {
  readonly number: number;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Null while it is not known. */
  readonly outcome: StepOutcome | null;
}

export interface StepView {
  /** Path in the flow, `0.parallel.receipt.0`. */
  readonly step: string;
  readonly kind: 'action' | 'wait' | 'set' | 'skipped' | 'branch' | 'event';
  readonly action: string | null;
  readonly status: 'running' | 'waiting' | 'attention' | 'done' | 'declined' | 'failed' | 'skipped';
  readonly connection: string | null;
  readonly input: unknown;
  readonly attempts: readonly AttemptView[];
  readonly waitsUntil: string | null;
}

type Draft = {
  -readonly [K in keyof StepView]: K extends 'attempts' ? { -readonly [A in keyof AttemptView]: AttemptView[A] }[] : StepView[K];
};

/** Steps in the order in which they first recorded something. */
export function timelineOf(entries: Iterable<JournalEntry>): readonly StepView[] {
  const steps = new Map<string, Draft>();
  for (const entry of entries) {
    if (!('step' in entry) || entry.kind === 'read' || entry.kind === 'stopped') continue;
    const draft = steps.get(entry.step) ?? newDraft(entry.step);
    steps.set(entry.step, draft);
    show(draft, entry);
  }
  return [...steps.values()];
}

function newDraft(step: string): Draft {
  return { step, kind: 'action', action: null, status: 'running', connection: null, input: null, attempts: [], waitsUntil: null };
}

function show(draft: Draft, entry: Exclude<Extract<JournalEntry, { step: string }>, { kind: 'read' | 'stopped' }>): void {
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
    case 'sleep':
      if (draft.action === null) draft.kind = 'wait';
      Object.assign(draft, { status: draft.status === 'attention' ? 'attention' : 'waiting', waitsUntil: iso(entry.until) });
      return;
    case 'woke':
      Object.assign(draft, { status: draft.kind === 'wait' ? 'done' : 'running', waitsUntil: null });
      return;
    case 'attention':
    case 'aside':
      draft.status = 'attention';
      return;
    case 'resolved':
      draft.status = entry.resolution.decision === 'done' ? 'done' : entry.resolution.decision === 'fail' ? 'failed' : 'running';
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
    case 'emit':
      Object.assign(draft, { kind: 'event', status: 'done', input: { type: entry.type } });
  }
}

const STATUS = { ok: 'done', declined: 'declined', failed: 'failed', unknown: 'waiting' } as const;

function answered(draft: Draft, outcome: StepOutcome, at: number): void {
  draft.status = STATUS[outcome.kind];
  const last = draft.attempts.at(-1);
  if (last) Object.assign(last, { finishedAt: iso(at), outcome });
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
