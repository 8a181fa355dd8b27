/** What an operator is alarmed by: a subscriber that stopped at an event. */
import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Metrics } from '../platform/observability/metrics.ts';
import { Dispatcher } from './dispatcher.ts';

/** Says for each subscriber that this process delivers to how often in a row it has failed; asked only when somebody scrapes. */
@Injectable()
export class DeliveryMetrics {
  constructor(metrics: Metrics, dispatcher: Dispatcher) {
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
