import { Inject, Injectable } from '@nestjs/common';
import { EventIntake, type IncomingEvent, type Receipt } from '../../events/event-intake.ts';
import { LiveEvents } from '../../events/live-events.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { newUuid } from '../../kernel/ids.ts';
import { PostgresEngine } from './engine.ts';
import { eventDigest } from './flush-batch.ts';
import { FIND_KEYS } from './queries/find-keys.ts';

/** Takes events in on the run journal's own commit: one fsync for the event, its runs and their first intents. */
@Injectable()
export class PostgresIntake extends EventIntake {
  constructor(
    private readonly engine: PostgresEngine,
    private readonly pool: EnginePool,
    @Inject(LiveEvents) private readonly live: Pick<LiveEvents, 'wake'>,
  ) {
    super();
  }

  async accept(event: IncomingEvent): Promise<Receipt> {
    const eventId = newUuid();
    const result = await this.engine.accept({ ...event, id: eventId });
    if (result !== 'accepted') return this.#readBack(event);
    // Only whoever looks at a screen: what else waits for events is told by the engine, or looks by itself.
    this.live.wake();
    return { kind: 'accepted', eventId };
  }

  async #readBack({ tenantId, source, sourceId, bodyHash }: IncomingEvent): Promise<Receipt> {
    const { rows } = await this.pool.query<{ event_id: string; body_hash: Buffer }>(FIND_KEYS, [
      [tenantId],
      [eventDigest(source, sourceId)],
    ]);
    const first = rows[0];
    if (!first) throw new TypeError('accept: the key of a refused event is not there');
    return { kind: first.body_hash.equals(bodyHash) ? 'duplicate' : 'conflict', eventId: first.event_id };
  }
}
