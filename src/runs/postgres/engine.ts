/**
 * The engine over Postgres: lanes, and what feeds them. Events come in by {@link PostgresEngine.accept} and
 * {@link PostgresEngine.startFromLog}, sleeping runs by the timers, runs of dead processes by adoption, people by commands.
 */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { idOf, newUuid } from '../../kernel/ids.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Teams } from '../../platform/auth/scopes.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import type { Gate } from '../../guards/gate.ts';
import type { ActionDoor } from '../../plugin-host/action-call.ts';
import { eventErrors } from '../../events/event-errors.ts';
import type { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import type { TriggerIndex } from '../../flows/trigger-index.ts';
import { demandTeam, manualInputs } from '../manual-inputs.ts';
import type { EmittedEvent } from '../journaled-run.ts';
import { LiveRun, type Checkpoint, type RunHost } from '../live-run.ts';
import { chainStopped, DEEPEST, depthFrom } from '../event-chain.ts';
import { endsChain, RunStarter, type Routing, type StartingEvent } from '../run-starter.ts';
import type { RunSettings } from '../run-settings.ts';
import type { RunStatus } from '../run.ts';
import { SubjectBatch } from '../subject-batch.ts';
import type { SubjectReaders } from '../../events/subject-readers.ts';
import { Admission } from './admission.ts';
import { Commands } from './commands.ts';
import { DatabaseClock } from './database-clock.ts';
import { childStarts } from './child-starts.ts';
import { type AskedQuestion, type CursorMove, type EventRow, type Start, type StartResult } from './flush-batch.ts';
import { Lane } from './lane.ts';
import { Moves } from './moves.ts';
import { ParkedRuns, type Parking } from './parked-runs.ts';
import { Resume } from './resume.ts';
import type { RunWatch } from './run-watch.ts';
import { Outside } from './outside.ts';
import { ownEvent, taskCreated } from './own-event.ts';
import { Timers } from './timers.ts';

/** What the engine stands on. */
export interface EngineParts {
  readonly pool: pg.Pool;
  readonly door: ActionDoor;
  readonly subjects: SubjectReaders;
  readonly index: TriggerIndex;
  readonly catalogue: FlowCatalogue;
  readonly clock: Clock;
  readonly settings: RunSettings;
  /** Guards of calls outside the flows, and the steps that they let rest. */
  readonly gate?: Gate;
  readonly parking?: Parking;
  readonly watch?: RunWatch;
}

const WAITING: readonly RunStatus[] = ['running', 'waiting', 'attention'];
const COMMAND_POLL_MS = 1_000;
/** How often in the time of a lease dead ones are looked for: with the default of 3 s the runs of a dead process go on within 4. */
const ADOPTIONS_PER_LEASE = 4;
/** In line for room, events of the log stand beside the tenants. */
const LOG = 'log';
/** Runs that wake up leave this part of the room to events that arrive: a hundred thousand timers at once refuse nobody. */
const KEPT_FOR_EVENTS = 1 / 4;
const CHILD_RETRY_MS = 100;

export class PostgresEngine {
  readonly #log = new Logger('runs');
  readonly #lanes: Lane[] = [];
  readonly #hosts = new Map<Lane, RunHost>();
  readonly #starter: RunStarter;
  readonly #admission: Admission;
  readonly #subjects: SubjectBatch;
  readonly #resume: Resume;
  readonly #timers: Timers;
  readonly #commands: Commands;
  readonly #parked: ParkedRuns | undefined;
  readonly #databaseClock: DatabaseClock;
  readonly #outside: Outside;
  #adoption: NodeJS.Timeout | undefined;
  #commandPoll: NodeJS.Timeout | undefined;
  #adopting: Promise<void> | undefined;
  #draining = false;
  #stopping = false;

  constructor(private readonly parts: EngineParts) {
    const { settings, pool } = parts;
    this.#starter = new RunStarter(parts.index);
    this.#subjects = new SubjectBatch(parts.subjects);
    this.#databaseClock = new DatabaseClock(parts.clock);
    this.#admission = new Admission(settings.maxInFlight, () => this.load, parts.clock);
    this.#resume = new Resume(parts.catalogue, (lane) => this.#hostOf(lane));
    this.#timers = new Timers({
      pool,
      now: () => this.#databaseClock.now(),
      adjustClock: () => this.#databaseClock.adjust(pool),
      room: () => this.#roomForSleepers(),
      wake: (ids) => this.#wake(ids),
    });
    this.#parked =
      parts.parking &&
      new ParkedRuns({
        parking: parts.parking,
        resume: this.#resume,
        now: () => parts.clock.now().getTime(),
        room: () => this.#roomForSleepers(),
        lane: () => this.#quietest(),
        laneOf: (id) => this.#laneOf(id),
      });
    this.#commands = new Commands({
      pool,
      resume: this.#resume,
      moves: new Moves({ resume: this.#resume, catalogue: parts.catalogue, door: parts.door, publicUrl: settings.publicUrl }),
      lane: () => this.#quietest(),
      laneOf: (id) => this.#laneOf(id),
    });
    this.#outside = new Outside({
      pool,
      resume: this.#resume,
      elapsed: () => parts.clock.elapsed(),
      leases: () => this.#lanes.map(({ lease }) => lease),
      lane: () => this.#quietest(),
      laneOf: (id) => this.#laneOf(id),
      room: () => this.#roomForSleepers(),
      commanded: () => this.#commands.look(),
    });
  }

  /** Runs in memory, and events that wait to be written. */
  get load(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.load, 0);
  }

  /** Events that wait for room. */
  get waiting(): number {
    return this.#admission.waiting;
  }

  /** Flushes so far, for measurements. */
  get flushes(): bigint {
    return this.#lanes.reduce((sum, lane) => sum + lane.flushes, 0n);
  }

  async start(): Promise<void> {
    const { settings, pool } = this.parts;
    await this.#databaseClock.adjust(pool);
    for (let number = 0; number < settings.lanes; number += 1) {
      const lane = this.#makeLane();
      await lane.open();
      this.#lanes.push(lane);
    }
    await this.#adopt();
    this.#timers.start();
    await this.#outside.start();
    this.#parked?.start();
    this.#adoption = setInterval(() => void this.#adopt(), Math.ceil(settings.leaseMs / ADOPTIONS_PER_LEASE)).unref();
    this.#commandPoll = setInterval(() => this.#commands.look(), COMMAND_POLL_MS).unref();
  }

  /** No step begins any more; resolves when the calls under way are recorded, or after `stopMs`. Events are still taken in. */
  async drain(): Promise<void> {
    this.#draining = true;
    clearInterval(this.#adoption);
    clearInterval(this.#commandPoll);
    await Promise.all([this.#timers.stop(), this.#commands.stop(), this.#outside.stop(), this.#parked?.stop(), this.#adopting]);
    const deadline = this.parts.clock.elapsed() + this.parts.settings.stopMs;
    while (this.#lanes.some((lane) => lane.calling) && this.parts.clock.elapsed() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Takes nothing more in, writes what is pending and releases the leases, so that whoever comes next goes on at once. */
  async stop(): Promise<void> {
    if (!this.#draining) await this.drain();
    this.#stopping = true;
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** The fast path: the event, its key, its runs and their first intents in one commit. Resolves after it. */
  async accept(event: Omit<EventRow, 'routed'>): Promise<'accepted' | 'refused'> {
    const settled = this.parts.watch?.accepting?.(event);
    if (!settled) return this.#accept(event);
    try {
      const result = await this.#accept(event);
      settled(result);
      return result;
    } catch (error) {
      settled('failed');
      throw error;
    }
  }

  /**
   * Starts the runs of events of the log and moves the cursor, in one commit.
   * @returns false when the cursor did not stand where it should: another process was faster
   */
  async startFromLog(events: readonly StartingEvent[], cursor: CursorMove): Promise<boolean> {
    if (!this.#admission.free) await this.#admission.wait(LOG);
    const lane = this.#quietest();
    const runs = (await Promise.all(events.map((event) => this.#starter.routeWithSubjects(event, this.#hostOf(lane))))).flat();
    return (await this.#startOn(lane, { cursor, runs })).kind === 'started';
  }

  /** Starts a flow by hand. @returns the run's `uuid` @throws as {@link RunEngine.start} */
  async startByHand(tenantId: string, flowName: string, given: Readonly<Record<string, unknown>>, teams: Teams): Promise<string> {
    const { flowId, revision, flow } = await this.parts.catalogue.find(tenantId, flowName);
    demandTeam(flow, teams);
    const inputs = await manualInputs(flow, tenantId, given, this.parts.subjects);
    if (!this.#admission.free) await this.#admission.wait(tenantId);
    const lane = this.#quietest();
    const run = new LiveRun({ id: newUuid(), tenantId, flowId, revision, inputs }, flow, this.#hostOf(lane));
    run.begin();
    await this.#startOn(lane, { runs: [run] });
    return run.facts.id;
  }

  /** Looks for commands and answers of people now. */
  nudge(): void {
    this.#commands.look();
    this.#outside.look();
  }

  /** Events were recorded by another part of this process. */
  eventsRecorded(): void {
    this.#outside.eventsRecorded();
  }

  async #accept(event: Omit<EventRow, 'routed'>): Promise<'accepted' | 'refused'> {
    if (this.#stopping) throw eventErrors.unavailable().after(1_000);
    if (!this.#admission.free) await this.#admission.wait(event.tenantId);
    const lane = this.#quietest();
    const routing = this.#route(event, lane);
    const runs = routing.kind === 'routed' ? routing.runs : [];
    const result = await this.#startOn(lane, { event: { ...event, routed: routing.kind === 'routed' }, runs });
    return result.kind === 'started' ? 'accepted' : 'refused';
  }

  #route(event: StartingEvent, lane: Lane) {
    return this.#starter.route(event, this.#hostOf(lane));
  }

  #startOn(lane: Lane, start: Omit<Start, 'settle' | 'fail'>): Promise<StartResult> {
    return new Promise((settle, fail) => lane.start({ ...start, settle, fail }));
  }

  #roomForSleepers(): number {
    return Math.ceil(this.parts.settings.maxInFlight * (1 - KEPT_FOR_EVENTS)) - this.load;
  }

  /** Timers are due for these runs. */
  async #wake(ids: readonly string[]): Promise<void> {
    const now = this.#databaseClock.now();
    const absent: string[] = [];
    for (const id of ids) {
      const run = this.#laneOf(id)?.runs.get(id);
      if (!run) absent.push(id);
      // On its way out of memory: the row is still there, so it is looked at again in a moment.
      else if (run.reachable ? run.wakeDue(now) === 0 && run.idle : true) this.#timers.add(now + 20, id, run.facts.tenantId);
    }
    if (absent.length === 0) return;
    const lane = this.#quietest();
    const runs = await this.#resume.claim(lane, absent, WAITING);
    crashPoint('timer.fired.before');
    for (const run of runs) lane.keep(run);
  }

  async #adopt(): Promise<void> {
    this.#adopting ??= this.#adoptAll().finally(() => (this.#adopting = undefined));
    await this.#adopting;
  }

  async #adoptAll(): Promise<void> {
    const { uncertain } = this.#resume;
    this.#resume.uncertain = false;
    try {
      for (const lane of this.#lanes) {
        if (uncertain) await this.#resume.findOwn(lane);
        while (!this.#draining && (await this.#resume.adopt(lane))) this.#timers.lookAgain();
      }
    } catch (error) {
      this.#resume.uncertain = true;
      this.#log.warn(`Taking over runs failed and is tried again: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #makeLane(): Lane {
    const { pool, settings, clock } = this.parts;
    return new Lane({
      pool,
      leaseMs: settings.leaseMs,
      process: `${process.pid}`,
      publicUrl: settings.publicUrl,
      emittedStarts: (checkpoint, questions) => this.#emittedStarts(checkpoint, questions),
      childStarts: (checkpoint) => this.#childStarts(checkpoint),
      settled: (batch, result) => this.#outside.settled(batch, result),
      flushed: (items, ms) => this.parts.watch?.flushed(items, ms),
      released: (run) => {
        this.#admission.released();
        this.#outside.released(run);
        if (run.finalStatus && !run.isNew) this.parts.watch?.ended(run, run.finalStatus);
        this.parts.watch?.released?.(run);
      },
      acquired: () => void setImmediate(() => void this.#adopt()),
      started: (run) => this.parts.watch?.started(run),
      resumed: (run) => this.parts.watch?.resumed?.(run),
      elapsed: () => clock.elapsed(),
      now: () => this.#databaseClock.now(),
      timersSet: (run, moments) => {
        for (const at of moments) this.#timers.add(at, run.facts.id, run.facts.tenantId);
      },
    });
  }

  #emittedStarts({ run, emitted }: Checkpoint, questions: readonly AskedQuestion[]): Start[] {
    const { clock, settings } = this.parts;
    const link = `${settings.publicUrl}/runs/${idOf('run', run.facts.id)}`;
    const asked = questions.map((question) => taskCreated(question, link, clock.now()));
    return [...emitted, ...asked].flatMap((event) => this.#recordings(run, event));
  }

  #recordings(run: LiveRun, emitted: EmittedEvent): Start[] {
    const recording = this.#recording(run, emitted);
    // Only where the limit is reached, so that a flow that reacts to it is not told of itself.
    return depthFrom(run.facts) === DEEPEST + 1 ? [recording, this.#recording(run, chainStopped(run, emitted), true)] : [recording];
  }

  /** The start that records an event of `run` and begins what it starts; deeper than {@link DEEPEST} only what is `heard` all the same. */
  #recording(run: LiveRun, emitted: EmittedEvent, heard = depthFrom(run.facts) <= DEEPEST): Start {
    const lane = this.#laneOf(run.facts.id) ?? this.#quietest();
    const event = ownEvent(run.facts.tenantId, emitted, depthFrom(run.facts));
    const routing = !heard || endsChain(run.facts, event) ? NO_RUNS : this.#route(event, lane);
    const runs = routing.kind === 'routed' ? routing.runs : [];
    return { event: { ...event, routed: routing.kind === 'routed' }, runs, of: run, settle: () => undefined, fail: () => undefined };
  }

  /**
   * Waits while flows cannot be read, because the checkpoint that names the children is on its way to disk. The lane writes nothing
   * meanwhile, so it gives up before its lease is over: then it loses what it has in memory, and the journal has it.
   */
  async #childStarts(checkpoint: Checkpoint): ReturnType<typeof childStarts> {
    const { catalogue, subjects, clock, settings } = this.parts;
    const until = clock.elapsed() + settings.leaseMs / 2;
    for (;;) {
      try {
        return await childStarts(checkpoint, {
          catalogue,
          subjects,
          hostOf: (run) => this.#hostOf(this.#laneOf(run.facts.id) ?? this.#quietest()),
          recording: (run, event) => this.#recording(run, event),
          now: () => clock.now(),
        });
      } catch (error) {
        if (this.#stopping || clock.elapsed() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, CHILD_RETRY_MS));
      }
    }
  }

  #hostOf(lane: Lane): RunHost {
    let host = this.#hosts.get(lane);
    if (!host) {
      const { door, gate, settings } = this.parts;
      const isStopping = () => this.#draining;
      host = {
        get stopping() {
          return isStopping();
        },
        door,
        gate,
        clock: this.#databaseClock.asClock,
        settings,
        mayLeave: () => lane.mayLeave,
        random: Math.random,
        readSubjects: (facts, names) => this.#subjects.read(facts, names),
        missed: (facts, watches) => this.#outside.missed(facts, watches),
        asked: (run, { kind }) => this.parts.watch?.asked(run, kind),
        touched: (run) => lane.touched(run),
        defect: (run, error) =>
          this.#log.error(`Run ${run.facts.id} met a defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
      };
      this.#hosts.set(lane, host);
    }
    return host;
  }

  #laneOf(runId: string): Lane | undefined {
    return this.#lanes.find((lane) => lane.has(runId));
  }

  /** @throws events.unavailable before the engine has started */
  #quietest(): Lane {
    const open = this.#lanes.filter((lane) => !lane.away);
    const [first, ...others] = open.length > 0 ? open : this.#lanes;
    if (!first) throw eventErrors.unavailable().after(1_000);
    return others.reduce((quietest, lane) => (lane.load < quietest.load ? lane : quietest), first);
  }
}

const NO_RUNS: Routing = { kind: 'routed', runs: [] };
