/**
 * What a flow would do for an event, without any effect: the same run as in a test, with every action succeeding.
 *
 * The flow sees the subjects as the event carries them. Waits are over as soon as their time is: nothing else happens meanwhile.
 */
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import type { RunReason } from '../run.ts';
import type { Data, ExpectedStatus, Given } from './flow-test.ts';
import type { VirtualResult } from './run-result.ts';
import { runVirtually } from './virtual-run.ts';

/** One action that would be called. */
export interface DryStep {
  /** The step's id, else its action. */
  readonly step: string;
  readonly action: string;
  readonly path: string;
  readonly line: number;
  readonly input: Data;
  readonly at: string;
  /** Milliseconds after the beginning. */
  readonly afterMs: number;
  /** For an input that the action would refuse: why. */
  readonly problem?: string;
}

export interface DryRun {
  readonly flow: string;
  readonly status: ExpectedStatus;
  readonly reason: RunReason | null;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly steps: readonly DryStep[];
  /** Types of the events that it would record. */
  readonly emits: readonly string[];
}

/** An event that has happened. */
export interface GivenEvent {
  readonly type: string;
  readonly data: Data;
  readonly at: Date;
}

export function dryRunOfEvent(flow: CompiledFlow, vocabulary: Vocabulary, event: GivenEvent): Promise<DryRun> {
  return dryRun(flow, vocabulary, { kind: 'event', ...event });
}

export async function dryRun(flow: CompiledFlow, vocabulary: Vocabulary, given: Given): Promise<DryRun> {
  const { result } = await runVirtually({ flow, vocabulary, given });
  return described(flow, result);
}

function described(flow: CompiledFlow, { status, reason, startedAt, endedAt, trace }: VirtualResult): DryRun {
  return {
    flow: flow.name,
    status,
    reason: reason ?? null,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    steps: trace.calls.map(({ name, action, path, place, input, at, outcome }) => ({
      step: name,
      action,
      path,
      line: place.line,
      input,
      at: at.toISOString(),
      afterMs: at.getTime() - startedAt.getTime(),
      ...(outcome?.kind === 'failed' && { problem: outcome.message }),
    })),
    emits: trace.emits.map(({ type }) => type),
  };
}
