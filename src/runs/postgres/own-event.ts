import { sourceOfDepth } from '../event-chain.ts';
import type { EmittedEvent } from '../journaled-run.ts';
import type { AskedQuestion, EventRow } from './flush-batch.ts';
import { idOf } from '../../kernel/ids.ts';

/** Events of flows are told apart by their key alone. */
const NO_HASH = new Uint8Array(32);

/** An event that a run records, as the flush writes it; whether it is routed is decided where it is. */
export function ownEvent(tenantId: string, { key, ...event }: EmittedEvent, depth = 1): Omit<EventRow, 'routed'> {
  return { ...event, tenantId, source: sourceOfDepth(depth), sourceId: key, bodyHash: NO_HASH };
}

/** What says that a person was asked. */
export function taskCreated({ id, run, question }: AskedQuestion, link: string, occurredAt: Date): EmittedEvent {
  const wire = idOf('tsk', id);
  const task = { id: wire, team: question.who, title: question.text, about: '', link, urgent: false };
  const key = `${run.facts.id}/ask/${question.step}/${id}`;
  return { id, type: 'task.created', subject: `task/${wire}`, occurredAt, data: { task }, key };
}
