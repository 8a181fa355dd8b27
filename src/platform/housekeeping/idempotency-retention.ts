/** Forgets the stored answers of idempotent requests after the time for which we promise to remember them. */
import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { EnginePool } from '../database/engine-pool.ts';
import { messageOf } from '../thrown.ts';

const HOUR_MS = 3_600_000;
/** Rows per statement, so that no delete holds its locks for long. */
const BATCH = 1_000;
/** Any constant will do, as long as no other program uses it on the same database. */
const LOCK = 4_927_310_063;

@Injectable()
export class IdempotencyRetention {
  private readonly logger = new Logger(IdempotencyRetention.name);

  constructor(private readonly pool: EnginePool) {}

  /** Once an hour; what is missed is done the next hour, so nothing rests on it. */
  @Interval('idempotency-retention', HOUR_MS)
  async run(): Promise<void> {
    try {
      await this.forget();
    } catch (error) {
      this.logger.warn(`old idempotency records were not removed this time: ${messageOf(error)}`);
    }
  }

  /** Deletes all records older than 30 days, oldest first; nothing when another process is at it. Returns how many. */
  async forget(): Promise<number> {
    let total = 0;
    for (;;) {
      const deleted = await this.forgetBatch();
      total += deleted;
      if (deleted < BATCH) return total;
    }
  }

  private async forgetBatch(): Promise<number> {
    const { rowCount } = await this.pool.query(
      `with lock as materialized (select pg_try_advisory_xact_lock($1) as mine),
            bound as materialized (
              select max(created_at) as newest
              from (select created_at from idempotency_record where created_at < now() - interval '30 days' order by created_at limit $2) as oldest
            )
       delete from idempotency_record using lock, bound where lock.mine and created_at <= bound.newest`,
      [LOCK, BATCH],
    );
    return rowCount ?? 0;
  }
}
