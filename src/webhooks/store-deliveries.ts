/**
 * Storing verified deliveries, many with one commit.
 *
 * While a commit of a tenant is under way, the deliveries that arrive wait for the next one: at little load each is committed by
 * itself and at once, at much load hundreds share a flush of the disk. Nobody is told that its delivery is stored before the commit
 * that has it. A batch that the database refuses is stored again one by one, so that one bad delivery costs no other its place.
 */
import { Injectable } from '@nestjs/common';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { isKassaflowError } from '../kernel/errors.ts';
import { newUuid } from '../kernel/ids.ts';
import { Database } from '../platform/database/transaction.ts';

/** A delivery that was verified. */
export interface VerifiedDelivery {
  readonly connectionId: string;
  readonly delivery: RawWebhook;
  /** The provider's id of the event. */
  readonly eventKey: string;
}

/** What became of it. */
export type Stored = 'stored' | 'duplicate';

interface Waiting extends VerifiedDelivery {
  readonly stored: (result: Stored) => void;
  readonly failed: (error: unknown) => void;
}

interface Queue {
  waiting: Waiting[];
  isCommitting: boolean;
}

/** With bodies of 4 KB a statement of 2 MB. */
const MOST_AT_ONCE = 500;

const STORE = `
insert into inbox (id, tenant_id, connection_id, event_key, headers, body, received_at, next_at)
select id, $1, connection_id, event_key, headers::jsonb, body, received_at, received_at
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[])
  as n (id, connection_id, event_key, headers, body, received_at)
on conflict (connection_id, event_key) do nothing returning id`;

@Injectable()
export class StoreDeliveries {
  readonly #queues = new Map<string, Queue>();

  constructor(private readonly database: Database) {}

  /** Resolves when it is on disk. */
  store(tenantId: string, delivery: VerifiedDelivery): Promise<Stored> {
    return new Promise((stored, failed) => {
      const queue = this.#queues.get(tenantId) ?? { waiting: [], isCommitting: false };
      this.#queues.set(tenantId, queue);
      queue.waiting.push({ ...delivery, stored, failed });
      if (!queue.isCommitting) void this.#commitAll(tenantId, queue);
    });
  }

  async #commitAll(tenantId: string, queue: Queue): Promise<void> {
    queue.isCommitting = true;
    while (queue.waiting.length > 0) {
      const batch = queue.waiting.slice(0, MOST_AT_ONCE);
      queue.waiting = queue.waiting.slice(MOST_AT_ONCE);
      await this.#commit(tenantId, batch);
    }
    this.#queues.delete(tenantId);
  }

  /** Never rejects. */
  async #commit(tenantId: string, batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.#insert(tenantId, batch);
      for (const [index, { stored }] of batch.entries()) stored(results[index] ?? 'duplicate');
    } catch (error) {
      // A database that is away, or whose answer got lost, says the same to all; each sender tries again.
      if (batch.length === 1 || isKassaflowError(error)) for (const { failed } of batch) failed(error);
      else for (const one of batch) await this.#commit(tenantId, [one]);
    }
  }

  #insert(tenantId: string, batch: readonly VerifiedDelivery[]): Promise<Stored[]> {
    const ids = batch.map(() => newUuid());
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.query<{ id: string }>(STORE, [
        tenantId,
        ids,
        batch.map(({ connectionId }) => connectionId),
        batch.map(({ eventKey }) => eventKey),
        batch.map(({ delivery }) => JSON.stringify(delivery.headers)),
        batch.map(({ delivery }) => Buffer.from(delivery.body)),
        batch.map(({ delivery }) => new Date(delivery.receivedAt)),
      ]);
      const isStored = new Set(rows.map(({ id }) => id));
      return ids.map((id) => (isStored.has(id) ? 'stored' : 'duplicate'));
    });
  }
}
