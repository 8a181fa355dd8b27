import { formatMessage } from '../platform/http/sse.ts';
import { toCloudEvent } from './cloud-event.ts';
import type { DomainEvent } from './event.ts';

/** The reader hands the same object to all who watch, so it is written out once for all of them. */
const texts = new WeakMap<DomainEvent, string>();

/** An event as a message of an event stream: a CloudEvent, and its position to come back with. */
export function messageOf(event: DomainEvent): string {
  let text = texts.get(event);
  if (text === undefined) {
    text = formatMessage({ id: event.seq.toString(), data: toCloudEvent(event) });
    texts.set(event, text);
  }
  return text;
}
