/** The engine's numbers in Prometheus' form; what each is watched for is in docs/operations.md. */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { gaugeByKind, gaugesOf, Reading, type NumberOf } from '../../platform/observability/reading.ts';
import { readRuns, type Pile, type RunReadings } from './run-readings.ts';

/** Numbers of the database are the same from every process: an alert takes the greatest, and not the sum. */
@Injectable()
export class RunGauges {
  /** What the gauges are read from, for the status page. */
  readonly reading: Reading<RunReadings>;

  constructor(pool: EnginePool, @Inject(CLOCK) clock: Clock, { registry }: Metrics) {
    this.reading = new Reading('numbers of the engine', () => readRuns(pool), clock);
    gaugesOf(registry, this.reading, NUMBERS);
    gaugeByKind(registry, this.reading, {
      name: 'kassaflow_runs_attention',
      help: 'Runs that wait for a person now, by why',
      label: 'kind',
      of: ({ attention }) => Object.entries(attention).map(([kind, { count }]) => [kind, count] as const),
    });
    gaugeByKind(registry, this.reading, {
      name: 'kassaflow_oldest_attention_seconds',
      help: 'For how long a run has waited for a person, by why',
      label: 'kind',
      of: ({ attention }) => Object.entries(attention).map(([kind, { oldest }]) => [kind, oldest] as const),
    });
    gaugeByKind(registry, this.reading, {
      name: 'kassaflow_parked_steps',
      help: 'Steps that rest because a switch or a cap holds them',
      label: 'by',
      of: ({ parkedBySwitch, parkedByCap }) => [['switch', parkedBySwitch.count] as const, ['cap', parkedByCap.count] as const],
    });
    gaugeByKind(registry, this.reading, {
      name: 'kassaflow_leases',
      help: 'Leases of flush lanes: live, or dead with runs that nobody has taken over',
      label: 'state',
      of: ({ leasesLive, leasesDead }) => [['live', leasesLive] as const, ['dead', leasesDead.count] as const],
    });
  }
}

const NUMBERS: readonly NumberOf<RunReadings>[] = [
  ...pileOf('timers_due', 'Timers whose moment has come and that have not been handled', ({ timersDue }) => timersDue),
  { name: 'kassaflow_waits', help: 'Runs that wait for an event', of: ({ waits }) => waits },
  ...pileOf('signals_pending', 'News for runs that no run has taken', ({ signals }) => signals),
  ...pileOf('runs_queued', 'Runs whose turn under a one-per key has not come', ({ queued }) => queued),
  ...pileOf('commands_open', 'Commands of people that have not been carried out', ({ commands }) => commands),
  ...pileOf('steps_in_doubt', 'Calls of which nobody knows whether they were carried out', ({ inDoubt }) => inDoubt),
  {
    name: 'kassaflow_oldest_dead_lease_seconds',
    help: 'For how long the runs of a dead process have waited to be taken over',
    of: ({ leasesDead }) => leasesDead.oldest,
  },
  { name: 'kassaflow_dead_letters', help: 'Runs that failed or need a person and are not mended', of: ({ deadLetters }) => deadLetters },
  { name: 'kassaflow_dead_letters_largest_group', help: 'The most dead letters with one cause', of: ({ largestGroup }) => largestGroup },
];

function pileOf(name: string, help: string, of: (readings: RunReadings) => Pile): readonly NumberOf<RunReadings>[] {
  return [
    { name: `kassaflow_${name}`, help: `${help}, counted to 10,000`, of: (readings) => of(readings).count },
    { name: `kassaflow_oldest_${name}_seconds`, help: `Age of the oldest: ${help}`, of: (readings) => of(readings).oldest },
  ];
}
