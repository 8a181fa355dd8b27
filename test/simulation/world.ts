/**
 * One schedule: some flows, some processes of the engine over one database, a provider, people and senders of events, and a tape of
 * decisions which of all that moves next. First it goes wild, then calm (nothing breaks any more, and time passes), and then the
 * promises are checked. The same tape makes the same schedule.
 */
import type { CompiledFlow } from '../../src/flows/language/compiled-flow.ts';
import type { Counts } from './counts.ts';
import { eventText, type Trace } from './trace.ts';
import type { ActionCall } from '../../src/plugin-host/action-call.ts';
import type { EmittedEvent } from '../../src/runs/journaled-run.ts';
import type { LookupOutcome, StepOutcome } from '../../src/runs/journal-entry.ts';
import { LiveRun } from '../../src/runs/live-run.ts';
import type { RunOrder } from '../../src/runs/run-order.ts';
import { endsChain } from '../../src/runs/run-starter.ts';
import type { ChildStart } from '../../src/runs/signals.ts';
import { FLOWS, SUB_FLOWS } from './catalogue.ts';
import { Database, FINAL, isAside, LEASE_MS, OPEN, type Command, type RunRow, type SimulatedEvent, type Start } from './database.ts';
import { drain } from './drain.ts';
import { EngineProcess, type FlightFate } from './engine-process.ts';
import { generatedFlow } from './generated-flow.ts';
import { checkPromises } from './promises.ts';
import type { PlantedBug } from './planted-bug.ts';
import { SimulatedProvider } from './provider.ts';
import { RecordedTape, type Tape } from './tape.ts';
import { THEMES, type Theme } from './theme.ts';
import { Violation } from './violation.ts';

/** A call that has left a process. */
export type Call = {
  readonly process: EngineProcess;
  readonly call: ActionCall;
  readonly sentAt: number;
} & (
  | { readonly resolve: (outcome: StepOutcome) => void; readonly asked?: undefined }
  | { readonly asked: (outcome: LookupOutcome) => void; readonly resolve?: undefined }
);

/** What a process of the engine sees of the schedule around it. */
export interface EventWorld {
  readonly now: number;
  has(bug: PlantedBug): boolean;
  /** Whether a mishap happens at a place that only a planted bug has. */
  mishap(): boolean;
  /** Whether nobody has connected the provider of a call just now. */
  isDisconnected(): boolean;
  count(what: string, which?: string): void;
  newId(): string;
  subject(): unknown;
  called(call: Call): void;
  defect(run: LiveRun, error: unknown): void;
  emittedStart(run: LiveRun, emitted: EmittedEvent, process: EngineProcess): Start;
  childRun(parent: LiveRun, child: ChildStart, process: EngineProcess): LiveRun | undefined;
}

/** An event on its way to the engine; its sender repeats it until it is answered. */
export interface Delivery {
  readonly event: SimulatedEvent;
  process: EngineProcess | undefined;
  answered: boolean;
}

/** Something that can go on by itself. */
type Option =
  | { readonly kind: 'flush' | 'adopt'; readonly process: EngineProcess }
  | { readonly kind: 'answer'; readonly call: Call }
  | { readonly kind: 'deliver'; readonly delivery: Delivery }
  | { readonly kind: 'wake' | 'hand'; readonly process: EngineProcess; readonly row: RunRow }
  | { readonly kind: 'act'; readonly process: EngineProcess; readonly command: Command }
  | { readonly kind: 'turn'; readonly process: EngineProcess; readonly turn: string }
  | { readonly kind: 'match' };

export const BEGINNING = Date.UTC(2026, 0, 1);
const TENANT = '01900000-0000-7000-8000-000000000001';
/** After this long the door answers `unknown` for a provider that is silent. */
const CALL_TIMEOUT_MS = 15_000;
/** A request that was given up may still arrive within this time. */
const NETWORK_MS = 30_000;
/** Of a hundred decisions so many are about something that happens from outside. */
const FROM_OUTSIDE = 22;
/** Most schedules are small, because most bugs show in a few decisions and small ones are cheap. */
const SMALL = { flows: 1, orders: 1, least: 8, more: 16 } as const;
const MIDDLE = { flows: 2, orders: 2, least: 16, more: 32 } as const;
const LARGE = { flows: 2, orders: 3, least: 24, more: 64 } as const;
const SIZES = [...Array.from({ length: 12 }, () => SMALL), MIDDLE, MIDDLE, MIDDLE, LARGE] as const;
const MOST_CALM = 1_500;
const MOST_JUMPS = 16;
const CALM_TAPE = new RecordedTape([]);

export class Schedule implements EventWorld {
  now = BEGINNING;
  readonly db: Database;
  readonly provider = new SimulatedProvider();
  readonly deliveries: Delivery[] = [];
  readonly counts: Counts;
  readonly flows: readonly CompiledFlow[];
  decisions = 0;
  #tape: Tape;
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #trace: Trace | undefined;
  readonly #size: (typeof SIZES)[number];
  readonly #theme: Theme;
  readonly #processes: EngineProcess[] = [];
  #calls: Call[] = [];
  readonly #looked = new Map<RunRow, number>();
  #ids = 0;
  #idsOf = 0;
  #idsBegin = '';
  #reads = 0;
  #problem: Violation | undefined;

  constructor(tape: Tape, bugs: ReadonlySet<PlantedBug>, counts: Counts, trace?: Trace) {
    this.#tape = tape;
    this.#bugs = bugs;
    this.#trace = trace;
    this.counts = counts;
    this.db = new Database(BEGINNING, bugs);
    this.#size = SIZES[tape.next(SIZES.length)] ?? SMALL;
    this.#theme = THEMES[tape.next(THEMES.length)] ?? THEMES[0];
    this.flows = Array.from({ length: 1 + tape.next(this.#size.flows) }, () => this.#chooseFlow());
  }

  /** @throws Violation for a promise that was not kept */
  play(): void {
    this.#trace?.(`flows ${this.flows.map(({ name }) => name).join(', ')}`);
    this.#spawn();
    this.#spawn();
    this.#order();
    const most = this.#size.least + this.#tape.next(this.#size.more);
    for (; this.decisions < most; this.decisions += 1) {
      this.#decide();
      drain();
      if (this.#problem) throw this.#problem;
    }
    this.#calm();
    if (this.#problem) throw this.#problem;
    checkPromises(this);
  }

  /** What every run has recorded, for the trace. */
  *journals(): Generator<string> {
    for (const { facts, flow, status, epoch, journal } of this.db.runs.values()) {
      yield `${facts.id} ${flow.name} ${status}${epoch === 0 ? '' : ` (lease ${epoch})`}`;
      for (const entry of journal) yield `    ${JSON.stringify(entry)}`;
    }
  }

  has(bug: PlantedBug): boolean {
    return this.#bugs.has(bug);
  }

  mishap(): boolean {
    return this.#tape.next(4) === 3;
  }

  isDisconnected(): boolean {
    const is = this.#tape.next(40) === 39;
    if (is) this.#note('not connected');
    return is;
  }

  count(what: string, which?: string): void {
    this.counts.add(what, which);
  }

  newId(): string {
    if (this.#idsOf !== this.now) {
      const time = this.now.toString(16).padStart(12, '0');
      this.#idsOf = this.now;
      this.#idsBegin = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-`;
    }
    return this.#idsBegin + (++this.#ids).toString(16).padStart(12, '0');
  }

  /** Another one each time: what was read once must not be read again. */
  subject(): unknown {
    return { version: ++this.#reads };
  }

  called(call: Call): void {
    const { epoch } = call.process;
    // Here nothing can come between the answer to a flush and the calls that it lets out.
    if (call.resolve && this.db.leases.get(epoch)?.takenBy !== undefined)
      this.#problem ??= new Violation('own', `${call.call.step} of ${call.call.runId} is called under lease ${epoch}, which was taken`);
    this.#calls.push(call);
  }

  defect(run: LiveRun, error: unknown): void {
    this.#problem ??= new Violation(
      'defect',
      `${run.facts.id} (${run.flow.name}): ${error instanceof Error ? error.message : String(error)}`,
    );
  }

  emittedStart(run: LiveRun, { id, type, key, data, occurredAt }: EmittedEvent, process: EngineProcess): Start {
    const event: SimulatedEvent = { id, type, key, data, occurredAt };
    return { event, runs: endsChain(run.facts, event) ? [] : this.#route(event, process), settle: nothing, fail: nothing };
  }

  childRun({ facts }: LiveRun, { id, flow: name, inputs, parent, depth }: ChildStart, process: EngineProcess): LiveRun | undefined {
    const flow = SUB_FLOWS.get(name);
    if (!flow) return undefined;
    const run = new LiveRun(
      { id, tenantId: facts.tenantId, flowId: name, revision: 1, inputs, depth, ...(parent && { parent }) },
      flow,
      process.host,
    );
    run.begin();
    return run;
  }

  #chooseFlow(): CompiledFlow {
    const { flows } = this.#theme;
    const index = this.#tape.next(flows ? flows.length : FLOWS.length * 2);
    return (flows ?? FLOWS)[index] ?? generatedFlow(this.#tape.next(4_096));
  }

  #spawn(): void {
    this.#processes.push(new EngineProcess(`p${this.#ids++}`, this, this.db));
  }

  #decide(): void {
    const options = this.#options();
    const option = this.#tape.next(100) < 100 - FROM_OUTSIDE ? options[this.#tape.next(Math.max(1, options.length))] : undefined;
    if (option) this.#go(option);
    else this.#happen();
  }

  #calm(): void {
    this.#tape = CALM_TAPE;
    this.#trace?.('— from here on nothing breaks');
    for (const process of this.#processes) {
      process.paused = false;
      process.skew = 0;
      if (process.stopping) process.leave();
    }
    this.#advance(LEASE_MS + 1);
    drain();
    this.#replaceDead();
    for (let steps = 0, jumps = 0; ; steps += 1) {
      const [option] = this.#options(1);
      if (option) this.#go(option);
      else if (jumps++ >= MOST_JUMPS || !this.#toNextTimer()) break;
      drain();
      if (this.#problem) throw this.#problem;
      if (steps > MOST_CALM) throw new Violation('rest', `it does not come to rest: ${option?.kind ?? 'timers'} again and again`);
    }
    this.db.forgetSignals();
  }

  // What can go on by itself.

  /** @param most so many are enough */
  #options(most = Infinity): Option[] {
    const options: Option[] = [];
    for (const process of this.#processes)
      if (isActive(process) && (process.hasWork || (process.isOusted && !this.has('no-fence')))) options.push({ kind: 'flush', process });
    if (options.length >= most) return options;
    for (const call of this.#calls) if (isActive(call.process)) options.push({ kind: 'answer', call });
    for (const delivery of this.deliveries)
      if (!delivery.answered && delivery.process?.alive !== true) options.push({ kind: 'deliver', delivery });
    if (options.length >= most) return options;
    const process = this.#anyProcess();
    if (!process) return options;
    // Between two flushes, as every statement that depends on who owns what.
    if (!process.inFlight && this.db.expired(process.epoch)) options.push({ kind: 'adopt', process });
    for (const row of this.db.runs.values()) this.#optionsOf(row, process, options);
    for (const command of this.db.commands)
      if (command.handled === undefined)
        for (const actor of this.#processes)
          if (isActive(actor) && actor.mayAct(command)) options.push({ kind: 'act', process: actor, command });
    if (this.db.queue.length > 0)
      for (const turn of this.db.forgottenTurns()) if (this.#isTurn(turn)) options.push({ kind: 'turn', process, turn });
    if (this.db.hasUnmatched) options.push({ kind: 'match' });
    return options;
  }

  #optionsOf(row: RunRow, anybody: EngineProcess, options: Option[]): void {
    if (row.timers.size === 0 && row.signals.size === 0) return;
    if (!OPEN.includes(row.status)) return;
    const process = row.epoch === 0 ? anybody : this.#processes.find(({ epoch }) => epoch === row.epoch);
    if (!process || !isActive(process) || (row.epoch !== 0 && !process.runs.has(row.facts.id))) return;
    if (row.signals.size > 0 && !isAside(row) && process.hasToHand(row)) options.push({ kind: 'hand', process, row });
    for (const at of row.timers) {
      // One that is in memory and busy is looked at again when something has changed.
      if (at > this.now || (row.epoch !== 0 && this.#looked.get(row) === this.now * 1_000 + row.rows)) continue;
      options.push({ kind: 'wake', process, row });
      return;
    }
  }

  #isTurn(turn: string): boolean {
    if (!this.db.turns.has(turn) || this.has('turn-given-twice')) return true;
    const holder = this.db.turns.get(turn);
    return !this.db.commands.some(({ run, order, handled }) => run === holder && order.kind === 'cancel' && handled !== 'refused');
  }

  #go(option: Option): void {
    this.#tell(option);
    this.count(option.kind);
    switch (option.kind) {
      case 'flush':
        return option.process.flush(this.#fate());
      case 'answer':
        return this.#answer(option.call);
      case 'deliver':
        return this.#deliver(option.delivery);
      case 'adopt':
        return option.process.adopt();
      case 'wake':
        this.#looked.set(option.row, this.now * 1_000 + option.row.rows);
        return option.process.wake(option.row, this.now);
      case 'hand':
        return option.process.hand(option.row, this.#tape.next(8) === 7);
      case 'act':
        return option.process.act(option.command);
      case 'turn':
        return option.process.giveTurn(option.turn);
      case 'match':
        return this.db.matchWaits();
    }
  }

  #fate(): FlightFate {
    const bound = this.#theme.oneFlushOf;
    const fate = FATES[this.#tape.next(bound) - (bound - FATES.length)] ?? 'through';
    if (fate !== 'through') this.#note('flush', fate);
    return fate;
  }

  #answer(call: Call): void {
    this.#calls = this.#calls.filter((other) => other !== call);
    if (call.asked) {
      const roll = this.#tape.next(10);
      const outcome: LookupOutcome = roll < 7 ? this.provider.lookup(call.call) : { kind: 'failed', reason: 'temporary', message: 'Busy' };
      this.#note('looked up:', outcome.kind === 'ok' ? (outcome.value ? 'there' : 'absent') : 'no answer');
      return call.asked(outcome);
    }
    const roll = this.#tape.next(30);
    const fault = FAULTS[roll - (30 - FAULTS.length)];
    this.#note('call', fault ?? 'done');
    call.resolve(this.#outcome(call, fault));
  }

  #outcome({ call, sentAt, resolve }: Call, fault: (typeof FAULTS)[number] | undefined): StepOutcome {
    switch (fault) {
      case undefined:
        return this.provider.perform(call, this.now);
      case 'declined':
        return this.provider.decline(call, this.now);
      case 'unknown, done':
        this.provider.perform(call, this.now);
        return UNKNOWN;
      case 'unknown, not done':
        return UNKNOWN;
      case 'unknown, done later':
        if (resolve) this.#calls.push({ call, process: GONE, sentAt, resolve: nothing });
        return UNKNOWN;
      default:
        return { kind: 'failed', reason: fault, message: fault };
    }
  }

  #deliver(delivery: Delivery): void {
    const process = this.#anyProcess();
    if (!process) return;
    const { event } = delivery;
    delivery.process = process;
    if (this.has('ack-before-commit')) delivery.answered = true;
    process.start({
      event,
      runs: this.#route(event, process),
      settle: () => (delivery.answered = true),
      fail: () => (delivery.process = undefined),
    });
  }

  #route(event: SimulatedEvent, process: EngineProcess): readonly LiveRun[] {
    if (event.type !== 'sim.order') return [];
    return this.flows.map((flow, index) => {
      const onePer = flow.onePer && String(flow.onePer.key.evaluate({ event: event.data }));
      const facts = { id: this.newId(), tenantId: TENANT, flowId: `${index}`, revision: 1, event, ...(onePer !== undefined && { onePer }) };
      const run = new LiveRun(facts, flow, process.host);
      run.begin();
      return run;
    });
  }

  // What happens from outside.

  #happen(): void {
    const { happenings } = this.#theme;
    switch (happenings[this.#tape.next(happenings.length)]) {
      case 'time':
        return this.#advance(PAUSES[this.#tape.next(PAUSES.length)] ?? 10);
      case 'timer':
        return void this.#toNextTimer();
      case 'order':
        return this.#order();
      case 'event':
        return this.#event(this.#tape.next(4) === 3 ? 'sim.cancelled' : 'sim.paid', this.#invoice());
      case 'repeat':
        return this.#repeatEvent();
      case 'person':
        return this.#person();
      case 'answer':
        return this.#answerQuestion();
      case 'late request':
        return this.#arriveLate();
      case 'clock':
        return this.#changeClock();
      case 'crash':
        return this.#crash();
      case 'pause':
        return this.#pauseOrContinue();
      default:
        return this.#stop();
    }
  }

  #order(): void {
    if (this.deliveries.filter(({ event }) => event.type === 'sim.order').length < Math.max(this.#size.orders, this.#theme.orders))
      this.#event('sim.order', this.#invoice());
  }

  #invoice(): string {
    return this.#tape.next(3) === 2 ? 'b' : 'a';
  }

  #event(type: string, invoice: string): void {
    const id = this.newId();
    this.#send({ id, type, key: `${type}/${id}`, occurredAt: new Date(this.now), data: { invoice } });
  }

  #repeatEvent(): void {
    const known = this.deliveries[this.#tape.next(Math.max(1, this.deliveries.length))];
    if (known) this.#send({ ...known.event, id: this.newId() });
  }

  #send(event: SimulatedEvent): void {
    this.#note('event', event.type, this.#trace && eventText(event));
    this.deliveries.push({ event, process: undefined, answered: false });
  }

  #person(): void {
    const rows = [...this.db.runs.values()];
    const row = rows[this.#tape.next(Math.max(1, rows.length))];
    if (!row || this.db.commands.length >= 6) return;
    const order = ORDERS[this.#tape.next(ORDERS.length)];
    if (!order) return;
    this.#note('order', order.kind, row.facts.id);
    this.db.commands.push({ run: row.facts.id, order, handled: undefined });
  }

  #answerQuestion(): void {
    const rows = [...this.db.runs.values()].filter(({ questions }) => questions.size > 0);
    const row = rows[this.#tape.next(Math.max(1, rows.length))];
    const step = row?.questions.keys().next().value;
    if (!row || step === undefined) return;
    this.#note('answer of a person', '', row.facts.id);
    this.db.answer(row, step, this.#tape.next(2) === 0 ? 'approve' : 'reject');
  }

  /** A request whose sender has given it up, or died, is carried out. */
  #arriveLate(): void {
    const orphans = this.#calls.filter(({ process, resolve }) => !process.alive && resolve);
    const call = orphans[this.#tape.next(Math.max(1, orphans.length))];
    if (!call) return;
    this.#note('late request', '', call.call.step);
    this.#calls = this.#calls.filter((other) => other !== call);
    this.provider.perform(call.call, this.now);
  }

  #changeClock(): void {
    const process = this.#anyProcess();
    if (!process) return;
    process.skew = SKEWS[this.#tape.next(SKEWS.length)] ?? 0;
    this.#note('clock moved', '', `${process.name} ${process.skew} ms`);
  }

  #crash(): void {
    const process = this.#processes[this.#tape.next(this.#processes.length)];
    if (!process) return;
    this.#note('crash', '', process.name);
    process.crash(this.#tape.next(2) === 1);
    this.#replaceDead();
  }

  #pauseOrContinue(): void {
    const process = this.#processes[this.#tape.next(this.#processes.length)];
    if (!process) return;
    this.#note(process.paused ? 'continue' : 'pause', '', process.name);
    process.paused = !process.paused;
    if (process.paused) this.#advance(STANDSTILLS[this.#tape.next(STANDSTILLS.length)] ?? 0);
  }

  #stop(): void {
    const process = this.#anyProcess();
    if (!process) return;
    this.#note('clean stop', '', process.name);
    if (!process.stopping) process.stopping = true;
    else if (!process.calling && !process.inFlight) process.leave();
    this.#replaceDead();
  }

  #replaceDead(): void {
    for (const [index, process] of this.#processes.entries()) {
      if (process.alive) continue;
      this.#processes[index] = new EngineProcess(`p${this.#ids++}`, this, this.db);
    }
  }

  #toNextTimer(): boolean {
    let next = Infinity;
    for (const { timers, status } of this.db.runs.values())
      if (OPEN.includes(status)) for (const at of timers) if (at > this.now && at < next) next = at;
    if (next === Infinity) return false;
    this.#advance(next - this.now);
    return true;
  }

  #advance(ms: number): void {
    this.#note('time passes', '', this.#trace && `${ms} ms`);
    const now = this.now + ms;
    for (const call of this.#calls) {
      if (call.process.alive && call.sentAt + CALL_TIMEOUT_MS <= now) this.#timeOut(call);
      else if (!call.process.alive && call.sentAt + NETWORK_MS <= now) this.#calls = this.#calls.filter((other) => other !== call);
    }
    this.now = now;
    this.db.now = now;
    for (const process of this.#processes) process.beat();
  }

  /** The request was carried out or not; the answer says neither. */
  #timeOut(call: Call): void {
    this.#calls = this.#calls.filter((other) => other !== call);
    if (call.asked) return call.asked({ kind: 'unknown', message: 'No answer' });
    this.#note('call timed out');
    if (this.#tape.next(2) === 1) this.provider.perform(call.call, this.now);
    call.resolve(UNKNOWN);
  }

  #anyProcess(): EngineProcess | undefined {
    const active = this.#processes.filter(isActive);
    return active.length > 1 ? active[this.#tape.next(active.length)] : active[0];
  }

  #tell(option: Option): void {
    if (!this.#trace) return;
    const who = 'process' in option ? option.process.name : '';
    const what =
      'row' in option
        ? option.row.facts.id
        : 'call' in option
          ? `${option.call.call.action} ${option.call.call.step} of ${option.call.call.runId}`
          : '';
    this.#trace(`${this.now - BEGINNING} ms  ${option.kind} ${who} ${what}`.trimEnd());
  }

  #note(what: string, which = '', whom = ''): void {
    this.counts.add(what, which);
    this.#trace?.(`${this.now - BEGINNING} ms    ${[what, which, whom].filter(Boolean).join(' ')}`);
  }
}

function isActive({ alive, paused }: EngineProcess): boolean {
  return alive && !paused;
}

function nothing(): void {
  // Nobody waits for it.
}

const FATES: readonly FlightFate[] = ['held-up', 'carried-out', 'cut-before', 'cut-after'];
const FAULTS = [
  'declined',
  'temporary',
  'rate-limited',
  'permanent',
  'input',
  'auth',
  'unknown, done',
  'unknown, not done',
  'unknown, done later',
] as const;
const PAUSES = [10, 1_000, 5_000, LEASE_MS + 1, 61_000, 3_600_000];
const STANDSTILLS = [0, 0, 3 * LEASE_MS, 3 * LEASE_MS, 61_000];
const SKEWS = [0, 5_000, -5_000, 50, -50];
const ORDERS: readonly RunOrder[] = [
  { kind: 'cancel', by: 'kim' },
  { kind: 'cancel', by: 'kim', undo: true },
  { kind: 'retry', by: 'kim' },
  { kind: 'resume', by: 'kim' },
  { kind: 'resume', by: 'kim', data: { invoice: 'a' } },
  { kind: 'skip', by: 'kim' },
  { kind: 'resolve', by: 'kim', resolution: { decision: 'done', output: {} } },
  { kind: 'resolve', by: 'kim', resolution: { decision: 'not-done' } },
  { kind: 'resolve', by: 'kim', resolution: { decision: 'fail' } },
  { kind: 'edit', by: 'kim', input: { to: 'right' } },
];
const UNKNOWN: StepOutcome = { kind: 'unknown', message: 'Connection reset' };
/** Who has given up a request that is still on its way. */
const GONE = { alive: false } as EngineProcess; // nothing else is asked of a process that is no more

export { FINAL };
