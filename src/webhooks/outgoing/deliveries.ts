/**
 * What waits for endpoints, what they took, and what they never took. The states of a delivery are in README.md.
 *
 * `next_at` is also the lease (`platform/lease.ts`), as it is in the inbox: taking a row moves it into the future in the same
 * statement. `attempts` counts before the message leaves and is the fence: what came of an attempt is written only while no other
 * has begun.
 */
import { Injectable } from '@nestjs/common';
import type { DomainEvent } from '../../events/event.ts';
import { newUuid } from '../../kernel/ids.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { LEASE_MS } from '../../platform/lease.ts';
import { EndpointEvents } from './endpoint-events.ts';
import { endpointErrors } from './outgoing-errors.ts';
import { restAfter } from './retry-schedule.ts';

export type DeliveryState = 'pending' | 'delivered' | 'dead';

/** A delivery that is this process's to send until its lease ends. */
export interface TakenDelivery {
  readonly id: string;
  readonly endpointId: string;
  readonly url: string;
  readonly seq: string;
  readonly attempts: number;
  /** Of these, how many were before it was last asked for again. */
  readonly earlierAttempts: number;
}

/** What came of an attempt. Without `againAt` it was the last. */
export interface SendVerdict {
  readonly result: 'delivered' | 'failed' | 'gone' | 'interrupted';
  readonly at: Date;
  readonly tookMs: number;
  /** What the portal answered. */
  readonly status: number | null;
  readonly problem: string | null;
  readonly againAt: Date | null;
}

/** A delivery as operators see it. */
export interface DeliveryEntry {
  readonly id: string;
  readonly eventId: string;
  readonly type: string;
  readonly subject: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAt: Date | null;
  readonly status: number | null;
  readonly problem: string | null;
  readonly deliveredAt: Date | null;
}

export interface AttemptEntry {
  readonly number: number;
  readonly at: Date;
  readonly tookMs: number;
  readonly status: number | null;
  readonly problem: string | null;
}

const ENTRY = `id, event_id as "eventId", type, subject, state, attempts, next_at as "nextAt", status, problem, delivered_at as "deliveredAt"`;

@Injectable()
export class Deliveries {
  constructor(
    private readonly database: Database,
    private readonly events: EndpointEvents,
  ) {}

  /** Takes up to `limit` of an endpoint that are due, the oldest first, and of each subject only the first that is not done. */
  take(tenantId: string, endpointId: string, now: Date, limit: number): Promise<TakenDelivery[]> {
    return this.database.transact(tenantId, (tx) =>
      tx.query<TakenDelivery>(TAKE, [endpointId, now, new Date(now.getTime() + LEASE_MS), limit]),
    );
  }

  /** Says that a delivery which was taken is still in hand. */
  async renew(tenantId: string, { id, attempts }: TakenDelivery, now: Date): Promise<void> {
    await this.database.transact(tenantId, (tx) =>
      tx.query(`update webhook_delivery set next_at = $3 where id = $1 and attempts = $2 and state = 'pending'`, [
        id,
        attempts,
        new Date(now.getTime() + LEASE_MS),
      ]),
    );
  }

  /** Records what came of an attempt, unless another has begun meanwhile. Says whether it did. */
  settle(tenantId: string, taken: TakenDelivery, verdict: SendVerdict): Promise<boolean> {
    return this.database.transact(tenantId, async (tx) => {
      const state: DeliveryState = verdict.result === 'delivered' ? 'delivered' : verdict.againAt ? 'pending' : 'dead';
      const wasMine = await tx.query(SETTLE, [
        taken.id,
        taken.attempts,
        state,
        verdict.againAt,
        verdict.status,
        verdict.problem,
        state === 'delivered' ? verdict.at : null,
        verdict.result === 'interrupted' ? 1 : 0,
      ]);
      if (wasMine.length === 0) return false;
      if (verdict.result === 'interrupted') return true;
      const isDisabled = await noteOnEndpoint(tx, taken.endpointId, verdict);
      if (isDisabled) await this.events.disabled(tx, taken.endpointId, verdict.problem ?? '');
      if (state === 'dead') await this.events.deadLetter(tx, taken, verdict.problem ?? '');
      await tx.query(
        `insert into webhook_attempt (delivery_id, number, tenant_id, at, took_ms, status, problem) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (delivery_id, number) do update set at = excluded.at, took_ms = excluded.took_ms, status = excluded.status, problem = excluded.problem`,
        [taken.id, taken.attempts, tenantId, verdict.at, verdict.tookMs, verdict.status, verdict.problem],
      );
      return true;
    });
  }

  /** Deliveries of an endpoint, the newest first. */
  list(
    tenantId: string,
    endpointId: string,
    page: { readonly limit: number; readonly after?: string | undefined; readonly state?: DeliveryState | undefined },
  ): Promise<DeliveryEntry[]> {
    return this.database.transact(tenantId, (tx) =>
      tx.query<DeliveryEntry>(
        `select ${ENTRY} from webhook_delivery where endpoint_id = $1 and ($2::text is null or state = $2) and ($3::uuid is null or id < $3)
         order by id desc limit $4`,
        [endpointId, page.state ?? null, page.after ?? null, page.limit],
      ),
    );
  }

  /** One delivery with its attempts, the last 100. @throws webhook-endpoint.unknown-delivery */
  get(tenantId: string, endpointId: string, id: string): Promise<DeliveryEntry & { readonly log: readonly AttemptEntry[] }> {
    return this.database.transact(tenantId, async (tx) => {
      const [entry] = await tx.query<DeliveryEntry>(`select ${ENTRY} from webhook_delivery where id = $2 and endpoint_id = $1`, [
        endpointId,
        id,
      ]);
      if (!entry) throw endpointErrors['unknown-delivery']();
      const log = await tx.query<AttemptEntry>(
        `select number, at, took_ms as "tookMs", status, problem from webhook_attempt where delivery_id = $1 order by number desc limit 100`,
        [id],
      );
      return { ...entry, log };
    });
  }
}

/** Sends one delivery again. @throws webhook-endpoint.unknown-delivery */
export async function sendAgain(tx: Transaction, endpointId: string, id: string, now: Date): Promise<DeliveryEntry> {
  const [entry] = await tx.query<DeliveryEntry>(
    `update webhook_delivery d set ${AGAIN} where endpoint_id = $1 and id = $2 returning ${ENTRY}`,
    [endpointId, id, now],
  );
  if (!entry) throw endpointErrors['unknown-delivery']();
  return entry;
}

/** Puts events into the queue of an endpoint; one that is there already is left alone, or sent again where `again` says so. */
export async function enqueue(
  tx: Transaction,
  endpointId: string,
  events: readonly DomainEvent[],
  now: Date,
  again = false,
): Promise<void> {
  if (events.length === 0) return;
  await tx.query(`${ENQUEUE} ${again ? `do update set ${AGAIN}` : 'do nothing'}`, [
    endpointId,
    tx.tenantId,
    now,
    events.map(() => newUuid()),
    events.map(({ id }) => id),
    events.map(({ seq }) => String(seq)),
    events.map(({ type }) => type),
    events.map(({ subject }) => subject),
  ]);
}

/** It is sent as if it were new; its attempts are counted on, because what was in hand until now must not speak for it. */
const AGAIN = `state = 'pending', earlier_attempts = d.attempts, next_at = $3, problem = null, delivered_at = null`;

const ENQUEUE = `
insert into webhook_delivery as d (id, tenant_id, endpoint_id, event_id, seq, type, subject, next_at)
select row.id, $2, $1, row.event_id, row.seq, row.type, row.subject, $3
from unnest($4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::text[]) as row (id, event_id, seq, type, subject)
on conflict (endpoint_id, seq)`;

/** A failure brings the endpoint nearer to a rest, a success ends it, and an endpoint that is gone is left alone. Says whether it was disabled. */
async function noteOnEndpoint(tx: Transaction, endpointId: string, { result, at, problem }: SendVerdict): Promise<boolean> {
  if (result === 'delivered') {
    // Not for each: the row would be what all deliveries of the endpoint wait for.
    await tx.query(
      `update webhook_endpoint set failures = 0, held_until = null, delivered_at = $2
       where id = $1 and (failures > 0 or delivered_at is null or delivered_at < $2::timestamptz - interval '10 seconds')`,
      [endpointId, at],
    );
    return false;
  }
  const disabled =
    result === 'gone'
      ? await tx.query(
          `update webhook_endpoint set state = 'disabled', problem = $2, version = version + 1 where id = $1 and state = 'active' returning id`,
          [endpointId, problem],
        )
      : [];
  const [row] = await tx.query<{ failures: number }>(
    'update webhook_endpoint set failures = failures + 1 where id = $1 returning failures',
    [endpointId],
  );
  const rest = restAfter(row?.failures ?? 0);
  if (rest > 0)
    await tx.query('update webhook_endpoint set held_until = greatest(held_until, $2) where id = $1', [
      endpointId,
      new Date(at.getTime() + rest),
    ]);
  return disabled.length > 0;
}

/**
 * In the order of the log per subject: a delivery waits for those before it about the same thing, whatever keeps them: their pause, or
 * another process that is sending them.
 */
const TAKE = `
update webhook_delivery d set attempts = d.attempts + 1, next_at = $3
from (
  select w.id, e.url from webhook_endpoint e join webhook_delivery w on w.endpoint_id = e.id
  where e.id = $1 and e.state = 'active' and (e.held_until is null or e.held_until <= $2) and w.next_at <= $2
    and (w.subject = '' or not exists (
      select from webhook_delivery b where b.endpoint_id = w.endpoint_id and b.subject = w.subject and b.seq < w.seq and b.next_at is not null))
  order by w.seq limit $4 for update of w skip locked
) due
where d.id = due.id
returning d.id, d.endpoint_id as "endpointId", due.url, d.seq::text as seq, d.attempts, d.earlier_attempts as "earlierAttempts"`;

const SETTLE = `
update webhook_delivery set state = $3, next_at = $4, status = $5, problem = $6, delivered_at = $7, attempts = attempts - $8
where id = $1 and attempts = $2 and state = 'pending' returning id`;
