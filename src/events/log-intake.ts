/**
 * Taking events in where no run engine lives in the process: each is stored for the dispatcher of another process.
 *
 * Group commit: while one batch is on its way to disk the next gathers, so the number of commits per second stays what the
 * disk can do and the number of events does not. One statement stores a batch; its transaction is the statement's own. When
 * the connection breaks meanwhile nobody knows whether it was committed: the senders are told that events cannot be stored
 * now, and sending them again is harmless, because the key of each is in the same statement.
 */
import { hash } from 'node:crypto';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { newUuid } from '../kernel/ids.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { eventErrors } from './event-errors.ts';
import { EVENTS_RECORDED } from './event-hints.ts';
import { EventIntake, type IncomingEvent, type Receipt } from './event-intake.ts';

interface Waiting {
  readonly id: string;
  readonly digest: Buffer;
  readonly event: IncomingEvent;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

const BATCH = 500;
/** Some seconds of work; who comes later is asked to come back. */
const MOST_WAITING = 5_000;
const RETRY_AFTER_MS = 1_000;

@Injectable()
export class LogIntake extends EventIntake implements OnModuleDestroy {
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(
    private readonly pool: EnginePool,
    private readonly emitter: EventEmitter2,
  ) {
    super();
  }

  /** @throws events.overloaded, events.unavailable */
  override accept(event: IncomingEvent): Promise<Receipt> {
    if (this.#waiting.length >= MOST_WAITING) return Promise.reject(eventErrors.overloaded().after(RETRY_AFTER_MS));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id: newUuid(), digest: keyDigest(event), event, resolve, reject });
      this.#flushing ??= this.#flushAll();
    });
  }

  /** Resolves when everything taken in so far was answered. */
  async onModuleDestroy(): Promise<void> {
    await this.#flushing;
  }

  async #flushAll(): Promise<void> {
    // Requests that arrived in the same turn of the event loop share the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        await this.#flush(batch);
      } catch (error) {
        const refusal = eventErrors.unavailable({}, { cause: error }).after(RETRY_AFTER_MS);
        for (const { reject } of batch) reject(refusal);
      }
    }
    this.#flushing = undefined;
  }

  async #flush(batch: readonly Waiting[]): Promise<void> {
    crashPoint('intake.flush.before');
    const { rows: stored } = await this.pool.query<{ id: string }>({
      name: 'events-store',
      text: STORE,
      values: columnsOf(firstOfEachKey(batch)),
    });
    crashPoint('intake.flush.after');
    const accepted = new Set(stored.map(({ id }) => id));
    const repeats = batch.filter(({ id }) => !accepted.has(id));
    const known = repeats.length === 0 ? new Map<string, KeyRow>() : await this.#knownKeys(repeats);
    for (const item of batch) item.resolve(accepted.has(item.id) ? { kind: 'accepted', eventId: item.id } : repeatOf(item, known));
    if (accepted.size > 0) this.emitter.emit(EVENTS_RECORDED);
  }

  async #knownKeys(repeats: readonly Waiting[]): Promise<Map<string, KeyRow>> {
    const { rows } = await this.pool.query<KeyRow>(KNOWN, [
      repeats.map(({ event }) => event.tenantId),
      repeats.map(({ digest }) => digest),
    ]);
    return new Map(rows.map((row) => [keyText(row.tenant_id, row.digest), row]));
  }
}

/** First half of SHA-256 over source and id, as `event_key.digest` has it: 16 bytes. */
export function keyDigest({ source, sourceId }: Pick<IncomingEvent, 'source' | 'sourceId'>): Buffer {
  return hash('sha256', `${source}\0${sourceId}`, 'buffer').subarray(0, 16);
}

interface KeyRow {
  readonly tenant_id: string;
  readonly digest: Buffer;
  readonly event_id: string;
  readonly body_hash: Buffer;
}

function keyText(tenantId: string, digest: Buffer): string {
  return tenantId + digest.toString('latin1');
}

/** Of several events with one key in a batch only the first is sent to the database; the others are its repeats. */
function firstOfEachKey(batch: readonly Waiting[]): Waiting[] {
  const seen = new Set<string>();
  return batch.filter(({ event, digest }) => {
    const key = keyText(event.tenantId, digest);
    return seen.has(key) ? false : seen.add(key);
  });
}

function repeatOf({ event, digest }: Waiting, known: ReadonlyMap<string, KeyRow>): Receipt {
  const row = known.get(keyText(event.tenantId, digest));
  // A key is never deleted while events with it can still arrive, and the statement before saw it.
  if (!row) throw eventErrors.unavailable();
  return { kind: row.body_hash.equals(event.bodyHash) ? 'duplicate' : 'conflict', eventId: row.event_id };
}

function columnsOf(batch: readonly Waiting[]): unknown[] {
  return [
    batch.map(({ id }) => id),
    batch.map(({ event }) => event.tenantId),
    batch.map(({ digest }) => digest),
    batch.map(({ event }) => Buffer.from(event.bodyHash)),
    batch.map(({ event }) => event.source),
    batch.map(({ event }) => event.sourceId),
    batch.map(({ event }) => event.type),
    batch.map(({ event }) => event.subject),
    batch.map(({ event }) => event.occurredAt),
    batch.map(({ event }) => JSON.stringify(event.data)),
  ];
}

/**
 * Keys are claimed in their own order, so that two processes with the same events in another order wait for each other
 * once and never in a circle; events are stored in the order in which they came.
 */
const STORE = `
with incoming as (
  select * from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::jsonb[])
    with ordinality as t (id, tenant_id, digest, body_hash, source, source_id, type, subject, occurred_at, data, place)
), claimed as (
  insert into event_key (tenant_id, digest, event_id, body_hash)
  select tenant_id, digest, id, body_hash from incoming order by tenant_id, digest
  on conflict do nothing
  returning event_id
), positions as materialized (
  select next_event_seq((select count(*)::int from incoming)) as first
)
insert into event (seq, id, tenant_id, source, source_id, type, subject, occurred_at, data, routed)
select first + place - 1, id, tenant_id, source, source_id, type, subject, occurred_at, data, false
from positions, incoming where id in (select event_id from claimed) order by place
returning id`;

const KNOWN = `
select k.tenant_id, k.digest, k.event_id, k.body_hash
from unnest($1::uuid[], $2::bytea[]) as wanted (tenant_id, digest)
join event_key k on k.tenant_id = wanted.tenant_id and k.digest = wanted.digest`;
