/**
 * The engine without a database: a journal in memory, a clock that jumps to the next timer. For tests of flows and of the
 * engine itself, and for dry runs. A crash is a new engine over the same store.
 */
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ActionDoor } from '../../plugin-host/action-call.ts';
import type { JournalEntry } from '../journal-entry.ts';
import type { EmittedEvent } from '../journaled-run.ts';
import { LiveRun, type Checkpoint, type RunHost } from '../live-run.ts';
import type { RunFacts, RunReason, RunStatus } from '../run.ts';
import { DEFAULT_RUN_SETTINGS, type RunSettings } from '../run-settings.ts';

/** A run as it is "on disk". */
export interface StoredRun {
  readonly facts: RunFacts;
  readonly flow: CompiledFlow;
  rows: number;
  status: RunStatus;
  reason: RunReason | undefined;
  readonly entries: JournalEntry[];
  readonly timers: Set<number>;
  readonly attentions: Set<string>;
}

/** What survives a crash. */
export class MemoryStore {
  readonly runs = new Map<string, StoredRun>();
  readonly events: EmittedEvent[] = [];
}

export interface MemoryParts {
  readonly store: MemoryStore;
  readonly door: ActionDoor;
  readonly settings?: Partial<RunSettings>;
  /** Milliseconds since 1970 at the start. */
  readonly startAt?: number;
  readonly random?: () => number;
  readonly readSubjects?: RunHost['readSubjects'];
  /** Resolves when a commit is done; a test may put a scheduler, or a crash, in between. */
  readonly commit?: () => Promise<void>;
  /** Hears of every checkpoint once it is "on disk": what a run waits for, whom it asks, what it starts. */
  readonly wrote?: (checkpoint: Checkpoint) => void;
}

export class MemoryEngine {
  readonly #live = new Map<string, LiveRun>();
  readonly #host: RunHost;
  #now: number;
  #crashed = false;
  #working = 0;

  constructor(private readonly parts: MemoryParts) {
    this.#now = parts.startAt ?? Date.UTC(2026, 0, 1);
    const clock: Clock = { now: () => new Date(this.#now), elapsed: () => this.#now };
    this.#host = {
      door: this.#counted(parts.door),
      clock,
      settings: { ...DEFAULT_RUN_SETTINGS, ...parts.settings },
      stopping: false,
      random: parts.random ?? (() => 0.5),
      readSubjects: parts.readSubjects ?? (() => Promise.resolve({})),
      asked: () => undefined,
      touched: (run) => this.#touched(run),
      defect: () => undefined,
    };
  }

  get now(): number {
    return this.#now;
  }

  start(flow: CompiledFlow, facts: RunFacts): void {
    this.parts.store.runs.set(facts.id, {
      facts,
      flow,
      rows: 0,
      status: 'running',
      reason: undefined,
      entries: [],
      timers: new Set(),
      attentions: new Set(),
    });
    const run = new LiveRun(facts, flow, this.#host);
    run.isNew = false;
    this.#begin(run);
  }

  /** Takes up every run of the store that is not over. */
  resume(): void {
    for (const { facts, status } of this.parts.store.runs.values()) {
      if (status === 'running' || status === 'waiting' || status === 'attention') this.take(facts.id);
    }
  }

  /** Takes one run into memory, after `tell` has had its say. */
  take(id: string, tell: (run: LiveRun) => void = () => undefined): void {
    const stored = this.parts.store.runs.get(id);
    if (!stored || this.#live.has(id)) return;
    const run = new LiveRun(stored.facts, stored.flow, this.#host, { rows: stored.rows, entries: [...stored.entries] });
    tell(run);
    this.#begin(run);
  }

  live(id: string): LiveRun | undefined {
    return this.#live.get(id);
  }

  /** From now on nothing of this engine reaches the store. */
  crash(): void {
    this.#crashed = true;
    for (const run of this.#live.values()) run.drop();
    this.#live.clear();
  }

  /** True while something is under way: a commit, a call, a run between two awaits. */
  get busy(): boolean {
    return this.#working > 0 || [...this.#live.values()].some((run) => !run.idle);
  }

  /** Runs everything to its end, or until it waits for a person; time jumps to the next timer, and never past `until`. */
  async settle(until = Infinity): Promise<void> {
    for (;;) {
      while (this.busy && !this.#crashed) await new Promise((resolve) => setImmediate(resolve));
      if (this.#crashed) return;
      const next = Math.min(...[...this.parts.store.runs.values()].flatMap(({ timers }) => [...timers]));
      if (next === Infinity || next > until) {
        if (until !== Infinity) this.#now = Math.max(this.#now, until);
        return;
      }
      this.#now = Math.max(this.#now, next);
      for (const stored of this.parts.store.runs.values()) if ([...stored.timers].some((at) => at <= this.#now)) this.take(stored.facts.id);
    }
  }

  #begin(run: LiveRun): void {
    this.#live.set(run.facts.id, run);
    run.begin();
    this.#touched(run);
  }

  #touched(run: LiveRun): void {
    if (run.queued || this.#crashed || !this.#live.has(run.facts.id)) return;
    run.queued = true;
    this.#working += 1;
    void Promise.resolve().then(() => this.#write(run));
  }

  /** One write per run at a time, in the order of its journal, as a lane has it. */
  async #write(run: LiveRun): Promise<void> {
    await Promise.resolve();
    if (run.idle) run.wakeDue(this.#now);
    const checkpoint = run.checkpoint();
    if (checkpoint) await (this.parts.commit?.() ?? Promise.resolve());
    run.queued = false;
    this.#working -= 1;
    if (!checkpoint || this.#crashed) return;
    this.#apply(checkpoint);
    this.parts.wrote?.(checkpoint);
    this.#touched(run);
  }

  #apply({ run, seq, entries, row, timersSet, timersGone, attentions, attentionsOver, emitted, waiters }: Checkpoint): void {
    const stored = this.parts.store.runs.get(run.facts.id);
    if (!stored) return;
    if (seq !== undefined) {
      stored.rows = seq + 1;
      stored.entries.push(...(JSON.parse(entries) as JournalEntry[])); // what JournalEntry was written by `append`
    }
    if (row) Object.assign(stored, { status: row.status, reason: row.reason });
    for (const at of timersSet) stored.timers.add(at);
    for (const at of timersGone) stored.timers.delete(at);
    for (const { step } of attentions) stored.attentions.add(step);
    for (const step of attentionsOver) stored.attentions.delete(step);
    this.parts.store.events.push(...emitted);
    for (const resolve of waiters) resolve();
    if (!row?.leaves) return;
    run.drop();
    this.#live.delete(run.facts.id);
  }

  #counted(door: ActionDoor): ActionDoor {
    const counted = async <T>(call: Promise<T>): Promise<T> => {
      this.#working += 1;
      try {
        return await call;
      } finally {
        this.#working -= 1;
      }
    };
    return {
      manifests: () => door.manifests(),
      resolveConnection: (...args) => door.resolveConnection(...args),
      invoke: (call) => counted(door.invoke(call)),
      lookup: (call) => counted(door.lookup(call)),
    };
  }
}
