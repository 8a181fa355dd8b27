/** What an operator is alarmed by: a subscriber that stopped at an event, or that falls behind. */
import { Inject, Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import type { Clock } from '../kernel/clock.ts';
import { CLOCK } from '../platform/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { boundedQuery, gaugeByKind, Reading } from '../platform/observability/reading.ts';
import { Dispatcher } from './dispatcher.ts';

/** Seconds for which the oldest event that a subscriber has not been told of has been in the log; 0 when it has been told of all. */
export type SubscriberLag = ReadonlyMap<string, number>;

/** Asked only when somebody scrapes, or looks at the status page. */
@Injectable()
export class DeliveryMetrics {
  readonly lag: Reading<SubscriberLag>;

  constructor(metrics: Metrics, dispatcher: Dispatcher, pool: EnginePool, @Inject(CLOCK) clock: Clock) {
    this.lag = new Reading('lag of the subscribers', () => lagOf(pool, dispatcher), clock);
    gaugeByKind(metrics.registry, this.lag, {
      name: 'kassaflow_subscriber_lag_seconds',
      help: 'Age of the oldest event that a subscriber of the event log has not been told of',
      label: 'subscriber',
      of: (lag) => lag,
    });
    new Gauge({
      name: 'kassaflow_subscriber_failures',
      help: 'Failures in a row of a subscriber of the event log; above 0 it stands still',
      labelNames: ['subscriber'],
      registers: [metrics.registry],
      collect() {
        this.reset();
        for (const { subscriber, delivering, failures } of dispatcher.status()) if (delivering) this.set({ subscriber }, failures);
      },
    });
  }
}

async function lagOf(pool: EnginePool, dispatcher: Dispatcher): Promise<SubscriberLag> {
  const rows = await boundedQuery<{ subscriber: string; lag: number }>(pool, LAG, [
    dispatcher.subscribers(true),
    dispatcher.subscribers(false),
  ]);
  return new Map(rows.map(({ subscriber, lag }) => [subscriber, lag]));
}

const lag = (subscribers: string, condition: string) => `
select c.subscriber, coalesce(greatest(0, extract(epoch from clock_timestamp() - next.recorded_at)), 0)::float8 as lag
from event_cursor c left join lateral (
  select recorded_at from event e where e.seq > c.seq ${condition} order by e.seq limit 1
) next on true
where c.subscriber = any(${subscribers}::text[])`;
const LAG = `${lag('$1', 'and not e.routed')} union all ${lag('$2', '')}`;
