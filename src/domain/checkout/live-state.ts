import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { LiveEvents } from '../../events/live-events.ts';
import type { Follower } from '../../platform/auth/follower.ts';
import { SseStreams, type SseClient } from '../../platform/http/sse.ts';
import { Metrics } from '../../platform/observability/metrics.ts';

/** Whose events say that the state has changed, and who follows. */
export interface Watched {
  readonly tenantId: string;
  readonly subjects: readonly string[];
  /** `undefined` for a public page. */
  readonly holder?: Follower;
}

const COME_BACK = 'come back';

/**
 * A thing's state as server-sent events. Every message is the whole state, and the first comes at once, so whoever comes back
 * after a broken line has missed nothing and needs no position.
 */
@Injectable()
export class LiveState {
  constructor(
    private readonly live: LiveEvents,
    private readonly streams: SseStreams,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Sends what `read` gives now, and again whenever an event about one of its subjects is recorded. Call it after everything that
   * can be refused was checked.
   * @throws request.too-many-streams
   */
  async follow(reply: FastifyReply, { tenantId, subjects, holder }: Watched, read: () => Promise<unknown>): Promise<void> {
    let client: SseClient | undefined;
    // One after the other, so that an older state never follows a newer one; what changes meanwhile is told once.
    let telling: Promise<void> | undefined;
    let changed = false;
    const tell = async (): Promise<void> => {
      for (changed = true; changed && client?.signal.aborted === false;) {
        changed = false;
        const data = await read();
        client.send({ data });
      }
    };
    const soon = (): boolean => {
      changed = true;
      telling ??= tell()
        .catch(() => client?.end(COME_BACK))
        .finally(() => {
          telling = undefined;
          // Between the last look and here it may have changed again.
          if (changed && client?.signal.aborted === false) soon();
        });
      return client?.signal.aborted === false;
    };
    const watching = await this.live.watch(
      { tenantId, types: new Set(), about: subjects, after: undefined },
      { deliver: soon, tooSlow: () => client?.end(COME_BACK) },
    );
    try {
      client = this.streams.open(reply, holder);
    } finally {
      if (!client) watching.stop();
    }
    this.#count(client, () => watching.stop());
    // After the watch has begun, so that no change falls in between.
    soon();
    await watching.begin().catch(() => client?.end(COME_BACK));
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
