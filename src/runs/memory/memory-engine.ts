/**
 * The engine without a database: a journal in memory, a clock that jumps to the next timer. For tests of flows and of the
 * engine itself, and for dry runs. A crash is a new engine over the same store.
 *
 * Nothing in it waits for the event loop unless a door or a reader does, so that thousands of runs a second can be gone through.
 */
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import type { ActionDoor } from '../../plugin-host/action-call.ts';
import { LiveRun, type Checkpoint, type RunHost } from '../live-run.ts';
import type { RunEvent, RunFacts, RunStatus } from '../run.ts';
import type { OrderRefusal, RunOrder } from '../run-order.ts';
import type { ChildStart } from '../signals.ts';
import { DEFAULT_RUN_SETTINGS, type RunSettings } from '../run-settings.ts';
import type { MemoryStore, StoredRun } from './memory-store.ts';

export interface MemoryParts {
  readonly store: MemoryStore;
  readonly door: ActionDoor;
  readonly settings?: Partial<RunSettings>;
  /** Milliseconds since 1970 at the start. */
  readonly startAt?: number;
  readonly random?: () => number;
  /** Ids of events and sub-flows; without it they are new each time. */
  readonly newId?: () => string;
  readonly readSubjects?: RunHost['readSubjects'];
  /** Flows that others may run, by name. Without it sub-flows are started by whoever reads `wrote`. */
  readonly flows?: (name: string) => CompiledFlow | undefined;
  /** Resolves when a commit is done; a test may put a scheduler, or a crash, in between. */
  readonly commit?: () => Promise<void>;
  /** Hears of every checkpoint once it is "on disk": what a run waits for, whom it asks, what it starts. */
  readonly wrote?: (checkpoint: Checkpoint) => void;
}

const OPEN: ReadonlySet<RunStatus> = new Set(['running', 'waiting', 'attention']);
/** So often is looked without giving the event loop a turn. */
const PATIENCE = 500;

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
      ...(parts.newId && { newId: parts.newId }),
      readSubjects: parts.readSubjects ?? (() => Promise.resolve({})),
      asked: () => undefined,
      touched: (run) => this.#touched(run),
      defect: () => undefined,
    };
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  get now(): number {
    return this.#now;
  }

  /** Starts a run, or lets it wait for its turn, as the flow's `one-per` has it. @returns false when it is not to be */
  start(flow: CompiledFlow, facts: RunFacts): boolean {
    const others = this.#sameKey(flow, facts);
    const holder = others.find(({ status }) => status !== 'queued');
    const ifRunning = holder && flow.onePer?.ifRunning;
    if (ifRunning === 'skip') return false;
    if (!holder || ifRunning === 'parallel') {
      this.#startNow(this.parts.store.add(flow, facts));
      return true;
    }
    this.parts.store.add(flow, facts, 'queued');
    if (ifRunning === 'replace') {
      const why = `Replaced by ${idOf('run', facts.id)}`;
      for (const { facts: other } of others) this.order(other.id, { kind: 'cancel', by: 'one-per', why });
    }
    return true;
  }

  /** Takes up every run of the store that is not over. */
  resume(): void {
    for (const stored of this.parts.store.runs.values()) if (OPEN.has(stored.status)) this.take(stored.facts.id);
    for (const stored of this.parts.store.runs.values()) if (stored.status === 'queued') this.#promote(stored);
  }

  /** Takes one run into memory, after `tell` has had its say. It finds there what is known to it. */
  take(id: string, tell: (run: LiveRun) => void = () => undefined): void {
    const stored = this.parts.store.runs.get(id);
    if (!stored || this.#live.has(id)) return;
    stored.status = 'running';
    const run = new LiveRun(stored.facts, stored.flow, this.#host, { rows: stored.rows, entries: [...stored.entries] });
    for (const signal of stored.signals.values()) run.deliver(signal);
    tell(run);
    this.#begin(run);
  }

  live(id: string): LiveRun | undefined {
    return this.#live.get(id);
  }

  /** Records an event, which runs may wait for. It starts none. */
  arrive(event: RunEvent): void {
    this.parts.store.record(event, this.#now);
    this.#handOver();
  }

  /** A person answers the question of a step. @returns false when nobody is asked there any more */
  answer(run: string, step: string, choice: string, by = 'kim', note = ''): boolean {
    if (!this.parts.store.answer(run, step, { choice, by, note })) return false;
    this.#handOver();
    return true;
  }

  /** Carries out what a person wants of a run. A run that is moved gets `flow` from then on. */
  order(id: string, order: RunOrder, flow?: CompiledFlow): OrderRefusal | undefined {
    const stored = this.parts.store.runs.get(id);
    if (stored?.status === 'queued') {
      Object.assign(stored, { status: 'cancelled', reason: { message: `Cancelled by ${order.by}.` } });
      return undefined;
    }
    const live = this.#live.get(id);
    if (live) return live.order(order);
    if (stored && flow) stored.flow = flow;
    let refusal: OrderRefusal | undefined;
    this.take(id, (run) => (refusal = run.order(order)));
    return refusal;
  }

  /** From now on nothing of this engine reaches the store. */
  crash(): void {
    this.#crashed = true;
    for (const run of this.#live.values()) run.drop();
    this.#live.clear();
  }

  /** True while something is under way: a commit, a call, a run between two awaits. */
  get busy(): boolean {
    if (this.#working > 0) return true;
    for (const run of this.#live.values()) if (!run.idle) return true;
    return false;
  }

  /** Runs everything to its end, or until it waits for a person; time jumps to the next timer, and never past `until`. */
  async settle(until = Infinity): Promise<void> {
    for (;;) {
      await this.#comeToRest();
      if (this.#crashed) return;
      const next = this.#nextTimer();
      if (next === Infinity || next > until) {
        if (until !== Infinity) this.#now = Math.max(this.#now, until);
        return;
      }
      this.#now = Math.max(this.#now, next);
      for (const { facts, timers } of this.parts.store.runs.values()) if ([...timers].some((at) => at <= this.#now)) this.take(facts.id);
    }
  }

  async #comeToRest(): Promise<void> {
    for (let looks = 1; this.busy && !this.#crashed; looks += 1) {
      // A door that answers by the event loop needs a turn of it; one that answers at once does not have to wait for that.
      if (looks % PATIENCE === 0) await new Promise((resolve) => setImmediate(resolve));
      else await Promise.resolve();
    }
  }

  #nextTimer(): number {
    let next = Infinity;
    for (const { timers } of this.parts.store.runs.values()) for (const at of timers) if (at < next) next = at;
    return next;
  }

  #startNow({ facts, flow }: StoredRun): void {
    const run = new LiveRun(facts, flow, this.#host);
    run.isNew = false;
    this.#begin(run);
  }

  #begin(run: LiveRun): void {
    this.#live.set(run.facts.id, run);
    run.begin();
    this.#touched(run);
  }

  #touched(run: LiveRun): void {
    if (run.queued || this.#crashed || this.#live.get(run.facts.id) !== run) return;
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
    this.#settleCheckpoint(checkpoint);
    this.parts.wrote?.(checkpoint);
    this.#touched(run);
  }

  #settleCheckpoint(checkpoint: Checkpoint): void {
    const { run, row, waiters, children, emitted } = checkpoint;
    const stored = this.parts.store.runs.get(run.facts.id);
    if (!stored) return;
    this.parts.store.apply(stored, checkpoint);
    for (const { id, type, occurredAt, data } of emitted) this.parts.store.record({ id, type, occurredAt, data }, this.#now);
    for (const child of children) this.#startChild(child, stored);
    for (const resolve of waiters) resolve();
    if (row?.leaves === true) {
      run.drop();
      this.#live.delete(run.facts.id);
    }
    if (row?.ended === true) this.#afterEnd(stored);
    this.#handOver();
  }

  #startChild({ id, flow: name, inputs, parent, depth }: ChildStart, { facts }: StoredRun): void {
    const flow = this.parts.flows?.(name);
    if (!this.parts.flows || this.parts.store.runs.has(id)) return;
    const child: RunFacts = { id, tenantId: facts.tenantId, flowId: name, revision: 1, inputs, depth, ...(parent && { parent }) };
    if (flow) return void this.start(flow, child);
    // Known as a run that failed before its first step, so that whoever waits for it learns why.
    const stored = this.parts.store.add({ ...NO_FLOW, name }, child);
    Object.assign(stored, { status: 'failed', reason: { message: `There is no flow ${name}.`, code: 'flow.not-found' } });
    this.parts.store.tellParent(stored);
  }

  #afterEnd(stored: StoredRun): void {
    this.parts.store.tellParent(stored);
    const next = this.#sameKey(stored.flow, stored.facts).find(({ status }) => status === 'queued');
    if (next) this.#promote(next);
  }

  /** Its turn has come, when nobody holds its key. */
  #promote(queued: StoredRun): void {
    if (this.#sameKey(queued.flow, queued.facts).some(({ status }) => status !== 'queued')) return;
    queued.status = 'running';
    this.#startNow(queued);
  }

  /** Open runs of the flow with the same `one-per` value, in their order. */
  #sameKey({ onePer }: CompiledFlow, { id, flowId, onePer: key }: RunFacts): readonly StoredRun[] {
    if (!onePer || key === undefined) return [];
    return [...this.parts.store.runs.values()].filter(
      ({ facts, status }) =>
        facts.id !== id && facts.flowId === flowId && facts.onePer === key && (OPEN.has(status) || status === 'queued'),
    );
  }

  /** Gives every run what has come for it; one that nobody has in memory is taken there. */
  #handOver(): void {
    if (this.#crashed) return;
    for (const { facts, signals, status } of this.parts.store.runs.values()) {
      if (signals.size === 0 || !OPEN.has(status)) continue;
      const live = this.#live.get(facts.id);
      if (live) for (const signal of signals.values()) live.deliver(signal);
      else this.take(facts.id);
    }
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

const NO_FLOW: CompiledFlow = { name: '', title: '', timeZone: 'UTC', triggers: [], stopOn: [], vars: {}, steps: [], onFailure: [] };
