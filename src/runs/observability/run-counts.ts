/** What the engine of this process tells while it works, counted. On the hot path: a number is added, and nothing else. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Clock } from '../../kernel/clock.ts';
import type { Metrics } from '../../platform/observability/metrics.ts';
import type { AttentionKind } from '../journal-entry.ts';
import type { LiveRun } from '../live-run.ts';
import type { RunWatch } from '../postgres/run-watch.ts';
import type { FinalStatus } from '../run.ts';
import { timeOf } from '../uuid-time.ts';

/** Seconds; on a quiet disk a commit takes 1 ms, a busy one some 10. */
const FLUSH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const FLUSH_ITEMS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000];

export class RunCounts implements RunWatch {
  readonly #asked: Counter<'flow' | 'kind'>;
  readonly #flushSeconds: Histogram;
  readonly #flushItems: Histogram;

  constructor(
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {
    const registers = [metrics.registry];
    this.#asked = new Counter({
      name: 'kassaflow_runs_attention_total',
      help: 'Times that a run waited for a person, by why',
      labelNames: ['flow', 'kind'],
      registers,
    });
    this.#flushSeconds = new Histogram({
      name: 'kassaflow_flush_duration_seconds',
      help: 'Time from sending a flush to knowing that it is on disk',
      buckets: FLUSH_SECONDS,
      registers,
    });
    this.#flushItems = new Histogram({
      name: 'kassaflow_flush_items',
      help: 'Starts and journal rows in one flush',
      buckets: FLUSH_ITEMS,
      registers,
    });
  }

  started({ flow, facts }: LiveRun): void {
    this.metrics.runsStarted.inc({ flow: flow.name });
    // Ids are UUIDv7, made when the event was taken in; a run that no event started was asked for when its own id was made.
    const takenIn = timeOf(facts.event?.id ?? facts.id);
    this.metrics.readyDelaySeconds.observe(Math.max(0, this.clock.now().getTime() - takenIn) / 1_000);
  }

  ended({ flow }: LiveRun, status: FinalStatus): void {
    this.metrics.runsFinished.inc({ flow: flow.name, status });
  }

  asked({ flow }: LiveRun, kind: AttentionKind): void {
    this.#asked.inc({ flow: flow.name, kind });
  }

  flushed(items: number, ms: number): void {
    this.#flushSeconds.observe(ms / 1_000);
    // An empty flush renews the lease: a commit like any other, but it would say that flushes are small.
    if (items > 0) this.#flushItems.observe(items);
  }
}

/** What of the engine is looked at when somebody scrapes. */
export interface ObservedEngine {
  readonly load: number;
  readonly waiting: number;
}

/** Adds the gauges of what this process holds in memory. */
export function gaugesOfEngine({ registry }: Metrics, engine: ObservedEngine): void {
  const registers = [registry];
  new Gauge({
    name: 'kassaflow_runs_in_memory',
    help: 'Runs in memory, and starts that wait to be written; bounded by KASSAFLOW_MAX_IN_FLIGHT',
    registers,
    collect() {
      this.set(engine.load);
    },
  });
  new Gauge({
    name: 'kassaflow_admission_waiting',
    help: 'Events that wait for room in memory, a quarter of a second at most',
    registers,
    collect() {
      this.set(engine.waiting);
    },
  });
}
