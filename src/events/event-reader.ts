/**
 * Reading the event log.
 *
 * Only final positions are read, those below `event_horizon()`: a row that commits later than its neighbours never appears
 * behind a reader that has gone past. The price is that one slow writer holds back everybody's view for as long as it runs.
 */
import { Injectable } from '@nestjs/common';
import type { QueryResultRow } from 'pg';
import { uuidOf } from '../kernel/ids.ts';
import { Database, type Transaction } from '../platform/database/transaction.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { eventErrors } from './event-errors.ts';
import type { DomainEvent } from './event.ts';
import type { EventBatch, EventSubscriber } from './event-subscriber.ts';
import { splitAbout, type About } from './watchers.ts';

/** Which events of a tenant. */
export interface EventFilter {
  readonly type?: string;
  /** `payment/pay_…` */
  readonly subject?: string;
  /** Any of these subjects, or of these kinds of subjects. */
  readonly about?: readonly About[];
}

/** Where in the log to read, and how much. */
export interface EventRange {
  /** Not including this position. */
  readonly after?: bigint;
  /** Not including this position. */
  readonly before?: bigint;
  readonly newestFirst?: boolean;
  readonly limit: number;
}

@Injectable()
export class EventReader {
  constructor(
    private readonly pool: EnginePool,
    private readonly database: Database,
  ) {}

  /** The next events after the subscriber's cursor, or `undefined` when there are none or its cursor was not made yet. */
  async next({ name, unroutedOnly }: Pick<EventSubscriber, 'name' | 'unroutedOnly'>, limit: number): Promise<EventBatch | undefined> {
    const { rows } = await this.pool.query<EventRow & { after: string }>(unroutedOnly ? NEXT_UNROUTED : NEXT, [name, limit]);
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last) return undefined;
    return { events: rows.map(eventOf), after: BigInt(first.after), upTo: BigInt(last.seq) };
  }

  /** Events of any of `tenantIds` after `after`, and how far the log was read: to the last of them, or to its present end. */
  async tail(tenantIds: readonly string[], after: bigint, limit: number): Promise<{ events: DomainEvent[]; upTo: bigint }> {
    const { rows } = await this.pool.query<EventRow & { horizon: string }>({
      name: 'event-tail',
      text: TAIL,
      values: [tenantIds, after, limit],
    });
    const events = rows.filter(({ id }) => id !== null).map(eventOf);
    const end = BigInt(rows[0]?.horizon ?? 0) - 1n;
    const last = events.at(-1);
    return { events, upTo: events.length === limit && last ? last.seq : end > after ? end : after };
  }

  /** The present end of the log: every event that is not final yet comes after it. */
  async end(): Promise<bigint> {
    const { rows } = await this.pool.query<{ horizon: string }>({ name: 'event-end', text: 'select event_horizon()::text as horizon' });
    return BigInt(rows[0]?.horizon ?? 0) - 1n;
  }

  /** Refuses a log that another server wrote further than this one has counted: what is recorded now would never be read. @throws events.log-ahead */
  async checkPositions(): Promise<void> {
    const { rows } = await this.pool.query<{ ahead: boolean }>(LOG_IS_AHEAD);
    if (rows[0]?.ahead) throw eventErrors['log-ahead']();
  }

  /** A tenant's own events, as that tenant: row security decides what there is. */
  list(tenantId: string, filter: EventFilter, range: EventRange): Promise<DomainEvent[]> {
    return this.database.transact(tenantId, async (tx) => (await select(tx, filter, range)).map(eventOf));
  }

  /** A tenant's events at these positions, as far as the log still has them. */
  at(tenantId: string, positions: readonly string[]): Promise<DomainEvent[]> {
    return this.database.transact(tenantId, async (tx) =>
      (
        await tx.query<EventRow>(`select ${COLUMNS} from event where tenant_id = $1 and seq = any($2::bigint[])`, [tenantId, positions])
      ).map(eventOf),
    );
  }

  /** One event by its wire id, or `undefined`. @throws id.format when it is not one */
  find(tenantId: string, id: string): Promise<DomainEvent | undefined> {
    const uuid = uuidOf('evt', id);
    return this.database.transact(tenantId, async (tx) => {
      const [row] = await tx.query<EventRow>(`select ${COLUMNS} from event where id = $1`, [uuid]);
      return row && eventOf(row);
    });
  }
}

interface EventRow extends QueryResultRow {
  readonly seq: string;
  readonly id: string;
  readonly tenant_id: string;
  readonly source: string;
  readonly source_id: string;
  readonly type: string;
  readonly subject: string;
  readonly occurred_at: Date | string;
  readonly data: Readonly<Record<string, unknown>>;
}

const COLUMNS = 'seq::text as seq, id, tenant_id, source, source_id, type, subject, occurred_at, data';

/** The cursor is read in the same statement, so that its value and the rows belong together. */
const next = (condition: string) => `
select ${COLUMNS}, (select seq::text from event_cursor where subscriber = $1) as after
from event
where event.seq > (select seq from event_cursor where subscriber = $1) and event.seq < event_horizon() ${condition}
order by event.seq limit $2`;
const NEXT = next('');
const NEXT_UNROUTED = next('and not routed');

const TAIL = `
with horizon as (select event_horizon() as seq)
select horizon.seq::text as horizon, found.* from horizon left join lateral (
  select ${COLUMNS} from event
  where event.seq > $2 and event.seq < horizon.seq and tenant_id = any($1::uuid[])
  order by event.seq limit $3
) found on true`;

/** Whatever can be seen was written by a transaction below `xmax`, unless its number comes from another server. */
const LOG_IS_AHEAD = `
select max(seq) >= (event_base() + pg_snapshot_xmax(pg_current_snapshot())::text::bigint) << 20 as ahead
from (select seq from event order by seq desc limit 1) newest`;

function select(
  tx: Transaction,
  { type, subject, about }: EventFilter,
  { after, before, newestFirst, limit }: EventRange,
): Promise<EventRow[]> {
  const { subjects, kinds } = splitAbout(about ?? []);
  return tx.query<EventRow>(
    `select ${COLUMNS} from event
     where tenant_id = $1 and event.seq > $2 and event.seq < least(event_horizon(), $3)
       and ($4::text is null or type = $4) and ($5::text is null or subject = $5) ${about ? aboutCondition(kinds) : ''}
     order by event.seq ${newestFirst ? 'desc' : 'asc'} limit $6`,
    [
      tx.tenantId,
      String(after ?? 0n),
      String(before ?? LAST),
      type ?? null,
      subject ?? null,
      limit,
      ...(about ? [subjects] : []),
      ...(kinds.length > 0 ? [kinds] : []),
    ],
  );
}

/** Without kinds it is one look into the index of subjects. */
function aboutCondition(kinds: readonly string[]): string {
  return kinds.length === 0
    ? 'and subject = any($7::text[])'
    : `and (subject = any($7::text[]) or (subject like '%/%' and split_part(subject, '/', 1) = any($8::text[])))`;
}

const LAST = 2n ** 63n - 1n;

function eventOf(row: EventRow): DomainEvent {
  return {
    seq: BigInt(row.seq),
    id: row.id,
    tenantId: row.tenant_id,
    source: row.source,
    sourceId: row.source_id,
    type: row.type,
    subject: row.subject,
    occurredAt: new Date(row.occurred_at),
    data: row.data,
  };
}
