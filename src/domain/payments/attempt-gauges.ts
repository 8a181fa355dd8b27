import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { boundedQuery, gaugesOf, Reading } from '../../platform/observability/reading.ts';

interface AttemptReading {
  readonly unknown: number;
  readonly oldest: number;
  readonly contradicted: number;
}

/** Money in doubt: calls that create, capture, cancel or refund, and of which nobody knows what became; and taken money that its provider denies. */
@Injectable()
export class AttemptGauges {
  constructor(pool: EnginePool, @Inject(CLOCK) clock: Clock, { registry }: Metrics) {
    const reading = new Reading('payment calls in doubt', async () => (await boundedQuery<AttemptReading>(pool, READ)).at(0), clock);
    gaugesOf(registry, reading, [
      {
        name: 'kassaflow_payment_calls_in_doubt',
        help: 'Calls that move money and may or may not have been carried out, counted to 10,000',
        of: (attempts) => attempts?.unknown,
      },
      {
        name: 'kassaflow_oldest_payment_calls_in_doubt_seconds',
        help: 'For how long it has not been known whether a call moved money',
        of: (attempts) => attempts?.oldest,
      },
      {
        name: 'kassaflow_contradicted_payments',
        help: 'Payments that took money and of which their provider tells as if nobody had paid, counted to 10,000',
        of: (attempts) => attempts?.contradicted,
      },
    ]);
  }
}

/** One that is being sent is in doubt only when nobody has recorded its answer by the moment at which it is looked at again. */
const READ = `
select count(*)::int as unknown, coalesce(extract(epoch from clock_timestamp() - min(started_at)), 0)::float8 as oldest,
  (select count(*)::int from (select from payment where contradicted_at is not null limit 10000) denied) as contradicted
from (
  select started_at from payment_attempt
  where next_at is not null and (state = 'unknown' or (state = 'sending' and next_at <= clock_timestamp())) limit 10000
) found`;
