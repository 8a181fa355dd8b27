/** What a sender of events is told. */
import { isKassaflowError, type FieldProblem, type KassaflowError } from '../kernel/errors.ts';
import { idOf, type Id } from '../kernel/ids.ts';
import { internalErrors } from '../platform/http/request-errors.ts';
import { eventErrors } from './event-errors.ts';
import type { Receipt } from './event-intake.ts';

/** The event is on disk: now, or since it was sent before. */
export interface TakenIn {
  readonly id: Id<'evt'>;
  readonly duplicate: boolean;
}

/** What became of one event of a batch; in the order of the batch. */
export type BatchItem = (TakenIn & { readonly status: 200 | 202 }) | RefusedItem;

/** One event of a batch that was not taken in, and why. */
export interface RefusedItem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
}

/** 202 for a new event, 200 for a repeat. @throws events.id-reused */
export function receiptAnswer({ kind, eventId }: Receipt): { status: 200 | 202; body: TakenIn } {
  const id = idOf('evt', eventId);
  if (kind === 'conflict')
    throw eventErrors['id-reused']({ first: id }).with([{ pointer: '/id', code: 'events.id-reused', detail: `The first is ${id}` }]);
  return kind === 'accepted' ? { status: 202, body: { id, duplicate: false } } : { status: 200, body: { id, duplicate: true } };
}

/**
 * The answer to a batch: 202 when all were taken in, 200 when all were repeats, 207 when some were refused.
 * @throws the refusal itself when it was the same passing one for all (429, 503): the sender sends the whole batch again
 */
export function batchAnswer(outcomes: readonly PromiseSettledResult<ReturnType<typeof receiptAnswer>>[]): {
  status: 200 | 202 | 207;
  body: { items: readonly BatchItem[] };
} {
  const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [problemOfItem(outcome.reason)] : []));
  const [first] = refusals;
  if (first?.spec.remedy === 'retry' && refusals.length === outcomes.length && refusals.every(({ code }) => code === first.code))
    throw first;
  const items = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? taken(outcome.value) : refused(problemOfItem(outcome.reason))));
  const status = refusals.length > 0 ? 207 : items.some((item) => item.status === 202) ? 202 : 200;
  return { status, body: { items } };
}

function taken({ status, body }: ReturnType<typeof receiptAnswer>): BatchItem {
  return { status, ...body };
}

function refused({ code, spec, message, problems }: KassaflowError): RefusedItem {
  return { status: spec.status, code, detail: message, ...(problems.length > 0 && { errors: problems }) };
}

function problemOfItem(reason: unknown): KassaflowError {
  return isKassaflowError(reason) ? reason : internalErrors.unexpected({}, { cause: reason });
}
