import { Inject, Injectable } from '@nestjs/common';
import { EventReader } from '../../events/event-reader.ts';
import type { DomainEvent } from '../../events/event.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { enqueue, sendAgain, type DeliveryEntry } from './deliveries.ts';
import { wants } from './event-types.ts';
import { endpointErrors } from './outgoing-errors.ts';

/** Which events to send again. */
export interface ReplayRange {
  readonly since: Date;
  readonly until: Date;
  /** `dead`: only what was never taken. `all`: every event of the range that is for the endpoint, from the log. */
  readonly status: 'dead' | 'all';
}

/** How far one call came; the next begins at `nextSince`. */
export interface ReplayResult {
  readonly replayed: number;
  readonly nextSince: Date | null;
}

/** One call does at most so many; the answer says where to go on. */
const MOST = 2_000;
const PAGE = 500;

/** Sends events again to one endpoint: one delivery, what died, or a whole range of the log. In the order of the log per subject. */
@Injectable()
export class ReplayDeliveries {
  constructor(
    private readonly database: Database,
    private readonly reader: EventReader,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws webhook-endpoint.unknown-delivery */
  one(tenantId: string, endpointId: string, deliveryId: string, actor: string): Promise<DeliveryEntry> {
    return this.database.transact(tenantId, async (tx) => {
      const entry = await sendAgain(tx, endpointId, deliveryId, this.clock.now());
      await this.#note(tx, actor, endpointId, { delivery: idOf('whd', deliveryId) });
      return entry;
    });
  }

  /** @throws webhook-endpoint.unknown */
  async range(tenantId: string, endpointId: string, range: ReplayRange, actor: string): Promise<ReplayResult> {
    const [endpoint] = await this.database.transact(tenantId, (tx) =>
      tx.query<{ types: string[]; seq: string }>(
        `select types, seq::text as seq from webhook_endpoint where id = $1 and state <> 'deleted'`,
        [endpointId],
      ),
    );
    if (!endpoint) throw endpointErrors.unknown();
    return range.status === 'dead'
      ? this.#dead(tenantId, endpointId, range, actor)
      : this.#all(tenantId, endpointId, endpoint, range, actor);
  }

  /** Dead letters in the order of the log. */
  async #dead(tenantId: string, endpointId: string, { since, until }: ReplayRange, actor: string): Promise<ReplayResult> {
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.query<{ at: Date }>(REPLAY_DEAD, [endpointId, since, this.clock.now(), until, MOST]);
      await this.#note(tx, actor, endpointId, { since: since.toISOString(), until: until.toISOString(), replayed: rows.length });
      const latest = rows.reduce((last, { at }) => Math.max(last, at.getTime()), 0);
      return { replayed: rows.length, nextSince: rows.length === MOST ? new Date(latest) : null };
    });
  }

  async #all(
    tenantId: string,
    endpointId: string,
    { types, seq }: { readonly types: readonly string[]; readonly seq: string },
    { since, until }: ReplayRange,
    actor: string,
  ): Promise<ReplayResult> {
    const found: DomainEvent[] = [];
    // What comes after the cursor gets into the queue by itself.
    const before = BigInt(seq) + 1n;
    let after = await this.#positionBefore(tenantId, since);
    for (let full = true; full && found.length < MOST;) {
      const page = await this.reader.list(tenantId, {}, { after, before, limit: PAGE });
      found.push(...page.filter(({ type, occurredAt }) => wants(types, type) && occurredAt >= since && occurredAt < until));
      after = page.at(-1)?.seq ?? after;
      full = page.length === PAGE;
    }
    const chosen = found.slice(0, MOST);
    const next = found[MOST];
    await this.database.transact(tenantId, async (tx) => {
      await enqueue(tx, endpointId, chosen, this.clock.now(), true);
      await this.#note(tx, actor, endpointId, { since: since.toISOString(), until: until.toISOString(), replayed: chosen.length });
    });
    const more = next ?? (found.length === MOST ? found.at(-1) : undefined);
    return { replayed: chosen.length, nextSince: more ? more.occurredAt : null };
  }

  /** A position before every event that was recorded since then: an event's own time may lie before the moment of its record, never a day after it. */
  async #positionBefore(tenantId: string, since: Date): Promise<bigint> {
    const [row] = await this.database.transact(tenantId, (tx) =>
      tx.query<{ seq: string }>(
        `select coalesce(min(seq), 0)::text as seq from event where tenant_id = $1 and recorded_at >= $2::timestamptz - interval '1 day'`,
        [tenantId, since],
      ),
    );
    const first = BigInt(row?.seq ?? 0);
    return first === 0n ? 0n : first - 1n;
  }

  #note(tx: Transaction, actor: string, endpointId: string, detail: Readonly<Record<string, string | number>>): Promise<void> {
    return this.audit.append(tx, {
      actor,
      action: 'webhook-endpoint.replay',
      subject: `webhook-endpoint/${idOf('whk', endpointId)}`,
      detail,
    });
  }
}

const REPLAY_DEAD = `
with chosen as (
  select d.id, e.occurred_at as at from webhook_delivery d join event e on e.tenant_id = d.tenant_id and e.seq = d.seq
  where d.endpoint_id = $1 and d.state = 'dead' and e.occurred_at >= $2 and e.occurred_at < $4 order by d.seq limit $5
)
update webhook_delivery d set state = 'pending', earlier_attempts = d.attempts, next_at = $3, problem = null, delivered_at = null
from chosen where d.id = chosen.id returning chosen.at`;
