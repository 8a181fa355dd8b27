/** What happens, as server-sent events from the log: about one thing, after how it stands, or about many. */
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { SseStreams, type SseClient, type SseMessage } from '../platform/http/sse.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { messageOf } from './event-message.ts';
import { LiveEvents, type Watch, type Watching } from './live-events.ts';

/** What is followed. */
export interface Followed {
  readonly tenantId: string;
  /** The key of the state in the first message: `payment`. */
  readonly name: string;
  /** The subject of its events: `payment/pay_…`. */
  readonly subject: string;
  /** Its present state in wire form, or `undefined` when there is no such thing. */
  readonly state: () => Promise<object | undefined>;
}

/** What is sent before the first event, from a moment after the position; `undefined` to answer nothing at all. */
type Opening = (watching: Watching) => Promise<readonly SseMessage[] | undefined>;

const COME_BACK = 'come back with Last-Event-ID';

@Injectable()
export class LiveStatus {
  constructor(
    private readonly live: LiveEvents,
    private readonly streams: SseStreams,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Turns `reply` into a stream: first a message `state` with how the thing is now, then each of its events as a CloudEvent. A client
   * that comes back with the id of the last message it saw gets the events after it and no state, unless the log has not come to that id.
   * Says `false`, and has answered nothing, when there is no such thing.
   * @throws request.too-many-streams
   */
  follow(reply: FastifyReply, { tenantId, name, subject, state }: Followed, after: bigint | undefined): Promise<boolean> {
    return this.#open(reply, { tenantId, types: new Set(), about: [subject], after }, async ({ position, goesOn }) => {
      const present = await state();
      if (present === undefined) return undefined;
      return goesOn ? [] : [{ id: position.toString(), event: 'state', data: { [name]: present } }];
    });
  }

  /** Turns `reply` into a stream of the events of a watch. @throws request.too-many-streams */
  async stream(reply: FastifyReply, watch: Watch): Promise<void> {
    await this.#open(reply, watch, () => Promise.resolve([]));
  }

  async #open(reply: FastifyReply, watch: Watch, opening: Opening): Promise<boolean> {
    let client: SseClient | undefined;
    const watching = await this.live.watch(watch, {
      deliver: (event) => client?.sendText(messageOf(event)) ?? false,
      tooSlow: () => client?.end(COME_BACK),
    });
    try {
      // The position comes first: what happens while the state is read comes as an event as well.
      const messages = await opening(watching);
      if (!messages) return false;
      client = this.streams.open(reply);
      this.#count(client, () => watching.stop());
      for (const message of messages) client.send(message);
    } finally {
      if (!client) watching.stop();
    }
    await watching.begin().catch(() => client?.end(COME_BACK));
    return true;
  }

  #count({ signal }: SseClient, stop: () => void): void {
    const over = (): void => {
      this.metrics.streamClients.dec();
      stop();
    };
    this.metrics.streamClients.inc();
    if (signal.aborted) over();
    else signal.addEventListener('abort', over, { once: true });
  }
}
