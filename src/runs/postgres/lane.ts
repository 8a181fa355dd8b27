/**
 * One lane: one lease, one connection, one loop that writes what many runs want written.
 *
 * Modes, and what is true in each:
 * - *idle*: nothing to write, no statement in flight. A new item starts the loop in the same turn of the event loop; after a
 *   third of the lease time without one, an empty flush renews the lease.
 * - *flushing*: one statement is in flight; what arrives gathers for the next. Nothing in the batch has been promised to anybody.
 * - *away*: the connection broke. The batch is kept and sent again with the same number once there is a connection; starts that
 *   arrive or wait are refused meanwhile, runs wait.
 * - *lost*: the fence returned no row and the flush was not committed. Everything in memory is dropped, a new lease is acquired.
 * - *closed*: after `close`; the lease is released.
 *
 * The protocol, and why a cut connection repeats nothing, is in ../README.md, "The flush".
 */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { eventErrors } from '../../events/event-errors.ts';
import type { Checkpoint, LiveRun } from '../live-run.ts';
import { committedResult, resultOf, type FlushResult } from './committed-result.ts';
import { flushParameters, type CommandAnswer, type FirstCheckpoints, type FlushBatch, type Start } from './flush-batch.ts';
import { crashPointsAfter, crashPointsBefore } from './flush-crash-points.ts';
import { newsParameter } from './flush-news.ts';
import { gather } from './gather.ts';
import { halves } from './halve-batch.ts';
import type { LaneHost } from './lane-host.ts';
import { Lease } from './lease.ts';
import { FLUSH, FLUSH_WITH_NEWS, type FlushRow } from './queries/flush.ts';
import { isRefusal, refusalFacts } from './refusal.ts';

/** A statement that must not overlap with a flush, because it depends on who owns what. Refused while there is no connection. */
interface Job {
  readonly run: (client: pg.PoolClient, epoch: string, flush: string) => Promise<void>;
  readonly refuse: (error: unknown) => void;
}

const MOST_ITEMS = 1_000;
/** Below this many items a flush goes out at once, above it the next one gathers for a millisecond. */
const FEW_ITEMS = 4;
const LINGER_MS = 1;
const RECONNECT_MS = [20, 50, 100, 250, 500] as const;
/** After this long without a connection, starts that wait for their commit are told to come back. */
const PATIENCE_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 15_000;

export class Lane {
  readonly #log = new Logger('runs');
  /** Runs in memory, by id; the oldest is nearly always the first. */
  readonly runs = new Map<string, LiveRun>();
  #client: pg.PoolClient | undefined;
  readonly #lease: Lease;
  #starts: Start[] = [];
  #dirty: LiveRun[] = [];
  #answers: CommandAnswer[] = [];
  #jobs: Job[] = [];
  #loop: Promise<void> | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  /** Runs that are being loaded. */
  readonly #claimed = new Set<string>();
  /** Runs that were not started under this lease: `run.claimed_by` leads to them, and not the low-water mark. */
  readonly #resumed = new Set<string>();
  #away = false;
  readonly #readUnder = new WeakMap<LiveRun, string>();
  /** What Postgres said of the statement that it refused last. */
  #refusal = '';
  #closing = false;
  #closed = false;
  #beatDue = false;

  constructor(private readonly host: LaneHost) {
    this.#lease = new Lease(host);
  }

  /** Number of flushes so far, for measurements. */
  get flushes(): bigint {
    return this.#lease.flush;
  }

  /** Runs in memory, and starts that wait to be written. */
  get load(): number {
    return this.runs.size + this.#starts.length;
  }

  /** True while an intent or an answer that is worth waiting for is on its way. */
  get calling(): boolean {
    return !this.#away && [...this.runs.values()].some((run) => run.calling);
  }

  /** Whether calls of its runs may leave: the lease is surely its own, and will be for as long as a request takes. */
  get mayLeave(): boolean {
    return this.#lease.holdsForNow;
  }

  /** The lease under which its runs are its own. */
  get lease(): string {
    return this.#lease.epoch;
  }

  get away(): boolean {
    return this.#away;
  }

  /** Connects and acquires a lease. Rejects when the database is not reachable. */
  async open(): Promise<void> {
    await this.#acquire();
    this.#heartbeat = setInterval(() => this.#beat(), Math.ceil(this.host.leaseMs / 3));
    this.#heartbeat.unref();
  }

  /** Queues a start. Its runs are this lane's from now on and write nothing of their own until it is settled. */
  start(start: Start): void {
    if (this.#away || this.#closed) return start.fail(eventErrors.unavailable().after(1_000));
    this.#starts.push(start);
    this.#kick();
  }

  /** Remembers that `run` has something to write. */
  touched(run: LiveRun): void {
    if (run.queued || run.isNew) return;
    run.queued = true;
    this.#dirty.push(run);
    this.#kick();
  }

  /** Writes the answer to a command in the next flush, with what the command did. */
  answer(answer: CommandAnswer): void {
    this.#answers.push(answer);
    this.#kick();
  }

  /** Runs `job` between two flushes. Rejects with what it rejects with, and while there is no connection. */
  between<T>(job: (client: pg.PoolClient, epoch: string, flush: string) => Promise<T>): Promise<T> {
    if (this.#away || this.#closing) return Promise.reject(eventErrors.unavailable().after(1_000));
    return new Promise((resolve, refuse) => {
      this.#jobs.push({ run: (client, epoch, flush) => job(client, epoch, flush).then(resolve, refuse), refuse });
      this.#kick();
    });
  }

  /** These runs are this lane's now, by `claimed_by`, and are being loaded. */
  claimed(ids: readonly string[]): void {
    for (const id of ids) {
      this.#claimed.add(id);
      this.#resumed.add(id);
    }
  }

  /** These could not be loaded. They are still this lane's, and nobody has them. */
  unclaimed(ids: readonly string[]): void {
    for (const id of ids) this.#claimed.delete(id);
  }

  /** The run was read under this lease. */
  wasRead(run: LiveRun, lease: string): void {
    this.#readUnder.set(run, lease);
  }

  /**
   * Takes a run into memory that was claimed, and starts it.
   * @returns false when the lease under which it was read was lost meanwhile: whoever took it has the run, and what was read is out of date
   */
  keep(run: LiveRun): boolean {
    if (!this.#claimed.has(run.facts.id) || this.#readUnder.get(run) !== this.#lease.epoch) {
      run.drop();
      return false;
    }
    this.#claimed.delete(run.facts.id);
    this.runs.set(run.facts.id, run);
    this.host.resumed(run);
    run.begin();
    this.touched(run);
    return true;
  }

  /** Tells whether the run is in memory here or about to be. */
  has(id: string): boolean {
    return this.runs.has(id) || this.#claimed.has(id);
  }

  /** Writes what is pending, releases the lease and gives the connection back. Runs still in memory are dropped. */
  async close(): Promise<void> {
    if (!this.#heartbeat) return;
    clearInterval(this.#heartbeat);
    // What is pending is still written, if there is a connection; nobody waits for one any more.
    this.#closing = true;
    while (this.#loop) await this.#loop;
    this.#closed = true;
    for (const run of this.runs.values()) this.#release(run);
    if (this.#client) await this.#lease.release(this.#client).catch(() => undefined);
    this.#client?.release(this.#away);
    this.#client = undefined;
  }

  #beat(): void {
    this.#beatDue = true;
    this.#kick();
  }

  /** Starts the loop, at the end of this turn of the event loop, so that what arrives together is written together. */
  #kick(): void {
    this.#loop ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#run());
  }

  async #run(): Promise<void> {
    let starts: readonly Start[] = [];
    try {
      while (this.#hasWork()) {
        await this.#runJobs();
        starts = this.#starts.splice(0, MOST_ITEMS);
        const dirty = this.#dirty.splice(0, MOST_ITEMS);
        const { batch, first } = await gather({ starts, dirty, answers: this.#answers.splice(0) }, this.host);
        const items = batch.starts.length + batch.checkpoints.length;
        if (items > 0 || batch.answers.length > 0 || this.#beatDue) await this.#write(batch, first);
        this.#beatDue = false;
        if (items >= FEW_ITEMS) await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
        else if (this.#hasWork()) await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      this.#log.error(`A flush loop stopped: ${error instanceof Error ? error.message : String(error)}`);
      // Whoever sent them waits for an answer; one that was answered already hears nothing more.
      await this.#lose(starts);
    } finally {
      this.#loop = undefined;
      if (this.#hasWork()) this.#kick();
    }
  }

  #hasWork(): boolean {
    return (
      !this.#closed &&
      (this.#starts.length > 0 || this.#dirty.length > 0 || this.#answers.length > 0 || this.#jobs.length > 0 || this.#beatDue)
    );
  }

  async #runJobs(): Promise<void> {
    for (const job of this.#jobs.splice(0)) {
      if (this.#client) await job.run(this.#client, this.#lease.epoch, String(this.#lease.flush));
      else job.refuse(eventErrors.unavailable().after(1_000));
    }
  }

  /** Brings the batch to disk, whatever it takes, or loses the lease. */
  async #write(batch: FlushBatch, first: FirstCheckpoints): Promise<void> {
    const since = this.host.elapsed();
    for (;;) {
      const result = await this.#send(batch, first, since);
      if (result === 'again') continue;
      if (result === 'lost') return this.#lose(batch.starts);
      if (result === 'refused') return this.#halve(batch, first);
      this.#lease.committed();
      this.host.flushed(batch.starts.length + batch.checkpoints.length, this.host.elapsed() - since);
      return this.#settle(batch, first, result);
    }
  }

  /** @param since when this flush was sent for the first time */
  async #send(batch: FlushBatch, first: FirstCheckpoints, since: number): Promise<FlushResult | 'again' | 'lost' | 'refused'> {
    const client = this.#client;
    if (!client) {
      await this.#reconnect(batch);
      return this.#client ? 'again' : 'lost';
    }
    const number = this.#lease.flush + 1n;
    crashPointsBefore(batch);
    const sentAt = this.host.elapsed();
    try {
      const values = [
        this.#lease.epoch,
        String(number),
        this.#lease.ms,
        this.#lease.lowWater(() => this.#mine(first.keys())),
        ...flushParameters(batch, first),
      ];
      const news = newsParameter(batch, first, this.host.publicUrl);
      const { rows } = await client.query<FlushRow>(
        news === undefined
          ? { name: 'flush', text: FLUSH, values, ...TIMEOUT }
          : { name: 'flush-news', text: FLUSH_WITH_NEWS, values: [...values, news], ...TIMEOUT },
      );
      const row = rows[0];
      // An answer that lay unread for as long as a lease lasts, because this process stood still, does not say who owns the lease now.
      const isFresh = this.host.elapsed() - sentAt < this.#lease.ms;
      if (row?.fenced === 1) this.#lease.renewed(sentAt);
      if (row?.fenced === 1 && isFresh) return resultOf(row);
      if (!(await this.#lease.holds(client, number))) return 'lost';
      if (row?.fenced !== 1) this.#lease.renewed(since);
      return row?.fenced === 1 ? resultOf(row) : await committedResult(client, batch, first, this.#lease.epoch);
    } catch (error) {
      if (isRefusal(error)) {
        this.#refusal = refusalFacts(error);
        return 'refused';
      }
      this.#disconnect(error);
      return 'again';
    }
  }

  #settle(batch: FlushBatch, first: FirstCheckpoints, result: FlushResult): void {
    crashPointsAfter(batch);
    for (const start of batch.starts) this.#settleStart(start, first, result);
    for (const checkpoint of batch.checkpoints) this.#settleCheckpoint(checkpoint);
    this.host.settled(batch, result);
  }

  #settleStart(start: Start, first: FirstCheckpoints, { accepted, started, moved }: FlushResult): void {
    const refused = (start.event && accepted && !accepted.has(start.event.id)) || (start.cursor && !moved);
    const runs = refused ? [] : start.runs.filter((run) => !started || started.has(run.facts.id));
    for (const run of start.runs) {
      if (!runs.includes(run)) {
        this.#release(run);
        continue;
      }
      run.isNew = false;
      this.host.started(run);
      this.runs.set(run.facts.id, run);
      const checkpoint = first.get(run);
      if (checkpoint) this.#settleCheckpoint(checkpoint);
      this.touched(run);
    }
    start.settle(refused ? { kind: 'refused' } : { kind: 'started', runs });
  }

  #settleCheckpoint({ run, row, waiters, timersSet }: Checkpoint): void {
    for (const resolve of waiters) resolve();
    if (row?.leaves) this.#release(run);
    if (timersSet.length > 0) this.host.timersSet(run, timersSet);
  }

  #release(run: LiveRun): void {
    run.drop();
    this.runs.delete(run.facts.id);
    this.#resumed.delete(run.facts.id);
    this.host.released(run);
  }

  /** A value in the batch is refused: finds whose it is. The refused statement was rolled back, so its number is free again. */
  async #halve(batch: FlushBatch, first: FirstCheckpoints): Promise<void> {
    const parts = halves({ batch, first });
    if (parts) {
      for (const part of parts) await this.#write(part.batch, part.first);
      return;
    }
    const { starts, checkpoints } = batch;
    for (const start of starts) {
      for (const run of start.runs) this.#release(run);
      start.fail(eventErrors['invalid-data']({ reason: 'the database refuses a value' }));
    }
    for (const { run } of checkpoints) run.refuse();
    this.#log.error(`The database refused a value of ${checkpoints[0]?.run.facts.id ?? 'a start'}: ${this.#refusal}`);
  }

  #disconnect(error: unknown): void {
    this.#log.warn(`The connection of a flush lane broke: ${error instanceof Error ? error.message : String(error)}`);
    this.#away = true;
    this.#client?.release(true);
    this.#client = undefined;
    for (const start of this.#starts.splice(0)) this.#failStart(start);
    for (const job of this.#jobs.splice(0)) job.refuse(eventErrors.unavailable().after(1_000));
  }

  #failStart(start: Start): void {
    for (const run of start.runs) this.#release(run);
    start.fail(eventErrors.unavailable().after(1_000));
  }

  /** Resolves when there is a connection again, or the lane was closed. */
  async #reconnect(batch?: FlushBatch): Promise<void> {
    const since = this.host.elapsed();
    for (let tries = 0; !this.#closing; tries += 1) {
      try {
        this.#client = await this.host.pool.connect();
        this.#away = false;
        return;
      } catch {
        this.#away = true;
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS[Math.min(tries, RECONNECT_MS.length - 1)]));
        // Whether they were committed is not known; the sender may repeat them without harm.
        if (this.host.elapsed() - since > PATIENCE_MS)
          for (const start of batch?.starts ?? []) start.fail(eventErrors.unavailable().after(1_000));
      }
    }
  }

  /** Drops everything that is in memory and begins again under a new lease. */
  async #lose(starts: readonly Start[]): Promise<void> {
    if (this.#closing) return this.#dropAll(starts);
    this.#log.warn(`Lease ${this.#lease.epoch} was lost; ${this.runs.size} runs are dropped here and go on where it was taken`);
    this.#dropAll(starts);
    while (!this.#closing) {
      try {
        return await this.#acquire();
      } catch (error) {
        this.#disconnect(error);
        await this.#reconnect();
      }
    }
  }

  #dropAll(starts: readonly Start[]): void {
    for (const start of [...starts, ...this.#starts.splice(0)]) this.#failStart(start);
    this.#dirty = [];
    this.#answers = [];
    this.#claimed.clear();
    this.#resumed.clear();
    this.#beatDue = false;
    for (const run of this.runs.values()) this.#release(run);
  }

  async #acquire(): Promise<void> {
    if (!this.#client) this.#client = await this.host.pool.connect();
    await this.#lease.acquire(this.#client);
    this.host.acquired();
  }

  /** Every run that this lane may own and that `claimed_by` does not lead to. */
  *#mine(starting: Iterable<LiveRun>): Generator<string> {
    for (const id of this.runs.keys()) if (!this.#resumed.has(id)) yield id;
    for (const { runs } of this.#starts) for (const { facts } of runs) yield facts.id;
    for (const { facts } of starting) yield facts.id;
  }
}

const TIMEOUT = { query_timeout: STATEMENT_TIMEOUT_MS };
