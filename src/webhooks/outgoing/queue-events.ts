import { Inject, Injectable } from '@nestjs/common';
import { EventReader } from '../../events/event-reader.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { Database } from '../../platform/database/transaction.ts';
import { enqueue } from './deliveries.ts';
import { wants } from './event-types.ts';

const PAGE = 500;

/**
 * Moves events from the log into the queues of endpoints. Each endpoint has a cursor, and it moves in the transaction that writes the
 * queue and only from where it was read: so every event is in every queue once, whichever processes do this, and wherever they die.
 */
@Injectable()
export class QueueEvents {
  constructor(
    private readonly database: Database,
    private readonly reader: EventReader,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Goes on from the endpoint's cursor by one page. Says whether there may be more. */
  async queue(tenantId: string, endpointId: string): Promise<boolean> {
    const [cursor] = await this.database.transact(tenantId, (tx) =>
      tx.query<{ seq: string }>(`select seq::text as seq from webhook_endpoint where id = $1 and state = 'active'`, [endpointId]),
    );
    if (!cursor) return false;
    const events = await this.reader.list(tenantId, {}, { after: BigInt(cursor.seq), limit: PAGE });
    const last = events.at(-1);
    if (!last) return false;
    crashPoint('outgoing.queued.before');
    await this.database.transact(tenantId, async (tx) => {
      const [moved] = await tx.query<{ types: string[] }>(
        'update webhook_endpoint set seq = $3 where id = $1 and seq = $2 returning types',
        [endpointId, cursor.seq, String(last.seq)],
      );
      if (!moved) return;
      // What became of its own deliveries is for others to hear.
      const itself = `webhook-endpoint/${idOf('whk', endpointId)}`;
      const wanted = events.filter(({ type, subject }) => subject !== itself && wants(moved.types, type));
      await enqueue(tx, endpointId, wanted, this.clock.now());
    });
    crashPoint('outgoing.queued.after');
    return events.length === PAGE;
  }
}
