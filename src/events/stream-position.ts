import { requestErrors } from '../platform/http/request-errors.ts';

/** The largest `bigint` of the database. */
const LAST_POSITION = 2n ** 63n - 1n;

/** Where a client wants to go on, by its header Last-Event-ID. @throws request.format */
export function positionOf(lastEventId: string | undefined): bigint | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  if (!/^[0-9]{1,19}$/.test(lastEventId) || BigInt(lastEventId) > LAST_POSITION)
    throw requestErrors.format({ field: 'Last-Event-ID', accepted: 'the id of an event of this stream' });
  return BigInt(lastEventId);
}
