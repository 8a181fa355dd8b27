/**
 * How far an event is from the outside: event → run → `emit` → event → run → …
 *
 * The depth of an event that a run records stands in its source (`/kassaflow/flows/3`), so that every other event, and the way of
 * an event to its runs, carries nothing for it. A run has the depth of the event that started it, a run that another one starts
 * has the depth of that one. An event deeper than {@link DEEPEST} starts nothing: flows that start each other in a circle come to
 * an end, and `run.chain-stopped` says so, once for each time that the limit is reached. What flows do about that event is deeper
 * still, so that it ends as well, in silence.
 *
 * Events that an action causes in the domain begin a chain of their own: between two of them lies a fact, such as a payment.
 */
import { idOf, newUuid } from '../kernel/ids.ts';
import type { EmittedEvent } from './journaled-run.ts';
import type { LiveRun } from './live-run.ts';
import type { RunFacts } from './run.ts';

/** Of the deepest event that still starts runs. No honest automation found in the field is as long. */
export const DEEPEST = 10;

const SOURCE = '/kassaflow/flows';
const DEEP_SOURCE = /^\/kassaflow\/flows\/([1-9][0-9]{0,3})$/;

/** The depth of an event: 0 for one that no run recorded. */
export function depthOfEvent(source: string): number {
  if (!source.startsWith(SOURCE)) return 0;
  return source === SOURCE ? 1 : Number(DEEP_SOURCE.exec(source)?.[1] ?? 0);
}

/** The source of an event of this depth, at least 1. */
export function sourceOfDepth(depth: number): string {
  return depth === 1 ? SOURCE : `${SOURCE}/${depth}`;
}

/** The depth of an event that a run with these facts records. */
export function depthFrom({ chain = 0 }: RunFacts): number {
  return chain + 1;
}

/** What says that `event` of `run` starts nothing. Its key follows from the event's, so it is recorded once. */
export function chainStopped({ facts, flow }: LiveRun, event: EmittedEvent): EmittedEvent {
  const id = idOf('run', facts.id);
  const reason = `The event ${event.type} is ${depthFrom(facts)} runs away from the outside and starts nothing more`;
  return {
    id: newUuid(),
    type: 'run.chain-stopped',
    subject: `run/${id}`,
    occurredAt: event.occurredAt,
    data: { run: { id, flow: flow.name, revision: facts.revision, step: '', reason }, event: event.type },
    key: `${event.key}/chain-stopped`,
  };
}
