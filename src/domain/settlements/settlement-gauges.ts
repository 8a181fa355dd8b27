import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { boundedQuery, gaugesOf, Reading } from '../../platform/observability/reading.ts';

interface SettlementReading {
  readonly waiting: number;
  readonly oldest: number;
  readonly failed: number;
  readonly oldestFailed: number;
  readonly unbalanced: number;
  readonly oldestUnbalanced: number;
  readonly unexplained: number;
}

/** Settlements that are not read, and those of which something is not right. */
@Injectable()
export class SettlementGauges {
  constructor(pool: EnginePool, @Inject(CLOCK) clock: Clock, { registry }: Metrics) {
    const reading = new Reading('settlements', async () => (await boundedQuery<SettlementReading>(pool, READ)).at(0), clock);
    gaugesOf(registry, reading, [
      {
        name: 'kassaflow_settlement_imports_waiting',
        help: 'Imports of settlements that are due and not done: the report is not ready, or the provider is away',
        of: (found) => found?.waiting,
      },
      {
        name: 'kassaflow_oldest_settlement_imports_waiting_seconds',
        help: 'For how long the oldest of them has been due',
        of: (found) => found?.oldest,
      },
      {
        name: 'kassaflow_settlement_imports_failed',
        help: 'Connections whose provider told settlements before, and refused the last import for good',
        of: (found) => found?.failed,
      },
      {
        name: 'kassaflow_oldest_settlement_imports_failed_seconds',
        help: 'For how long the oldest of them has been refused',
        of: (found) => found?.oldestFailed,
      },
      {
        name: 'kassaflow_settlements_unbalanced',
        help: 'Settlements whose lines do not add up to the payout, counted to 10,000',
        of: (found) => found?.unbalanced,
      },
      {
        name: 'kassaflow_oldest_settlements_unbalanced_seconds',
        help: 'For how long the oldest of them has been known',
        of: (found) => found?.oldestUnbalanced,
      },
      {
        name: 'kassaflow_settlements_unexplained',
        help: 'Settlements with money that our books cannot place, counted to 10,000',
        of: (found) => found?.unexplained,
      },
    ]);
  }
}

/** One that was planned for this night and whose minute has not come is not late. */
const READ = `
with waiting as (select created_at from settlement_import where next_at is not null and (failures > 0 or next_at <= clock_timestamp())),
newest as (
  select distinct on (connection_id) connection_id, state, created_at from settlement_import
  where state in ('done', 'failed') order by connection_id, created_at desc
),
-- an account without access to its reports is no trouble: nobody has asked for it
refused as (
  select created_at from newest n
  where n.state = 'failed' and exists (select from settlement_import d where d.connection_id = n.connection_id and d.state = 'done' and d.lines > 0)
),
unbalanced as (select created_at from settlement where difference <> 0 limit 10000)
select
  (select count(*)::int from waiting) as waiting,
  (select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 from waiting) as oldest,
  (select count(*)::int from refused) as failed,
  (select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 from refused) as "oldestFailed",
  (select count(*)::int from unbalanced) as unbalanced,
  (select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 from unbalanced) as "oldestUnbalanced",
  (select count(*)::int from (select from settlement where unexplained <> 0 limit 10000) s) as unexplained`;
