/** Counting uses and claiming facts: the two functions of the database, in batches. */
import { Inject, Injectable } from '@nestjs/common';
import { crashPoint } from '../platform/crash-points.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { StatementBatch } from './statement-batch.ts';

/** What one call wants to count and claim. */
export interface Reservation {
  readonly tenantId: string;
  readonly runId: string;
  readonly step: string;
  readonly use: Buffer;
  readonly fact: Buffer | undefined;
  readonly counters: readonly CounterUse[];
}

/** Times in milliseconds since 1970. */
export interface CounterUse {
  readonly key: Buffer;
  readonly from: number;
  readonly bucket: number;
  readonly expires: number;
  readonly amount: bigint;
  readonly cap: bigint;
}

export type Reserved =
  | { readonly kind: 'go' }
  /** The message of this fact was sent, or may have been: `reference` is empty when nobody knows. */
  | { readonly kind: 'sent'; readonly run: string; readonly reference: string; readonly value: Readonly<Record<string, unknown>> }
  /** Another run is about to send it. */
  | { readonly kind: 'held'; readonly run: string }
  /** `counter` is the first that has no room; `oldest` the oldest part of its use that still counts, absent when there is none. */
  | { readonly kind: 'full'; readonly counter: number; readonly used: bigint; readonly oldest: number | undefined };

/** What became of a call that was reserved. */
export interface Settled extends Pick<Reservation, 'tenantId' | 'runId' | 'step' | 'use' | 'fact'> {
  readonly sent: boolean;
  readonly reference: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** Counters from which the use is taken off again. */
  readonly back: readonly Buffer[];
}

interface ReserveRow {
  readonly i: number;
  readonly verdict: Reserved['kind'];
  readonly counter: number | null;
  readonly used: string | null;
  readonly oldest: string | null;
  readonly held_by: string | null;
  readonly reference: string | null;
  readonly value: Readonly<Record<string, unknown>> | null;
}

@Injectable()
export class Reservations {
  readonly #reserving: StatementBatch<Reservation, Reserved>;
  readonly #settling: StatementBatch<Settled, true>;

  constructor(@Inject(EnginePool) pool: Pick<EnginePool, 'query'>) {
    this.#reserving = new StatementBatch(async (items) => {
      crashPoint('guard.reserved.before');
      const { rows } = await pool.query<ReserveRow>('select * from guard_reserve($1::jsonb)', [JSON.stringify(items.map(requestOf))]);
      crashPoint('guard.reserved.after');
      return rows.toSorted((a, b) => a.i - b.i).map(reservedOf);
    });
    this.#settling = new StatementBatch(async (items) => {
      await pool.query('select guard_settle($1::jsonb)', [JSON.stringify(items.map(resultOf))]);
      return items.map(() => true);
    });
  }

  /** Counts and claims, all or nothing. Asking again with the same `use` counts nothing and gives the same answer. */
  reserve(reservation: Reservation): Promise<Reserved> {
    return this.#reserving.add(reservation);
  }

  /** Doing it again changes nothing. */
  async settle(settled: Settled): Promise<void> {
    await this.#settling.add(settled);
  }
}

function requestOf({ tenantId, runId, step, use, fact, counters }: Reservation, i: number): object {
  return {
    i,
    tenant: tenantId,
    run: runId,
    step,
    use: use.toString('hex'),
    fact: fact?.toString('hex') ?? null,
    // Amounts are below 2^53: money has 15 digits at most.
    counters: counters.map(({ key, amount, cap, ...window }) => ({
      ...window,
      key: key.toString('hex'),
      amount: Number(amount),
      cap: Number(cap),
    })),
  };
}

function reservedOf({ verdict, counter, used, oldest, held_by: run, reference, value }: ReserveRow): Reserved {
  switch (verdict) {
    case 'go':
      return { kind: 'go' };
    case 'sent':
      return { kind: 'sent', run: run ?? '', reference: reference ?? '', value: value ?? {} };
    case 'held':
      return { kind: 'held', run: run ?? '' };
    case 'full':
      return { kind: 'full', counter: counter ?? 0, used: BigInt(used ?? 0), oldest: oldest === null ? undefined : Number(oldest) };
  }
}

function resultOf({ tenantId, runId, step, use, fact, sent, reference, value, back }: Settled): object {
  return {
    tenant: tenantId,
    run: runId,
    step,
    use: use.toString('hex'),
    fact: fact?.toString('hex') ?? null,
    sent,
    reference,
    value,
    back: back.map((key) => key.toString('hex')),
  };
}
