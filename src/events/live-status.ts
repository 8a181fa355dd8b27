/** One thing and what happens to it, for the page of whoever waits for it. */
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { SseStreams } from '../platform/http/sse.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import type { SubjectName } from './catalogue/subjects.ts';
import { toCloudEvent } from './cloud-event.ts';
import { EventReader } from './event-reader.ts';
import type { DomainEvent } from './event.ts';
import { LiveEvents } from './live-events.ts';

/** What is followed. */
export interface Followed {
  readonly tenantId: string;
  /** The key of the state in the first message: `payment`. */
  readonly name: SubjectName | 'checkout' | 'request';
  /** The subject of its events: `payment/pay_…`. */
  readonly subject: string;
  /** Its present state in wire form, or `undefined` when there is no such thing. Asked once, when nothing is resumed. */
  readonly state: () => Promise<Readonly<Record<string, unknown>> | undefined>;
}

@Injectable()
export class LiveStatus {
  constructor(
    private readonly live: LiveEvents,
    private readonly reader: EventReader,
    private readonly streams: SseStreams,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Turns `reply` into a stream: first a message `state` with how the thing is now, then each of its events as a CloudEvent. A client
   * that comes back with the id of the last message it saw gets the events after it and no state. Says `false`, and has answered
   * nothing, when there is no such thing.
   */
  async follow(reply: FastifyReply, { tenantId, name, subject, state }: Followed, after: bigint | undefined): Promise<boolean> {
    // The position comes first: what happens while the state is read comes as an event as well.
    const position = after ?? (await this.reader.end());
    const present = await state();
    if (present === undefined) return false;
    const client = this.streams.open(reply);
    this.metrics.streamClients.inc();
    client.signal.addEventListener('abort', () => this.metrics.streamClients.dec(), { once: true });
    if (after === undefined) client.send({ id: position.toString(), event: 'state', data: { [name]: present } });
    const watcher = {
      deliver: (event: DomainEvent) => client.send({ id: event.seq.toString(), data: toCloudEvent(event) }),
      tooSlow: () => client.end('too slow: come back with Last-Event-ID'),
    };
    await this.live
      .watch({ tenantId, types: new Set(), subject, after: position }, watcher, client.signal)
      .catch(() => client.end('come back with Last-Event-ID'));
    return true;
  }
}
