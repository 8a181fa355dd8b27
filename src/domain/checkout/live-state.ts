import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { LiveEvents } from '../../events/live-events.ts';
import { SseStreams } from '../../platform/http/sse.ts';

/**
 * A thing's state as server-sent events. Every message is the whole state, and the first comes at once, so whoever comes back
 * after a broken line has missed nothing and needs no position.
 */
@Injectable()
export class LiveState {
  constructor(
    private readonly live: LiveEvents,
    private readonly streams: SseStreams,
  ) {}

  /**
   * Sends what `read` gives now, and again whenever an event about one of `subjects` is recorded. Call it after everything that
   * can be refused was checked.
   */
  async follow(reply: FastifyReply, tenantId: string, subjects: readonly string[], read: () => Promise<unknown>): Promise<void> {
    const client = this.streams.open(reply);
    const tell = async (): Promise<void> => {
      try {
        client.send({ data: await read() });
      } catch {
        client.end('come back');
      }
    };
    // One after the other, so that an older state never follows a newer one.
    let told = Promise.resolve();
    const watcher = {
      deliver: () => {
        told = told.then(tell);
        return !client.signal.aborted;
      },
      tooSlow: () => client.end('come back'),
    };
    try {
      for (const subject of subjects)
        await this.live.watch({ tenantId, types: new Set(), subject, after: undefined }, watcher, client.signal);
    } catch {
      client.end('come back');
    }
    // After the watches have begun, so that no change falls in between.
    watcher.deliver();
  }
}
