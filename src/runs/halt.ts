/** What makes a run end before its steps are through: a person who cancels it, or an event of its `stop-on`. */
import type { JournalEntry } from './journal-entry.ts';
import { inDoubt, type StepState } from './step-state.ts';

type CancelEntry = Extract<JournalEntry, { kind: 'cancel' }>;
type HeardEntry = Extract<JournalEntry, { kind: 'heard' }>;

export interface Halt {
  readonly why: 'cancelled' | 'stopped';
  readonly message: string;
  /** What was done is taken back first. */
  readonly undo: boolean;
  /** What is done after a failure, `undo` steps and the flow's `on-failure`, ends as well. */
  readonly final: boolean;
  /** A step whose outcome is unknown finds out before the run ends. */
  readonly settles: boolean;
}

/**
 * Tells whether a step with an unknown outcome finds out what became of it before the run ends. One that waits for a person does not
 * keep a person's cancel waiting: whoever cancels it there has seen the question.
 */
export function settlesFirst({ settles, why }: Halt, state: StepState): boolean {
  return settles && inDoubt(state) && (why === 'stopped' || state.attention === undefined);
}

/** @param cancels in their order: one with undo may be followed by one without, which ends the undoing too */
export function haltOf(cancels: readonly CancelEntry[], stoppedBy: HeardEntry | undefined): Halt | undefined {
  const [first] = cancels;
  if (first) {
    const last = cancels.find(({ undo }) => undo !== true);
    const { by, why } = last ?? first;
    const message = `Cancelled by ${by}${why === undefined || why === '' ? '.' : `: ${why}`}`;
    return { why: 'cancelled', message, undo: first.undo === true, final: last !== undefined, settles: last === undefined };
  }
  if (!stoppedBy) return undefined;
  return { why: 'stopped', message: `${stoppedBy.type} came, which ends this run.`, undo: false, final: false, settles: true };
}
