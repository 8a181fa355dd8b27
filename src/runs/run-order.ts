/**
 * What people want of a run, as it reaches the run itself: checked against where the run stands, and turned into journal
 * entries. A run that was just loaded and has not begun is told by its history; one in memory by the step that rests there.
 *
 * Which orders make sense where is a table in docs/operations.md.
 */
import type { History } from './history.ts';
import type { JournalEntry, Resolution, StepEntry } from './journal-entry.ts';
import { inDoubt, isListening, isResting, type StepState } from './step-state.ts';

type OrderKind =
  | { readonly kind: 'cancel'; readonly undo?: boolean }
  /** `revision`: of the flow that the run was loaded with, when it is another one than before. */
  | { readonly kind: 'retry'; readonly revision?: number }
  | { readonly kind: 'resolve'; readonly step?: string; readonly resolution: Resolution }
  | { readonly kind: 'skip'; readonly step?: string; readonly output?: Readonly<Record<string, unknown>> }
  /** `data`: what a `wait-for` gets, as if its event had come; without it the wait is over as when its time is. */
  | { readonly kind: 'resume'; readonly step?: string; readonly data?: Readonly<Record<string, unknown>> }
  | { readonly kind: 'edit'; readonly step?: string; readonly input: Readonly<Record<string, unknown>> }
  /** The run was loaded with this revision of its flow, on which it was shown to take the same way. */
  | { readonly kind: 'move'; readonly revision: number };

/** `step` may be left out where only one is meant. `why` is kept in the journal. */
export type RunOrder = OrderKind & { readonly by: string; readonly why?: string };

/** Code of the reason why an order makes no sense for the run as it stands. */
export type OrderRefusal =
  | 'runs.finished'
  | 'runs.not-failed'
  | 'runs.no-attention'
  | 'runs.no-wait'
  | 'runs.no-standing-step'
  | 'runs.no-call'
  | 'runs.in-doubt'
  | 'runs.set-aside'
  | 'runs.in-memory';

/** The run, as orders see it. */
export interface OrderedRun {
  /** Its interpreter has begun: steps rest in memory, and its history is no longer asked. */
  readonly begun: boolean;
  readonly history: History | undefined;
  /** Steps that rest in memory. */
  readonly resting: readonly string[];
  now(): number;
  /** Where a step stands that rests in memory. */
  restingState(step: string): StepState | undefined;
  /** Records an entry about the run as a whole. */
  tell(entry: JournalEntry): void;
  /** Records entries about a step; in memory it goes on. */
  tellStep(step: string, entries: readonly StepEntry[]): void;
  /** Records that the step is skipped; in memory it ends there. */
  skip(entry: Extract<JournalEntry, { kind: 'skipped' }>): void;
  cancel(entry: Extract<JournalEntry, { kind: 'cancel' }>): void;
}

/** Carries out `order`. @returns why it makes no sense; `undefined` when it was carried out */
export function carryOut(order: RunOrder, run: OrderedRun): OrderRefusal | undefined {
  switch (order.kind) {
    case 'cancel':
      return cancel(order, run);
    case 'retry':
      return retry(order, run);
    case 'resolve':
      return resolve(order, run);
    case 'skip':
      return skip(order, run);
    case 'resume':
      return resume(order, run);
    case 'edit':
      return edit(order, run);
    case 'move':
      return move(order, run);
  }
}

type Order<K extends RunOrder['kind']> = Extract<RunOrder, { kind: K }>;

function cancel(order: Order<'cancel'>, run: OrderedRun): OrderRefusal | undefined {
  if (hasEnded(run)) return 'runs.finished';
  // Nobody knows what such a run would do: it is ended without another step.
  if (order.undo === true && run.history?.aside) return 'runs.set-aside';
  run.cancel({ kind: 'cancel', at: run.now(), ...person(order), ...(order.undo === true && { undo: true }) });
  return undefined;
}

function retry(order: Order<'retry'>, run: OrderedRun): OrderRefusal | undefined {
  // It leaves memory at once: whoever has set it aside, or has just told it something else.
  if (run.begun && run.history?.aside) return 'runs.in-memory';
  if (run.begun || (run.history?.end?.status !== 'failed' && !run.history?.aside)) return 'runs.not-failed';
  if (order.revision !== undefined) run.tell({ kind: 'moved', at: run.now(), ...person(order), revision: order.revision });
  run.tell({ kind: 'retry', at: run.now(), ...person(order) });
  return undefined;
}

function move(order: Order<'move'>, run: OrderedRun): OrderRefusal | undefined {
  if (run.begun) return 'runs.in-memory';
  if (hasEnded(run)) return 'runs.finished';
  run.tell({ kind: 'moved', at: run.now(), ...person(order), revision: order.revision });
  return undefined;
}

function resolve(order: Order<'resolve'>, run: OrderedRun): OrderRefusal | undefined {
  if (run.history?.aside) return 'runs.set-aside';
  const step = order.step ?? onlyOne(restingSteps(run).filter((path) => stateOf(run, path)?.attention !== undefined));
  const state = step === undefined ? undefined : stateOf(run, step);
  if (step === undefined || state?.attention === undefined) return 'runs.no-attention';
  const at = run.now();
  const woke: StepEntry = { kind: 'woke', step, at };
  const resolved: StepEntry = { kind: 'resolved', step, at, ...person(order), resolution: order.resolution };
  // A refused connection did nothing for certain: there is nothing to decide, only to try again.
  run.tellStep(step, [...(state.sleepUntil === undefined ? [] : [woke]), ...(state.attention === 'unknown-outcome' ? [resolved] : [])]);
  return undefined;
}

function skip(order: Order<'skip'>, run: OrderedRun): OrderRefusal | undefined {
  if (run.history?.aside) return 'runs.set-aside';
  const step = order.step ?? onlyOne(standingSteps(run));
  if (step === undefined || !standingSteps(run).includes(step)) return 'runs.no-standing-step';
  // The pause between two rounds is no step: to skip it is to end it.
  if (step.endsWith('.pause'))
    return resume({ kind: 'resume', step, by: order.by, ...(order.why !== undefined && { why: order.why }) }, run);
  run.skip({ kind: 'skipped', step, at: run.now(), ...person(order), ...(order.output && { output: order.output }) });
  return undefined;
}

function resume(order: Order<'resume'>, run: OrderedRun): OrderRefusal | undefined {
  // It goes nowhere by that: what it rests at is not what keeps it.
  if (run.history?.aside) return 'runs.set-aside';
  const step = order.step ?? onlyOne(restingSteps(run).filter((path) => canGoOn(stateOf(run, path))));
  const state = step === undefined ? undefined : stateOf(run, step);
  if (step === undefined || !state || !canGoOn(state)) return 'runs.no-wait';
  const { outward } = state;
  const at = run.now();
  // A step that has made its call hears of it only that there is news.
  const type = outward?.kind === 'listen' && state.action === undefined ? outward.events[0] : undefined;
  if (order.data && type === undefined) return 'runs.no-wait';
  run.tellStep(step, [
    order.data && type !== undefined
      ? { kind: 'heard', step, at, event: '', type, data: order.data, ...person(order) }
      : { kind: 'woke', step, at, ...person(order) },
  ]);
  return undefined;
}

/** A rest that ends by itself or by an event can be ended by a person. What waits for a decision, or for another run, cannot. */
function canGoOn(state: StepState | undefined): boolean {
  if (!state || state.attention === 'unknown-outcome') return false;
  return state.sleepUntil !== undefined || (isListening(state) && state.outward?.kind !== 'child');
}

function edit(order: Order<'edit'>, run: OrderedRun): OrderRefusal | undefined {
  if (run.history?.aside) return 'runs.set-aside';
  const step = order.step ?? onlyOne(standingSteps(run).filter((path) => stateOf(run, path)?.action !== undefined));
  const state = step !== undefined && standingSteps(run).includes(step) ? stateOf(run, step) : undefined;
  if (step === undefined || state?.action === undefined) return 'runs.no-call';
  // Another input is another call: not before it is known that the one before it did nothing.
  if (inDoubt(state) || state.doubtAt !== undefined) return 'runs.in-doubt';
  const { action, connection, plugin } = state;
  const at = run.now();
  run.tellStep(step, [
    {
      kind: 'edited',
      step,
      at,
      ...person(order),
      action,
      ...(connection !== undefined && { connection }),
      ...(plugin !== undefined && { plugin }),
      input: order.input,
    },
  ]);
  return undefined;
}

function hasEnded(run: OrderedRun): boolean {
  return !run.begun && run.history?.end !== undefined;
}

/** Steps at which the run stands: those that rest, or, when it failed, those that failed. */
function standingSteps(run: OrderedRun): readonly string[] {
  const end = run.begun ? undefined : run.history?.end;
  return end ? (end.failed ?? []) : restingSteps(run);
}

function restingSteps(run: OrderedRun): readonly string[] {
  if (run.begun) return run.resting;
  return run.history?.end ? [] : (run.history?.resting ?? []);
}

function stateOf(run: OrderedRun, step: string): StepState | undefined {
  if (run.begun) return run.restingState(step);
  const state = run.history?.peek(step);
  return state && (isResting(state) || run.history?.end) ? state : undefined;
}

function person({ by, why }: RunOrder): { readonly by: string; readonly why?: string } {
  return { by, ...(why !== undefined && why !== '' && { why }) };
}

function onlyOne(steps: readonly string[]): string | undefined {
  return steps.length === 1 ? steps[0] : undefined;
}
