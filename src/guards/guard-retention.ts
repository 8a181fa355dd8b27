/** Forgets what no cap counts any more, and facts that nobody can ask about again. */
import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { messageOf } from '../platform/thrown.ts';

const HOUR_MS = 3_600_000;
/** Rows per statement, so that no delete holds its locks for long. */
const BATCH = 1_000;

/** A fact is kept for 400 days: as long as its run can be repaired, and a yearly flow has come round once more. */
const STATEMENTS = [
  `delete from guard_use where ctid = any (array(select ctid from guard_use where expires_at < now() order by expires_at limit ${BATCH} for update skip locked))`,
  `delete from guard_counter where ctid = any (array(select ctid from guard_counter where expires_at < now() order by expires_at limit ${BATCH} for update skip locked))`,
  `delete from guard_alert where ctid = any (array(select ctid from guard_alert where expires_at < now() order by expires_at limit ${BATCH}))`,
  `delete from guard_fact where ctid = any (array(select ctid from guard_fact where at < now() - interval '400 days' order by at limit ${BATCH} for update skip locked))`,
];

@Injectable()
export class GuardRetention {
  readonly #log = new Logger('guards');

  constructor(private readonly pool: EnginePool) {}

  /** Once an hour; what is missed is done the next hour, so nothing rests on it. */
  @Interval('guard-retention', HOUR_MS)
  async run(): Promise<void> {
    try {
      await this.forget();
    } catch (error) {
      this.#log.warn(`old guard records were not removed this time: ${messageOf(error)}`);
    }
  }

  /** Deletes everything that is over. Returns how many rows. */
  async forget(): Promise<number> {
    let total = 0;
    for (const statement of STATEMENTS) {
      for (let deleted = BATCH; deleted === BATCH;) {
        deleted = (await this.pool.query(statement)).rowCount ?? 0;
        total += deleted;
      }
    }
    return total;
  }
}
