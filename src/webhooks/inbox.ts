/**
 * Deliveries of providers as they came: verified, not yet understood.
 *
 * | state | what is true | leaves by |
 * |---|---|---|
 * | received | stored and answered with 200; `next_at` says when it is looked at | applied, ignored, orphan, failed |
 * | orphan | no payment of ours is known by it; perhaps our own answer from the provider is still on its way | applied; failed after 10 minutes |
 * | applied | what it told of was fetched and applied | – |
 * | ignored | it tells of nothing that concerns us | – |
 * | failed | it could not be applied; a person must look | replay: `POST /v1/inbox/{id}/replay` |
 *
 * One row per connection and provider event, so a delivery that is repeated is stored once. `next_at` is also the lease (`platform/lease.ts`): taking
 * a row moves it into the future in the same statement, so several processes share the work and one that dies gives its rows
 * back. `attempts` counts before the work begins, so a row that kills its process runs out of attempts as well.
 */
import { Injectable } from '@nestjs/common';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { idOf } from '../kernel/ids.ts';
import { Database, type Transaction } from '../platform/database/transaction.ts';
import { LEASE_MS } from '../platform/lease.ts';
import { Audit } from '../platform/tenancy/audit.ts';
import type { WebhookConnection } from '../plugin-host/provider-calls.ts';
import { webhookErrors } from './webhook-errors.ts';

export type InboxState = 'received' | 'applied' | 'ignored' | 'orphan' | 'failed';

/** A stored delivery that is this process's to handle until its lease ends. */
export interface InboxRow {
  readonly id: string;
  readonly connection: WebhookConnection;
  readonly delivery: Omit<RawWebhook, 'url'>;
  readonly attempts: number;
}

/** What became of a row; `againAt` keeps it in the queue. */
export interface InboxVerdict {
  readonly state: InboxState;
  readonly problem?: string;
  readonly againAt?: Date;
}

/** A delivery as operators see it. Its body stays inside: it is the payer's business. */
export interface InboxEntry {
  readonly id: string;
  readonly connectionId: string;
  /** The provider's id of the event. */
  readonly eventKey: string;
  readonly state: InboxState;
  readonly attempts: number;
  readonly receivedAt: Date;
  /** When it is looked at next. */
  readonly nextAt: Date | null;
  /** Why it could not be applied, the last time. */
  readonly problem: string | null;
}

@Injectable()
export class Inbox {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
  ) {}

  /** Takes up to `limit` rows of a tenant that are due, the oldest first. */
  take(tenantId: string, now: Date, limit: number): Promise<InboxRow[]> {
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.query<TakenRow>(
        `update inbox i set attempts = i.attempts + 1, next_at = $2
         from (select id from inbox where tenant_id = $4 and next_at <= $1 order by next_at limit $3 for update skip locked) due, connection c
         where i.id = due.id and c.id = i.connection_id
         returning i.id, i.connection_id, i.headers, i.body, i.received_at, i.attempts, c.plugin, c.mode`,
        [now, new Date(now.getTime() + LEASE_MS), limit, tenantId],
      );
      return rows.map((row) => ({
        id: row.id,
        connection: { tenantId, connectionId: row.connection_id, plugin: row.plugin, mode: row.mode },
        delivery: { method: 'POST', headers: row.headers, body: row.body, receivedAt: row.received_at.getTime() },
        attempts: row.attempts,
      }));
    });
  }

  /** Deliveries that are not as they should be: failed, orphans, and received ones that met a problem. Newest first. */
  troubled(
    tenantId: string,
    page: { readonly limit: number; readonly after?: string | undefined; readonly state?: InboxState | undefined },
  ): Promise<InboxEntry[]> {
    return this.database.transact(tenantId, (tx) =>
      tx.query<InboxEntry>(
        `select ${ENTRY} from inbox where (state in ('failed', 'orphan') or problem is not null)
           and ($1::text is null or state = $1) and ($2::uuid is null or id < $2) order by id desc limit $3`,
        [page.state ?? null, page.after ?? null, page.limit],
      ),
    );
  }

  /** Puts a delivery back in the queue as if it had just come. Replaying one that was applied changes nothing. @throws webhooks.unknown-delivery */
  replay(tenantId: string, id: string, now: Date, actor: string): Promise<InboxEntry> {
    return this.database.transact(tenantId, async (tx) => {
      const [entry] = await tx.query<InboxEntry>(
        `update inbox set state = 'received', attempts = 0, problem = null, next_at = $2 where id = $1 returning ${ENTRY}`,
        [id, now],
      );
      if (!entry) throw webhookErrors['unknown-delivery']();
      await this.audit.append(tx, { actor, action: 'webhook.replay', subject: `delivery/${idOf('dlv', id)}` });
      return entry;
    });
  }

  /** Says that rows which were taken are still in hand. */
  async renew(tenantId: string, ids: readonly string[], now: Date): Promise<void> {
    await this.database.transact(tenantId, (tx) =>
      tx.query('update inbox set next_at = $2 where id = any($1::uuid[]) and next_at is not null', [
        ids,
        new Date(now.getTime() + LEASE_MS),
      ]),
    );
  }

  /** Records what became of rows. */
  async settle(tenantId: string, verdicts: ReadonlyMap<string, InboxVerdict>): Promise<void> {
    if (verdicts.size > 0) await this.database.transact(tenantId, (tx) => settleAll(tx, verdicts));
  }
}

async function settleAll(tx: Transaction, verdicts: ReadonlyMap<string, InboxVerdict>): Promise<void> {
  const all = [...verdicts];
  await tx.query(
    `update inbox i set state = v.state, problem = v.problem, next_at = v.next_at
     from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as v (id, state, problem, next_at) where i.id = v.id`,
    [
      all.map(([id]) => id),
      all.map(([, { state }]) => state),
      all.map(([, { problem }]) => problem ?? null),
      all.map(([, { againAt }]) => againAt ?? null),
    ],
  );
}

const ENTRY = `id, connection_id as "connectionId", event_key as "eventKey", state, attempts, received_at as "receivedAt", next_at as "nextAt", problem`;

interface TakenRow {
  id: string;
  connection_id: string;
  headers: Record<string, string | string[]>;
  body: Uint8Array;
  received_at: Date;
  attempts: number;
  plugin: string;
  mode: 'test' | 'live';
}
