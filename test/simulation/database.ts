/**
 * The database as the engine's processes see it: tables, and the statements of `src/runs/postgres/queries`, each of which happens as a
 * whole or not at all. What a statement is refused, it is refused here.
 */
import type { CompiledFlow } from '../../src/flows/language/compiled-flow.ts';
import { hasKey } from '../../src/runs/event-key.ts';
import type { AttentionKind, JournalEntry } from '../../src/runs/journal-entry.ts';
import type { Checkpoint, LiveRun } from '../../src/runs/live-run.ts';
import type { RunOrder } from '../../src/runs/run-order.ts';
import type { FinalStatus, RunEvent, RunFacts, RunReason, RunStatus } from '../../src/runs/run.ts';
import type { EventInterest, Question, Signal } from '../../src/runs/signals.ts';
import type { PlantedBug } from './planted-bug.ts';
import { Violation } from './violation.ts';

export const LEASE_MS = 4_000;

/** An event with the key by which it is known to be the same. */
export interface SimulatedEvent extends RunEvent {
  readonly key: string;
}

/** Runs that begin, all or none, with the event that starts them. */
export interface Start {
  readonly event?: SimulatedEvent;
  readonly runs: readonly LiveRun[];
  readonly settle: (accepted: boolean) => void;
  readonly fail: () => void;
}

/** What a run is told of one that could not be started. */
export interface NotStarted {
  readonly parent: { readonly run: string; readonly step: string };
  readonly child: string;
}

export interface Batch {
  readonly starts: readonly Start[];
  readonly first: ReadonlyMap<LiveRun, Checkpoint | undefined>;
  readonly checkpoints: readonly Checkpoint[];
  readonly answered: readonly Command[];
  readonly notStarted: readonly NotStarted[];
}

export interface Reply {
  readonly accepted: ReadonlySet<string>;
  readonly started: ReadonlySet<string>;
}

export interface Lease {
  readonly epoch: number;
  lastFlush: number;
  takenBy: number | undefined;
  released: boolean;
  expiresAt: number;
}

interface Wait extends EventInterest {
  readonly position: number;
}

export interface RunRow {
  readonly facts: RunFacts;
  readonly flow: CompiledFlow;
  readonly turn: string | undefined;
  status: RunStatus;
  reason: RunReason | undefined;
  epoch: number;
  rows: number;
  readonly journal: JournalEntry[];
  readonly timers: Set<number>;
  waits: Wait[];
  readonly signals: Map<string, Signal>;
  readonly questions: Map<string, Question>;
  /** Who is needed where; one of the kind `failed` sets the run aside. */
  readonly attentions: Map<string, AttentionKind>;
}

export interface Command {
  readonly run: string;
  readonly order: RunOrder;
  handled: 'done' | 'refused' | undefined;
}

interface LoggedEvent {
  readonly event: SimulatedEvent;
  readonly at: number;
  readonly position: number;
}

export const OPEN: readonly RunStatus[] = ['running', 'waiting', 'attention'];
const EVENT_MEMORY_MS = 1_000;

export class Database {
  /** Milliseconds since 1970, by the database's clock. */
  now: number;
  readonly leases = new Map<number, Lease>();
  readonly runs = new Map<string, RunRow>();
  readonly log: LoggedEvent[] = [];
  readonly commands: Command[] = [];
  /** Who has a one-per key. */
  readonly turns = new Map<string, string>();
  /** Who waits for one, in their order. */
  queue: RunRow[] = [];
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #eventKeys = new Map<string, number>();
  #position = 0;
  #cursor = 0;
  #epochs = 0;
  #signals = 0;

  constructor(now: number, bugs: ReadonlySet<PlantedBug>) {
    this.now = now;
    this.#bugs = bugs;
  }

  acquireLease(): number {
    const epoch = ++this.#epochs;
    this.leases.set(epoch, { epoch, lastFlush: 0, takenBy: undefined, released: false, expiresAt: this.now + LEASE_MS });
    return epoch;
  }

  /** @returns nothing when the fence lets nothing through */
  flush(epoch: number, number: number, batch: Batch): Reply | undefined {
    const lease = this.leases.get(epoch);
    if (!lease || lease.lastFlush !== number - 1 || (lease.takenBy !== undefined && !this.#bugs.has('no-fence'))) return undefined;
    lease.lastFlush = number;
    lease.expiresAt = this.now + LEASE_MS;
    const accepted = new Set<string>();
    const started = new Set<string>();
    for (const { event, runs } of batch.starts) {
      if (event && !this.#accept(event)) continue;
      if (event) accepted.add(event.id);
      for (const run of runs) if (this.#start(run, batch.first.get(run), epoch)) started.add(run.facts.id);
    }
    for (const checkpoint of batch.checkpoints) this.#write(checkpoint, epoch);
    for (const { parent, child } of batch.notStarted) this.#tellParent(parent, child, 'failed', 'It could not be started.');
    for (const command of batch.answered) command.handled ??= 'done';
    return { accepted, started };
  }

  /** Whether flush `number` was committed, for one whose answer was lost. */
  holds(epoch: number, number: number): boolean {
    const lease = this.leases.get(epoch);
    return lease !== undefined && lease.takenBy === undefined && lease.lastFlush === number;
  }

  /** What the lost answer said. */
  replyOf({ starts, first }: Batch, epoch: number): Reply {
    const ids = new Set(this.log.map(({ event }) => event.id));
    const accepted = new Set(starts.flatMap(({ event }) => (event && ids.has(event.id) ? [event.id] : [])));
    const started = new Set<string>();
    for (const { runs } of starts)
      for (const run of runs) {
        const row = this.runs.get(run.facts.id);
        const left = row?.status !== 'queued' && first.get(run)?.row?.leaves === true;
        if (row && (row.epoch === epoch || left || (this.#bugs.has('turn-forgotten') && row.status !== 'queued')))
          started.add(row.facts.id);
      }
    return { accepted, started };
  }

  /** The heartbeat. */
  renew(epoch: number): void {
    const lease = this.leases.get(epoch);
    if (lease && lease.takenBy === undefined) lease.expiresAt = this.now + LEASE_MS;
  }

  release(epoch: number): void {
    const lease = this.leases.get(epoch);
    if (!lease || lease.takenBy !== undefined) return;
    lease.released = true;
    lease.expiresAt = -1;
  }

  expired(except: number): Lease | undefined {
    for (const lease of this.leases.values())
      if (lease.takenBy === undefined && lease.epoch !== except && lease.expiresAt < this.now) return lease;
    return undefined;
  }

  /** @returns the runs that changed hands; nothing when the taker has no lease itself */
  takeOver(lease: Lease, by: number): readonly RunRow[] | undefined {
    if (this.leases.get(by)?.takenBy !== undefined) return undefined;
    lease.takenBy = by;
    const taken = [...this.runs.values()].filter(({ epoch }) => epoch === lease.epoch);
    for (const row of taken) row.epoch = by;
    return taken;
  }

  /** @returns nothing when it is somebody's, or in no such status, or the lease does not hold */
  claim(epoch: number, number: number, id: string, statuses: readonly RunStatus[]): RunRow | undefined {
    const row = this.runs.get(id);
    if (!row || !this.holds(epoch, number) || row.epoch !== 0 || !statuses.includes(row.status)) return undefined;
    row.epoch = epoch;
    row.status = 'running';
    return row;
  }

  /** Gives a key that is free to the first in line for it. */
  takeTurn(epoch: number, number: number, turn: string): RunRow | undefined {
    const next = this.#bugs.has('turn-out-of-order')
      ? this.queue.findLast((row) => row.turn === turn)
      : this.queue.find((row) => row.turn === turn);
    if (!next || !this.holds(epoch, number) || (this.turns.has(turn) && !this.#bugs.has('turn-given-twice'))) return undefined;
    this.#checkTurn(turn, next);
    this.turns.set(turn, next.facts.id);
    this.queue = this.queue.filter((row) => row !== next);
    if (next.epoch !== 0 || next.status !== 'queued') return undefined;
    next.epoch = epoch;
    next.status = 'running';
    return next;
  }

  /** Ends those in line before the last that replaces them, and tells whoever has the key to end. */
  replace(turn: string): void {
    const line = this.queue.filter((row) => row.turn === turn && row.flow.onePer?.ifRunning === 'replace');
    const last = line.pop();
    for (const passed of line) {
      this.queue = this.queue.filter((row) => row !== passed);
      if (passed.status !== 'queued' || passed.epoch !== 0) continue;
      passed.status = 'cancelled';
      this.#told(passed);
    }
    const holder = this.turns.get(turn);
    if (!last || holder === undefined) return;
    if (this.commands.some(({ run, order, handled }) => run === holder && order.kind === 'cancel' && handled !== 'refused')) return;
    this.commands.push({ run: holder, order: { kind: 'cancel', by: last.facts.id }, handled: undefined });
  }

  /** Keys at which somebody has to look. */
  forgottenTurns(): readonly string[] {
    const turns = this.queue.flatMap(({ turn, flow }) =>
      turn !== undefined && (!this.turns.has(turn) || flow.onePer?.ifRunning === 'replace') ? [turn] : [],
    );
    return turns.length > 1 ? [...new Set(turns)] : turns;
  }

  get hasUnmatched(): boolean {
    return this.#cursor < this.#position;
  }

  /** Holds events and waits against each other: of the two, the later one finds the other. */
  matchWaits(): void {
    for (const row of this.runs.values())
      for (const wait of row.waits) {
        for (const { event, at, position } of this.log) {
          if (Math.max(position, wait.position) <= this.#cursor) continue;
          if ((at < wait.since && position < wait.position) || !wait.events.includes(event.type) || !hasKey(event.data, wait.key)) continue;
          this.#signal(row, { kind: 'event', step: wait.step, event, id: `${++this.#signals}` }, event.id);
        }
      }
    this.#cursor = this.#position;
  }

  /** A person answers a question. */
  answer(row: RunRow, step: string, choice: string): void {
    if (row.questions.delete(step)) this.#signal(row, { kind: 'answer', step, choice, by: 'kim', note: '', id: `${++this.#signals}` }, '');
  }

  /** What nobody will take is swept away. */
  forgetSignals(): void {
    for (const row of this.runs.values()) if (row.epoch === 0 && FINAL.has(row.status) && row.status !== 'failed') row.signals.clear();
  }

  /** Nobody has the key who is not over, and nobody waits for it whose event came before (O5). */
  #checkTurn(turn: string, next: RunRow): void {
    const holder = this.runs.get(this.turns.get(turn) ?? '');
    if (holder && OPEN.includes(holder.status))
      throw new Violation('turns', `${next.facts.id} gets the key that ${holder.facts.id} has, which is ${holder.status}`);
    const arrival = (row: RunRow) => this.log.find(({ event }) => event.id === row.facts.event?.id)?.position ?? 0;
    const before = this.queue.find((row) => row.turn === turn && row !== next && arrival(row) < arrival(next));
    if (before) throw new Violation('turns', `${next.facts.id} gets its turn before ${before.facts.id}, whose event came first`);
  }

  #accept(event: SimulatedEvent): boolean {
    const known = this.#eventKeys.get(event.key);
    const isKnown = known !== undefined && !(this.#bugs.has('short-event-memory') && this.now - known > EVENT_MEMORY_MS);
    if (isKnown && !this.#bugs.has('no-event-key')) return false;
    this.#eventKeys.set(event.key, this.now);
    this.log.push({ event, at: this.now, position: ++this.#position });
    return true;
  }

  #start(run: LiveRun, first: Checkpoint | undefined, epoch: number): boolean {
    const { facts, flow } = run;
    const turn = facts.onePer === undefined ? undefined : `${facts.flowId}/${facts.onePer}`;
    const row = newRow(facts, flow, turn);
    if (turn !== undefined && (this.turns.has(turn) || this.queue.some((queued) => queued.turn === turn))) {
      const { ifRunning } = flow.onePer ?? {};
      if (ifRunning !== 'queue' && ifRunning !== 'replace') return false;
      this.runs.set(facts.id, { ...row, status: 'queued' });
      this.queue.push(this.runs.get(facts.id) ?? row);
      return false;
    }
    if (turn !== undefined && first?.row?.ended !== true) this.turns.set(turn, facts.id);
    row.epoch = epoch;
    this.runs.set(facts.id, row);
    if (first) this.#write(first, epoch);
    return true;
  }

  #write(checkpoint: Checkpoint, epoch: number): void {
    const { run, seq, entries, row: change } = checkpoint;
    const row = this.runs.get(run.facts.id);
    if (!row) throw new Violation('own', `${run.facts.id} is written and does not exist`);
    if (row.epoch !== epoch) throw new Violation('own', `lease ${epoch} writes ${run.facts.id}, which lease ${row.epoch} owns`);
    if (seq !== undefined) {
      if (seq !== row.rows) throw new Violation('own', `row ${seq} of the journal of ${run.facts.id} follows ${row.rows - 1}`);
      row.rows = seq + 1;
      row.journal.push(...(JSON.parse(entries) as JournalEntry[])); // written by LiveRun
    }
    if (change) {
      row.status = change.status;
      row.reason = change.reason;
      if (change.leaves) row.epoch = 0;
    }
    this.#writeOutside(row, checkpoint);
    if (change?.ended === true) this.#told(row);
  }

  #writeOutside(row: RunRow, checkpoint: Checkpoint): void {
    this.#writeTimers(row, checkpoint);
    // Rows of their own: what is over is what was there before this statement.
    for (const step of checkpoint.attentionsOver) row.attentions.delete(step);
    for (const { step, kind } of checkpoint.attentions) row.attentions.set(step, kind);
    this.#writeWaits(row, checkpoint);
    for (const id of checkpoint.signalsTaken) row.signals.delete(id);
    for (const step of checkpoint.questionsGone) row.questions.delete(step);
    for (const question of checkpoint.questions) row.questions.set(question.step, question);
  }

  /**
   * The parts of one statement see the tables as they were before it: what it deletes and inserts at once is not there afterwards.
   */
  #writeTimers(row: RunRow, { timersSet, timersGone }: Checkpoint): void {
    if (timersSet.length === 0 && timersGone.length === 0) return;
    const gone = timersGone.filter((at) => row.timers.has(at));
    for (const at of timersSet) row.timers.add(at);
    for (const at of gone) row.timers.delete(at);
  }

  #writeWaits(row: RunRow, { interestsSet, interestsGone }: Checkpoint): void {
    if (interestsSet.length === 0 && interestsGone.length === 0) return;
    const before = row.waits;
    const isThere = (wanted: EventInterest) =>
      before.some(({ step, key, events }) => step === wanted.step && key === wanted.key && events.join() === wanted.events.join());
    const fresh = interestsSet.filter((interest) => !isThere(interest)).map((interest) => ({ ...interest, position: ++this.#position }));
    row.waits = [...before.filter(({ step }) => !interestsGone.includes(step)), ...fresh];
  }

  /** A run is over: its key is free, and whoever waits for it is told. */
  #told({ facts, status, turn, reason }: RunRow): void {
    if (turn !== undefined && this.turns.get(turn) === facts.id) this.turns.delete(turn);
    if (this.queue.length > 0) this.queue = this.queue.filter((row) => row.facts.id !== facts.id);
    if (facts.parent && FINAL.has(status)) this.#tellParent(facts.parent, facts.id, status as FinalStatus, reason?.message ?? ''); // just looked at
  }

  #tellParent({ run, step }: NotStarted['parent'], child: string, status: FinalStatus, message: string): void {
    const parent = this.runs.get(run);
    if (!parent || parent.status === 'completed' || parent.status === 'stopped' || parent.status === 'cancelled') return;
    this.#signal(parent, { kind: 'child', step, run: child, status, message, id: `${++this.#signals}` }, child);
  }

  #signal(row: RunRow, signal: Signal, source: string): void {
    for (const known of row.signals.values())
      if (known.step === signal.step && known.kind === signal.kind && sourceOf(known) === source) return;
    row.signals.set(signal.id, signal);
  }
}

/** It was set aside, and is told nothing until a person lets it go on. */
export function isAside({ status, attentions }: RunRow): boolean {
  if (status !== 'attention') return false;
  for (const kind of attentions.values()) if (kind === 'failed') return true;
  return false;
}

export const FINAL: ReadonlySet<RunStatus> = new Set(['completed', 'stopped', 'failed', 'cancelled']);

function sourceOf(signal: Signal): string {
  return signal.kind === 'event' ? signal.event.id : signal.kind === 'child' ? signal.run : '';
}

function newRow(facts: RunFacts, flow: CompiledFlow, turn: string | undefined): RunRow {
  return {
    facts,
    flow,
    turn,
    status: 'running',
    reason: undefined,
    epoch: 0,
    rows: 0,
    journal: [],
    timers: new Set(),
    waits: [],
    signals: new Map(),
    questions: new Map(),
    attentions: new Map(),
  };
}
