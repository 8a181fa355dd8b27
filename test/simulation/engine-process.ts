/**
 * One process of the engine: the real `LiveRun` and everything under it, around it the protocol of `src/runs/postgres/lane.ts` and of
 * what feeds a lane. A statement is sent, carried out and answered in decisions of their own, so that anything may come between.
 */
import { commandRefused } from './command-rules.ts';
import type { EventWorld } from './world.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { KassaflowError } from '../../src/kernel/errors.ts';
import { ActionDoor, type ActionCall } from '../../src/plugin-host/action-call.ts';
import type { LookupOutcome, StepOutcome } from '../../src/runs/journal-entry.ts';
import { LiveRun, type Checkpoint, type RunHost } from '../../src/runs/live-run.ts';
import { DEFAULT_RUN_SETTINGS } from '../../src/runs/run-settings.ts';
import { STATUSES_FOR } from '../../src/runs/command-refusal.ts';
import {
  LEASE_MS,
  OPEN,
  type Batch,
  type Command,
  type Database,
  type NotStarted,
  type Reply,
  type RunRow,
  type Start,
} from './database.ts';
import { MANIFESTS } from './provider.ts';

/** A statement on its way. `answered`: carried out, and nobody has read the answer yet. */
interface Flight {
  readonly batch: Batch;
  readonly number: number;
  readonly sentAt: number;
  state: 'sent' | 'answered' | 'broken';
  reply: Reply | undefined;
}

/** How a flush that is on its way goes on. */
export type FlightFate = 'through' | 'held-up' | 'carried-out' | 'cut-before' | 'cut-after';

export class EngineProcess {
  readonly name: string;
  readonly runs = new Map<string, LiveRun>();
  epoch = 0;
  /** Its own clock minus the database's, in milliseconds. */
  skew = 0;
  paused = false;
  alive = true;
  stopping = false;
  readonly #world: EventWorld;
  readonly #db: Database;
  readonly #host: RunHost;
  #flushes = 0;
  #flight: Flight | undefined;
  #starts: Start[] = [];
  #dirty: LiveRun[] = [];
  #answered: Command[] = [];
  readonly #acted = new Set<Command>();
  readonly #handed = new Map<string, string>();

  constructor(name: string, world: EventWorld, db: Database) {
    this.name = name;
    this.#world = world;
    this.#db = db;
    this.#host = this.#makeHost();
    this.#acquire();
  }

  get host(): RunHost {
    return this.#host;
  }

  get hasWork(): boolean {
    return this.#flight !== undefined || this.#starts.length > 0 || this.#dirty.length > 0 || this.#answered.length > 0;
  }

  get inFlight(): boolean {
    return this.#flight !== undefined;
  }

  get calling(): boolean {
    for (const run of this.runs.values()) if (run.calling) return true;
    return false;
  }

  start(start: Start): void {
    this.#starts.push(start);
  }

  /** Takes what is to be written, or goes on with what is on its way. */
  flush(fate: FlightFate): void {
    this.#flight ??= this.#gather();
    const flight = this.#flight;
    if (!flight) return this.#beat();
    if (flight.state === 'broken') flight.state = 'sent';
    if (fate === 'held-up') return;
    if (fate === 'cut-before' && flight.state === 'sent') {
      flight.state = 'broken';
      if (this.#world.has('intent-not-waited-for')) this.#settle(flight, this.#db.replyOf(flight.batch, this.epoch));
      return;
    }
    if (flight.state === 'sent') {
      flight.reply = this.#db.flush(this.epoch, flight.number, flight.batch);
      flight.state = 'answered';
    }
    if (fate === 'carried-out') return;
    if (fate === 'cut-after') {
      flight.state = 'broken';
      flight.reply = undefined;
      return;
    }
    this.#read(flight);
  }

  /** Its lease is renewed, unless a statement of its own is stuck before it. */
  beat(): void {
    if (this.alive && !this.paused && !this.#flight) this.#db.renew(this.epoch);
  }

  /** The next heartbeat finds that it has lost its lease. */
  get isOusted(): boolean {
    return this.#db.leases.get(this.epoch)?.takenBy !== undefined;
  }

  /** Takes a run that nobody has, of which a timer is due or a signal has come. */
  take(row: RunRow): boolean {
    if (!this.#db.claim(this.epoch, this.#flushes, row.facts.id, OPEN)) return false;
    this.keep(this.#load(row, false));
    return true;
  }

  wake(row: RunRow, now: number): void {
    const run = this.runs.get(row.facts.id);
    if (!run) {
      if (this.#world.has('timer-deleted-first')) for (const at of row.timers) if (at <= now) row.timers.delete(at);
      if (this.#world.has('timer-deleted-first') && this.#world.mishap()) return;
      this.take(row);
    } else run.wakeDue(now);
  }

  /** Signals of the run that it was not handed yet. */
  hasToHand(row: RunRow): boolean {
    for (const id of row.signals.keys()) if (!this.#handed.has(id)) return true;
    return false;
  }

  hand(row: RunRow, again: boolean): void {
    const { id } = row.facts;
    if (!this.runs.has(id) && !this.take(row)) return;
    const run = this.runs.get(id);
    for (const signal of row.signals.values()) {
      if ((this.#handed.has(signal.id) && !again) || run?.deliver(signal) !== true) continue;
      this.#handed.set(signal.id, id);
      if (this.#world.has('signal-deleted-first')) row.signals.delete(signal.id);
    }
  }

  mayAct(command: Command): boolean {
    if (this.#acted.has(command)) return false;
    const row = this.#db.runs.get(command.run);
    return row !== undefined && (row.epoch === 0 || this.runs.get(command.run)?.reachable === true || commandRefused(command, row));
  }

  /** As `src/runs/postgres/commands.ts`. */
  act(command: Command): void {
    const row = this.#db.runs.get(command.run);
    if (!row) return;
    if (commandRefused(command, row)) {
      command.handled = 'refused';
      return;
    }
    let run = this.runs.get(command.run);
    if (!run) {
      if (!this.#db.claim(this.epoch, this.#flushes, command.run, STATUSES_FOR[command.order.kind])) return;
      run = this.#load(row, false);
      const refused = run.order(command.order);
      this.keep(run);
      return this.#acted_(command, refused);
    }
    if (!run.reachable) return;
    const refused = run.order(command.order);
    // It is on its way out; whoever looks then finds the command.
    if (refused === 'runs.in-memory') return;
    this.#acted_(command, refused);
  }

  giveTurn(turn: string): void {
    this.#db.replace(turn);
    const row = this.#db.takeTurn(this.epoch, this.#flushes, turn);
    if (row) this.keep(this.#load(row, false));
  }

  /** Takes over a lease whose time is over. */
  adopt(): void {
    const lease = this.#db.expired(this.epoch);
    for (const row of (lease && this.#db.takeOver(lease, this.epoch)) ?? []) this.keep(this.#load(row, !lease?.released));
  }

  keep(run: LiveRun): void {
    this.runs.set(run.facts.id, run);
    run.begin();
    this.#touched(run);
  }

  /** It dies; a statement that is on its way may still be carried out. */
  crash(carriedOut: boolean): void {
    const flight = this.#flight;
    if (flight?.state === 'sent' && carriedOut) this.#db.flush(this.epoch, flight.number, flight.batch);
    this.alive = false;
    this.#forget();
  }

  /** A clean stop that has come to its end. */
  leave(): void {
    this.#db.release(this.epoch);
    this.alive = false;
    this.#forget();
  }

  #beat(): void {
    if (this.isOusted) this.#lose(NOTHING_SENT);
  }

  #acted_(command: Command, refused: string | undefined): void {
    if (refused !== undefined) {
      command.handled = 'refused';
      return;
    }
    this.#acted.add(command);
    this.#answered.push(command);
  }

  #gather(): Flight | undefined {
    const starts = this.#starts;
    const checkpoints: Checkpoint[] = [];
    const notStarted: NotStarted[] = [];
    const dirty = this.#dirty;
    const answered = this.#answered;
    this.#starts = [];
    this.#dirty = [];
    this.#answered = [];
    for (const run of dirty) {
      run.queued = false;
      if (run.idle) run.wakeDue(this.#db.now);
      const checkpoint = run.checkpoint();
      if (checkpoint) checkpoints.push(checkpoint);
    }
    for (const checkpoint of checkpoints) {
      for (const emitted of checkpoint.emitted) starts.push(this.#world.emittedStart(checkpoint.run, emitted, this));
      for (const child of checkpoint.children) {
        const run = this.#world.childRun(checkpoint.run, child, this);
        if (run) starts.push({ runs: [run], settle: nothing, fail: nothing });
        else if (child.parent) notStarted.push({ parent: child.parent, child: child.id });
      }
    }
    const first = new Map<LiveRun, Checkpoint | undefined>();
    for (const { runs } of starts) for (const run of runs) first.set(run, run.plain ? run.checkpoint() : undefined);
    if (starts.length === 0 && checkpoints.length === 0 && answered.length === 0) return undefined;
    const batch = { starts, first, checkpoints, answered, notStarted };
    return { batch, number: this.#flushes + 1, sentAt: this.#world.now, state: 'sent', reply: undefined };
  }

  /** The answer has come. */
  #read(flight: Flight): void {
    const { batch, number, reply } = flight;
    // An answer that lay unread for as long as a lease lasts says nothing about who owns the lease by now.
    const isFresh = this.#world.now - flight.sentAt <= LEASE_MS || this.#world.has('stale-reply-trusted');
    if (reply && isFresh) return this.#settle(flight, reply);
    if (this.#db.holds(this.epoch, number)) return this.#settle(flight, reply ?? this.#db.replyOf(batch, this.epoch));
    this.#lose(batch);
  }

  #settle({ batch, number }: Flight, reply: Reply): void {
    this.#flight = undefined;
    this.#flushes = number;
    for (const start of batch.starts) this.#settleStart(start, batch, reply);
    for (const checkpoint of batch.checkpoints) this.#settleCheckpoint(checkpoint);
  }

  #settleStart(start: Start, { first }: Batch, { accepted, started }: Reply): void {
    const isIn = !start.event || accepted.has(start.event.id);
    for (const run of start.runs) {
      if (!isIn || !started.has(run.facts.id)) {
        run.drop();
        continue;
      }
      run.isNew = false;
      this.runs.set(run.facts.id, run);
      const checkpoint = first.get(run);
      if (checkpoint) this.#settleCheckpoint(checkpoint);
      this.#touched(run);
    }
    start.settle(isIn);
  }

  #settleCheckpoint({ run, row, waiters, signalsTaken }: Checkpoint): void {
    for (const resolve of waiters) resolve();
    for (const id of signalsTaken) this.#handed.delete(id);
    if (row?.leaves) this.#release(run);
  }

  #release(run: LiveRun): void {
    run.drop();
    this.runs.delete(run.facts.id);
    for (const [signal, id] of this.#handed) if (id === run.facts.id) this.#handed.delete(signal);
  }

  #lose(batch: Batch): void {
    this.#world.count('lease lost');
    for (const { runs, fail } of [...batch.starts, ...this.#starts]) {
      for (const run of runs) run.drop();
      fail();
    }
    this.#forget();
    this.#acquire();
  }

  #forget(): void {
    this.#flight = undefined;
    for (const run of this.runs.values()) run.drop();
    for (const { runs } of this.#starts) for (const run of runs) run.drop();
    this.runs.clear();
    this.#starts = [];
    this.#dirty = [];
    this.#answered = [];
    this.#acted.clear();
    this.#handed.clear();
  }

  #acquire(): void {
    this.epoch = this.#db.acquireLease();
    this.#flushes = 0;
  }

  #load(row: RunRow, afterDeath: boolean): LiveRun {
    this.#world.count(afterDeath ? 'run taken over' : 'run taken up');
    const entries = this.#world.has('undo-forgotten') ? row.journal.filter((entry) => !isUndo(entry)) : [...row.journal];
    return new LiveRun(row.facts, row.flow, this.#host, { rows: row.rows, entries, afterDeath });
  }

  #touched(run: LiveRun): void {
    if (run.queued || run.isNew) return;
    run.queued = true;
    this.#dirty.push(run);
  }

  #makeHost(): RunHost {
    const world = this.#world;
    const now = () => world.now + this.skew;
    const clock: Clock = { now: () => new Date(now()), elapsed: () => world.now };
    const isStopping = () => this.stopping;
    return {
      get stopping() {
        return isStopping();
      },
      door: new SimulatedDoor(this, world),
      clock,
      settings: DEFAULT_RUN_SETTINGS,
      random: () => 0.5,
      newId: () => world.newId(),
      readSubjects: (_facts, names) => Promise.resolve(Object.fromEntries(names.map((name) => [name, world.subject()]))),
      asked: nothing,
      touched: (run) => this.#touched(run),
      defect: (run, error) => world.defect(run, error),
    };
  }
}

/** What the calls of one process go through. */
class SimulatedDoor extends ActionDoor {
  readonly #process: EngineProcess;
  readonly #world: EventWorld;

  constructor(process: EngineProcess, world: EventWorld) {
    super();
    this.#process = process;
    this.#world = world;
  }

  override manifests() {
    return this.#world.has('key-outlives-provider') ? FORGETFUL : MANIFESTS;
  }

  override resolveConnection(): Promise<undefined> {
    if (!this.#world.isDisconnected()) return NO_CONNECTION;
    return Promise.reject(new KassaflowError('sim.not-connected', { status: 409, title: 'There is no connection.', remedy: 'never' }));
  }

  override invoke(call: ActionCall): Promise<StepOutcome> {
    const sent = this.#world.has('fresh-key-per-attempt') ? { ...call, idempotencyKey: `${call.idempotencyKey}/${call.attempt}` } : call;
    return new Promise((resolve) => this.#world.called({ process: this.#process, call: sent, resolve, sentAt: this.#world.now }));
  }

  override lookup(call: ActionCall): Promise<LookupOutcome> {
    return new Promise((asked) => this.#world.called({ process: this.#process, call, asked, sentAt: this.#world.now }));
  }
}

const NOTHING_SENT: Batch = { starts: [], first: new Map(), checkpoints: [], answered: [], notStarted: [] };
const NO_CONNECTION = Promise.resolve(undefined);
const FORGETFUL = MANIFESTS.map((manifest) => (manifest.name === 'sim.short' ? { ...manifest, keyTtlMs: 1_000 * 3_600_000 } : manifest));

function nothing(): void {
  // Nobody waits for it.
}

function isUndo(entry: RunRow['journal'][number]): boolean {
  return 'step' in entry && entry.step !== undefined && (entry.kind === 'undone' || entry.step.includes('.undo.'));
}
