/** What a run did, as a test and a dry run look at it: read from its journal alone. */
import type { CompiledFlow, Place } from '../../flows/language/compiled-flow.ts';
import type { JournalEntry, StepOutcome } from '../journal-entry.ts';
import type { Data } from './flow-test.ts';
import { nameOf, StepsByPath } from './step-names.ts';

/** One call of an action, or the start of another flow, whose name is then `action`. Repeats of the same call are attempts of one. */
export interface TracedCall {
  readonly path: string;
  /** What tests call it. */
  readonly name: string;
  readonly action: string;
  readonly place: Place;
  readonly input: Data;
  readonly at: Date;
  readonly attempts: number;
  /** How the last attempt ended; absent when there is no answer. */
  readonly outcome: StepOutcome | undefined;
}

export interface TracedEmit {
  readonly path: string;
  readonly type: string;
}

export interface Trace {
  readonly calls: readonly TracedCall[];
  readonly emits: readonly TracedEmit[];
}

/** The calls in the order in which they began. */
export function traceOf(flow: CompiledFlow, entries: readonly JournalEntry[]): Trace {
  const steps = new StepsByPath(flow);
  const calls = new Map<string, TracedCall>();
  const emits: TracedEmit[] = [];
  for (const entry of entries) {
    if (entry.kind === 'emit') emits.push({ path: entry.step, type: entry.type });
    if (entry.kind === 'child') {
      const { step: path, flow: action, inputs: input, at } = entry;
      calls.set(`${path}#${entry.run}`, { ...identityOf(steps, path, action), input, at: new Date(at), attempts: 1, outcome: undefined });
    }
    if (entry.kind === 'intent') {
      const { step: path, action, input, at, group } = entry;
      // A decision of a person makes a new call of the same step.
      const key = `${path}#${group}`;
      const known = calls.get(key);
      calls.set(
        key,
        known
          ? { ...known, attempts: known.attempts + 1 }
          : { ...identityOf(steps, path, action), input, at: new Date(at), attempts: 1, outcome: undefined },
      );
    }
    if (entry.kind === 'answer') {
      const key = [...calls.keys()].findLast((known) => known.startsWith(`${entry.step}#`));
      const known = key === undefined ? undefined : calls.get(key);
      if (key !== undefined && known) calls.set(key, { ...known, outcome: entry.outcome });
    }
  }
  return { calls: [...calls.values()], emits };
}

function identityOf(steps: StepsByPath, path: string, action: string): Pick<TracedCall, 'path' | 'name' | 'action' | 'place'> {
  const step = steps.at(path);
  return { path, action, name: step ? nameOf(step) : action, place: step?.place ?? { line: 1, column: 1 } };
}
