/**
 * Hands signals to runs: to those in memory here at once, and takes those into memory that nobody has. What a run was handed is
 * remembered until the run has recorded it or left memory; a signal that gets lost on the way is found by the next look.
 *
 * It looks when this process has written a signal, and four times a second for those of others.
 */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { crashPoint } from '../../platform/crash-points.ts';
import type { LiveRun } from '../live-run.ts';
import type { FinalStatus, RunStatus } from '../run.ts';
import type { Signal } from '../signals.ts';
import type { Lane } from './lane.ts';
import { OPEN_SIGNALS } from './queries/open-signals.ts';
import { RepeatedLook } from './repeated-look.ts';
import type { Resume } from './resume.ts';

interface SignalRow {
  readonly id: string;
  readonly run_id: string;
  readonly step: string;
  readonly kind: Signal['kind'];
  readonly source: string;
  readonly detail: Readonly<Record<string, string>> | null;
  readonly epoch: string;
  readonly event_type: string | null;
  readonly event_occurred_at: Date | null;
  readonly event_data: Readonly<Record<string, unknown>> | null;
}

export interface SignalDeliveryPorts {
  readonly pool: Pick<pg.Pool, 'query'>;
  readonly resume: Resume;
  /** Leases of this process. */
  leases(): readonly string[];
  /** A lane for runs that are nobody's. */
  lane(): Lane;
  laneOf(runId: string): Lane | undefined;
  /** How many more runs may be taken into memory. */
  room(): number;
}

const POLL_MS = 250;
const AT_ONCE = 500;
const SLEEPING: readonly RunStatus[] = ['running', 'waiting', 'attention'];

export class SignalDelivery {
  readonly #log = new Logger('runs');
  readonly #look = new RepeatedLook(
    () => this.#lookOnce(),
    (error) => this.#log.warn(`Reading signals failed: ${error instanceof Error ? error.message : String(error)}`),
  );
  /** Signals that a run in memory has, and the run. */
  readonly #handed = new Map<string, string>();
  #poll: NodeJS.Timeout | undefined;

  constructor(private readonly ports: SignalDeliveryPorts) {}

  start(): void {
    this.#poll = setInterval(() => this.#look.now(), POLL_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#poll);
    await this.#look.stop();
  }

  /** There may be signals. */
  look(): void {
    this.#look.now();
  }

  /** These are recorded and deleted. */
  taken(ids: readonly string[]): void {
    for (const id of ids) this.#handed.delete(id);
  }

  /** The run is not in memory any more, and whatever it did not record is to be handed over again. */
  released(runId: string): void {
    if (this.#handed.size === 0) return;
    for (const [id, run] of this.#handed) if (run === runId) this.#handed.delete(id);
  }

  async #lookOnce(): Promise<void> {
    const values = [this.ports.leases(), [...this.#handed.keys()], AT_ONCE];
    const { rows } = await this.ports.pool.query<SignalRow>({ name: 'open-signals', text: OPEN_SIGNALS, values });
    const sleeping = rows.filter((row) => !this.#hand(row) && row.epoch === '0');
    const ids = [...new Set(sleeping.map(({ run_id }) => run_id))].slice(0, Math.max(0, this.ports.room()));
    if (ids.length > 0) {
      const runs = await this.#wake(ids);
      for (const row of sleeping) if (runs.has(row.run_id)) this.#hand(row);
    }
    // There may be more than were read; when nothing moved, those of others or of runs on their way out come with the next poll.
    if (rows.length === AT_ONCE && rows.some(({ id }) => this.#handed.has(id))) this.#look.now();
  }

  /** @returns false when the run is not in memory here, or on its way out */
  #hand(row: SignalRow): boolean {
    const run = this.ports.laneOf(row.run_id)?.runs.get(row.run_id);
    if (!run?.deliver(signalOf(row))) return false;
    this.#handed.set(row.id, row.run_id);
    return true;
  }

  async #wake(ids: readonly string[]): Promise<ReadonlyMap<string, LiveRun>> {
    const lane = this.ports.lane();
    const runs = await this.ports.resume.claim(lane, ids, SLEEPING);
    crashPoint('signal.handed.before');
    for (const run of runs) lane.keep(run);
    return new Map(runs.map((run) => [run.facts.id, run]));
  }
}

function signalOf({ id, step, kind, source, detail, event_type, event_occurred_at, event_data }: SignalRow): Signal {
  switch (kind) {
    case 'event': {
      const event = { id: source, type: event_type ?? '', occurredAt: event_occurred_at ?? new Date(0), data: event_data ?? {} };
      return { id, step, kind, event };
    }
    case 'child':
      // Written by a flush from a run's own final status.
      return { id, step, kind, run: source, status: (detail?.['status'] ?? 'failed') as FinalStatus, message: detail?.['message'] ?? '' };
    case 'answer':
      return { id, step, kind, choice: detail?.['choice'] ?? '', by: detail?.['by'] ?? '', note: detail?.['note'] ?? '' };
  }
}
