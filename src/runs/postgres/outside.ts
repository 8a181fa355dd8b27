/**
 * What runs wait for besides time and people's commands: events, the ends of other runs, answers, their turn under a one-per key.
 * Three parts look for it, each by a table of its own; this is where they hear of what was written, and the sweep for what a
 * process that died has left behind.
 */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import type { LiveRun } from '../live-run.ts';
import type { RunEvent, RunFacts } from '../run.ts';
import type { EventWatch } from '../run-context.ts';
import type { FlushResult } from './committed-result.ts';
import type { FlushBatch } from './flush-batch.ts';
import type { Lane } from './lane.ts';
import { readMissed } from './missed-events.ts';
import { FORGET_SIGNALS } from './queries/open-signals.ts';
import type { Resume } from './resume.ts';
import { RunQueue } from './run-queue.ts';
import { SignalDelivery } from './signal-delivery.ts';
import { WaitMatcher } from './wait-matcher.ts';

export interface OutsidePorts {
  readonly pool: Pick<pg.Pool, 'query'>;
  readonly resume: Resume;
  elapsed(): number;
  /** Leases of this process. */
  leases(): readonly string[];
  /** A lane for runs that are nobody's. */
  lane(): Lane;
  laneOf(runId: string): Lane | undefined;
  /** How many more runs may be taken into memory. */
  room(): number;
  /** Runs were told to end. */
  commanded(): void;
}

const SWEEP_MS = 2_000;
const AGAIN_MS = 500;

export class Outside {
  readonly #log = new Logger('runs');
  readonly #matcher: WaitMatcher;
  readonly #signals: SignalDelivery;
  readonly #queue: RunQueue;
  #sweep: NodeJS.Timeout | undefined;

  constructor(private readonly ports: OutsidePorts) {
    this.#signals = new SignalDelivery(ports);
    this.#matcher = new WaitMatcher({ pool: ports.pool, elapsed: () => ports.elapsed(), told: () => this.#signals.look() });
    this.#queue = new RunQueue(ports);
  }

  async start(): Promise<void> {
    await this.#matcher.start();
    this.#signals.start();
    this.#sweep = setInterval(() => void this.#sweepUp(), SWEEP_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    await Promise.all([this.#matcher.stop(), this.#signals.stop(), this.#queue.stop()]);
  }

  /** Signals may have been written by another part of this process. */
  look(): void {
    this.#signals.look();
  }

  /** Events were recorded by another part of this process. */
  eventsRecorded(): void {
    this.#matcher.recordedSome();
  }

  /** Events of the log that end a run which stood in line. Waits for as long as the database is away; for ever, when the process stops. */
  async missed(facts: RunFacts, watches: readonly EventWatch[]): Promise<readonly RunEvent[]> {
    for (;;) {
      try {
        return await readMissed(this.ports.pool, facts, watches);
      } catch (error) {
        this.#log.warn(`What came while a run stood in line cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
    }
  }

  /** The run left memory, however it did. */
  released(run: LiveRun): void {
    this.#signals.released(run.facts.id);
  }

  /** A flush is on disk. Called for every flush: what says nothing about the outside costs a look at a set of types. */
  settled({ starts, checkpoints, childrenOver }: FlushBatch, { accepted, queued }: FlushResult): void {
    for (const { event, runs } of starts) {
      if (event && (!accepted || accepted.has(event.id))) this.#matcher.recorded(event.tenantId, event.type);
      if (queued.size > 0) for (const run of runs) if (queued.has(run.facts.id)) this.#lookAtTurn(run);
    }
    let told = childrenOver.length > 0;
    for (const { run, row, interestsSet, signalsTaken } of checkpoints) {
      for (const { events } of interestsSet) this.#matcher.waits(run.facts.tenantId, events);
      if (signalsTaken.length > 0) this.#signals.taken(signalsTaken);
      if (!row?.ended) continue;
      if (run.facts.parent) told = true;
      if (run.takesTurns) this.#lookAtTurn(run);
    }
    if (told) this.#signals.look();
  }

  #lookAtTurn({ facts }: LiveRun): void {
    this.#queue.look({ tenant_id: facts.tenantId, flow_id: facts.flowId, key: facts.onePer ?? '' });
  }

  async #sweepUp(): Promise<void> {
    try {
      await this.#queue.sweep();
      await this.ports.pool.query(FORGET_SIGNALS);
    } catch (error) {
      this.#log.warn(`Looking for what was left behind failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
