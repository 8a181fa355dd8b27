/** Writing the event log: domain events are recorded in the transaction that makes them true. */
import { Inject, Injectable } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import type { Clock } from '../kernel/clock.ts';
import { idOf, newUuid } from '../kernel/ids.ts';
import { CLOCK } from '../platform/clock.ts';
import type { Transaction } from '../platform/database/transaction.ts';
import { definitionOf } from './catalogue/catalogue.ts';
import type { EventDefinition } from './catalogue/define-event.ts';
import { eventErrors } from './event-errors.ts';
import { EVENTS_RECORDED } from './event-hints.ts';
import type { DomainEvent, EventDraft } from './event.ts';

/** The source of all events that Kassaflow records itself. */
export const OWN_SOURCE = '/kassaflow';

@Injectable()
export class EventLog {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly emitter: EventEmitter2,
  ) {}

  /**
   * Records `drafts` as events of the transaction's tenant, in this order. They are seen by subscribers when the transaction
   * commits, and never when it rolls back.
   *
   * @throws events.unknown-type, events.invalid-data for a draft that does not fit the catalogue: a mistake in the calling module
   */
  async append(tx: Transaction, ...drafts: readonly EventDraft[]): Promise<DomainEvent[]> {
    if (drafts.length === 0) return [];
    const events = drafts.map((draft) => this.#complete(tx.tenantId, draft));
    const rows = await tx.query<{ id: string; seq: string }>(INSERT, [JSON.stringify(events.map(rowOf)), tx.tenantId, OWN_SOURCE]);
    tx.afterCommit(() => void this.emitter.emit(EVENTS_RECORDED));
    const seqs = new Map(rows.map(({ id, seq }) => [id, BigInt(seq)]));
    return events.map((event) => ({ ...event, seq: seqs.get(event.id) ?? 0n }));
  }

  #complete(tenantId: string, { type, subject, data, occurredAt }: EventDraft): Omit<DomainEvent, 'seq'> {
    const id = newUuid();
    return {
      id,
      tenantId,
      source: OWN_SOURCE,
      sourceId: idOf('evt', id),
      type,
      subject,
      occurredAt: occurredAt ?? this.clock.now(),
      data: checked(definitionOf(type), data),
    };
  }
}

/** One parameter for all rows: JSON travels through every driver in the same way, arrays of arrays do not. */
const INSERT = `
insert into event (id, tenant_id, source, source_id, type, subject, occurred_at, data, routed)
select id, $2::uuid, $3, source_id, type, subject, occurred_at, data, false
from jsonb_to_recordset($1::jsonb) as row (id uuid, source_id text, type text, subject text, occurred_at timestamptz, data jsonb)
returning id, seq::text as seq`;

function checked({ type, data: schema }: EventDefinition, data: unknown): Readonly<Record<string, unknown>> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw eventErrors['invalid-data']({ type, at: issue?.path.map(String).join('.'), problem: issue?.message });
}

function rowOf({ id, sourceId, type, subject, occurredAt, data }: Omit<DomainEvent, 'seq'>): object {
  return { id, source_id: sourceId, type, subject, occurred_at: occurredAt.toISOString(), data };
}
