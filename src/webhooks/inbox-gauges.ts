import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../kernel/clock.ts';
import { CLOCK } from '../platform/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { boundedQuery, gaugeByKind, gaugesOf, Reading } from '../platform/observability/reading.ts';

interface InboxReading {
  readonly due: number;
  readonly overdue: number;
  readonly failed: number;
  readonly orphan: number;
}

/** How the deliveries of providers stand that were taken in: what waits to be applied, and what could not be. */
@Injectable()
export class InboxGauges {
  constructor(pool: EnginePool, @Inject(CLOCK) clock: Clock, { registry }: Metrics) {
    const reading = new Reading('numbers of the inbox', async () => (await boundedQuery<InboxReading>(pool, READ)).at(0), clock);
    gaugesOf(registry, reading, [
      { name: 'kassaflow_webhooks_due', help: 'Webhooks to be applied now, counted to 10,000', of: (inbox) => inbox?.due },
      {
        name: 'kassaflow_oldest_webhooks_due_seconds',
        help: 'For how long a webhook has been due to be applied',
        of: (inbox) => inbox?.overdue,
      },
    ]);
    gaugeByKind(registry, reading, {
      name: 'kassaflow_webhooks_unapplied',
      help: 'Webhooks that could not be applied (failed) or belong to nothing (orphan), counted to 10,000',
      label: 'state',
      of: (inbox) => (inbox ? [['failed', inbox.failed] as const, ['orphan', inbox.orphan] as const] : []),
    });
  }
}

const READ = `
with due as (select next_at from inbox where next_at <= clock_timestamp() order by next_at limit 10000),
trouble as (select state from inbox where state in ('failed', 'orphan') limit 10000)
select (select count(*)::int from due) as due,
  (select coalesce(extract(epoch from clock_timestamp() - min(next_at)), 0)::float8 from due) as overdue,
  (select count(*)::int from trouble where state = 'failed') as failed, (select count(*)::int from trouble where state = 'orphan') as orphan`;
