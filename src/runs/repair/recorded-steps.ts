/** What the steps of a run came to, read from its journal without running it: enough to say what a repair would do again. */
import type { JournalEntry } from '../journal-entry.ts';
import { applyEntry, newStepState, type StepState } from '../step-state.ts';

export interface RecordedSteps {
  /** Steps that called an action or slept, by path, as they stand. */
  readonly steps: ReadonlyMap<string, StepState>;
  /** Steps at which a retry would begin again; empty when the run has not failed. */
  readonly failed: readonly string[];
  /** The run was set aside. */
  readonly aside: boolean;
  readonly ended: boolean;
}

export function recordedSteps(entries: Iterable<JournalEntry>): RecordedSteps {
  const steps = new Map<string, StepState>();
  let end: Extract<JournalEntry, { kind: 'end' }> | undefined;
  let aside = false;
  for (const entry of entries) {
    switch (entry.kind) {
      case 'end':
        end = entry;
        break;
      case 'aside':
        aside = true;
        break;
      case 'retry':
        // What a retry begins again is forgotten: the failed steps, and the flow's on-failure, which ran because of them.
        if (!aside) for (const path of steps.keys()) if (end?.failed?.includes(path) === true || isHandler(path)) steps.delete(path);
        end = undefined;
        aside = false;
        break;
      case 'intent':
      case 'answer':
      case 'ask':
      case 'sleep':
      case 'parked':
      case 'settled':
      case 'woke':
      case 'attention':
      case 'resolved': {
        const state = steps.get(entry.step) ?? newStepState();
        steps.set(entry.step, state);
        applyEntry(state, entry);
        break;
      }
      default:
        // The other kinds call nothing.
        break;
    }
  }
  return { steps, failed: end?.failed ?? [], aside, ended: end !== undefined };
}

/** Tells whether a path is one of a step of the flow's `on-failure`. */
export function isHandler(path: string): boolean {
  return path.startsWith('on-failure.');
}
