import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { boundedQuery, gaugeByKind, gaugesOf, Reading } from '../../platform/observability/reading.ts';

interface OutgoingReading {
  readonly due: number;
  readonly overdue: number;
  readonly dead: number;
  readonly active: number;
  readonly resting: number;
  readonly disabled: number;
}

/** How the queues of endpoints stand. What waits for one that is paused or disabled is not due. */
@Injectable()
export class OutgoingGauges {
  constructor(pool: EnginePool, @Inject(CLOCK) clock: Clock, { registry }: Metrics) {
    const reading = new Reading('numbers of outgoing webhooks', async () => (await boundedQuery<OutgoingReading>(pool, READ)).at(0), clock);
    gaugesOf(registry, reading, [
      { name: 'kassaflow_outgoing_webhooks_due', help: 'Messages to portals to be sent now, counted to 10,000', of: (found) => found?.due },
      {
        name: 'kassaflow_oldest_outgoing_webhooks_due_seconds',
        help: 'For how long a message to a portal has been due',
        of: (found) => found?.overdue,
      },
      {
        name: 'kassaflow_outgoing_webhooks_dead',
        help: 'Messages that a portal never took, counted to 10,000',
        of: (found) => found?.dead,
      },
    ]);
    gaugeByKind(registry, reading, {
      name: 'kassaflow_webhook_endpoints',
      help: 'Webhook endpoints of portals; resting ones do not take what is sent to them',
      label: 'state',
      of: (found) =>
        found ? [['active', found.active] as const, ['resting', found.resting] as const, ['disabled', found.disabled] as const] : [],
    });
  }
}

const READ = `
with endpoint as (select id, state, held_until > clock_timestamp() as rests from webhook_endpoint),
due as (
  select d.next_at from endpoint e join webhook_delivery d on d.endpoint_id = e.id
  where e.state = 'active' and e.rests is not true and d.next_at <= clock_timestamp() limit 10000),
dead as (select from endpoint e join webhook_delivery d on d.endpoint_id = e.id where e.state <> 'deleted' and d.state = 'dead' limit 10000)
select (select count(*)::int from due) as due,
  (select coalesce(extract(epoch from clock_timestamp() - min(next_at)), 0)::float8 from due) as overdue,
  (select count(*)::int from dead) as dead,
  (select count(*)::int from endpoint where state = 'active' and rests is not true) as active,
  (select count(*)::int from endpoint where state = 'active' and rests) as resting,
  (select count(*)::int from endpoint where state = 'disabled') as disabled`;
