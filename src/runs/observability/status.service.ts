import { Injectable } from '@nestjs/common';
import { Metrics } from '../../platform/observability/metrics.ts';
import { databaseErrors } from '../../platform/database/database-errors.ts';
import { RunGauges } from './run-gauges.ts';
import type { Pile } from './run-readings.ts';

/** Something that waits: how many, counted to 10,000, and for how many seconds the oldest has. */
export interface WaitingView {
  readonly what: string;
  readonly count: number;
  readonly oldestSeconds: number;
}

export interface StatusView {
  /** What needs a person, or is in doubt. All zero on a good day. */
  readonly trouble: readonly WaitingView[];
  /** What could be done and is not done yet. Its age says whether there are enough workers. */
  readonly work: readonly WaitingView[];
  /** What rests as it should. */
  readonly resting: { readonly waitsForEvents: number; readonly parkedBySwitch: number; readonly parkedByCap: number };
  readonly deadLetters: { readonly count: number; readonly largestGroup: number };
  readonly leases: { readonly live: number; readonly dead: number; readonly oldestDeadSeconds: number };
  /** Parts that follow the event log. */
  readonly subscribers: readonly { readonly subscriber: string; readonly lagSeconds: number }[];
  /** The process that answers; null for one that runs no flows. */
  readonly memory: { readonly runs: number; readonly eventsInLine: number } | null;
  /** Connections that are paused or whose check failed, as this process knows them. */
  readonly connectionsDown: readonly string[];
  /** Of our own PostgreSQL; null for a given server. */
  readonly disk: { readonly freeBytes: number; readonly sizeBytes: number } | null;
}

/** The numbers of `/metrics` that an operator looks at first, for people: the same ones, so that the two never differ. */
@Injectable()
export class Status {
  constructor(
    private readonly gauges: RunGauges,
    private readonly metrics: Metrics,
  ) {}

  /** @throws database.unavailable */
  async view(): Promise<StatusView> {
    const found = await this.gauges.reading.latest();
    if (!found) throw databaseErrors.unavailable().after(5_000);
    const { attention, leasesLive, leasesDead, parkedBySwitch, parkedByCap } = found;
    const payments = await this.#pile('kassaflow_payment_calls_in_doubt', 'kassaflow_oldest_payment_calls_in_doubt_seconds');
    const settlements = await this.#pile('kassaflow_settlement_imports_waiting', 'kassaflow_oldest_settlement_imports_waiting_seconds');
    const refused = await this.#pile('kassaflow_settlement_imports_failed', 'kassaflow_oldest_settlement_imports_failed_seconds');
    const unbalanced = await this.#pile('kassaflow_settlements_unbalanced', 'kassaflow_oldest_settlements_unbalanced_seconds');
    const webhooks = await this.#pile('kassaflow_webhooks_due', 'kassaflow_oldest_webhooks_due_seconds');
    const lag = await this.#lines('kassaflow_subscriber_lag_seconds');
    const up = await this.#lines('kassaflow_connection_up');
    return {
      trouble: [
        ...Object.entries(attention).map(([kind, pile]) => waiting(`runs that need a person: ${kind}`, pile)),
        waiting('calls in doubt', found.inDoubt),
        waiting('payment calls in doubt', payments),
        waiting('connections whose settlements are refused', refused),
        waiting('settlements that do not add up', unbalanced),
      ],
      work: [
        waiting('timers due', found.timersDue),
        waiting('news for runs', found.signals),
        waiting('commands', found.commands),
        waiting('runs in line for their turn', found.queued),
        waiting('webhooks to apply', webhooks),
        waiting('imports of settlements', settlements),
      ],
      resting: { waitsForEvents: found.waits, parkedBySwitch: parkedBySwitch.count, parkedByCap: parkedByCap.count },
      deadLetters: { count: found.deadLetters, largestGroup: found.largestGroup },
      leases: { live: leasesLive, dead: leasesDead.count, oldestDeadSeconds: Math.round(leasesDead.oldest) },
      subscribers: lag.map(({ labels, value }) => ({ subscriber: String(labels['subscriber']), lagSeconds: Math.round(value) })),
      memory: await this.#both('kassaflow_runs_in_memory', 'kassaflow_admission_waiting', (runs, eventsInLine) => ({ runs, eventsInLine })),
      connectionsDown: up.flatMap(({ labels, value }) => (value === 0 ? [String(labels['connection'])] : [])),
      disk: await this.#both('kassaflow_storage_free_bytes', 'kassaflow_storage_size_bytes', (freeBytes, sizeBytes) => ({
        freeBytes,
        sizeBytes,
      })),
    };
  }

  async #pile(count: string, oldest: string): Promise<Pile> {
    return (await this.#both(count, oldest, (pile, age) => ({ count: pile, oldest: age }))) ?? { count: 0, oldest: 0 };
  }

  async #both<T>(first: string, second: string, view: (first: number, second: number) => T): Promise<T | null> {
    const [a] = await this.#lines(first);
    const [b] = await this.#lines(second);
    return a && b ? view(a.value, b.value) : null;
  }

  async #lines(name: string): Promise<readonly { readonly labels: Partial<Record<string, string | number>>; readonly value: number }[]> {
    return (await this.metrics.registry.getSingleMetric(name)?.get())?.values ?? [];
  }
}

function waiting(what: string, { count, oldest }: Pile): WaitingView {
  return { what, count, oldestSeconds: Math.round(oldest) };
}
