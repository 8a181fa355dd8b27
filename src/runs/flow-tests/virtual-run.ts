/**
 * One run of a flow on the real interpreter, with a clock that jumps, a simulated domain and simulated actions.
 *
 * The order of things at one moment: timers that are due, then what the test lets happen. A call takes no time; the pause
 * before another attempt takes what the retry policy says, without jitter. The same test gives the same run, to the byte.
 */
import { isKassaflowError } from '../../kernel/errors.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import { subjectSchemas, type SubjectName } from '../../events/catalogue/subjects.ts';
import { admit, TriggerIndex } from '../../flows/trigger-index.ts';
import type { Scope } from '../../flows/language/compiled-flow.ts';
import { manualInputs } from '../manual-inputs.ts';
import { MemoryEngine, MemoryStore, type StoredRun } from '../memory/memory-engine.ts';
import type { Checkpoint } from '../live-run.ts';
import type { FinalStatus, RunEvent, RunFacts, RunReason, RunStatus } from '../run.ts';
import type { ChildStart, Signal } from '../signals.ts';
import { SubjectBatch } from '../subject-batch.ts';
import type { Data, ExpectedStatus, Given, MockAnswer, Mocks, Move, Problem } from './flow-test.ts';
import { filledForm } from './manual-form.ts';
import { MockAnswers } from './mock-answers.ts';
import { MockedDoor } from './mocked-door.ts';
import { clockText } from './moments.ts';
import { payloadProblem } from './payloads.ts';
import { later } from './read-fields.ts';
import type { VirtualResult } from './run-result.ts';
import { happen } from './simulated-changes.ts';
import { SimulatedWorld } from './simulated-world.ts';
import { nameOf, StepsByPath } from './step-names.ts';
import type { TestedFlow } from './tested-flow.ts';
import { traceOf } from './trace.ts';
import { VirtualMail } from './virtual-mail.ts';

export interface VirtualRunParts extends TestedFlow {
  readonly given: Given;
  readonly mocks?: Mocks;
  readonly moves?: readonly Move[];
}

/** The facts of a run that begins, or why none does. */
type Start = { readonly kind: 'facts'; readonly facts: RunFacts } | { readonly kind: 'not-started'; readonly reason: RunReason };

/** Ids that every test has: what a run shows of them is the same each time. */
const RUN = '00000000-0000-7000-8000-000000000001';
const TENANT = '00000000-0000-7000-8000-000000000002';
const FLOW = '00000000-0000-7000-8000-000000000003';
/** A run that does nothing any more and is not over waits. */
const STANDING: Readonly<Record<RunStatus, ExpectedStatus>> = {
  queued: 'waiting',
  running: 'waiting',
  waiting: 'waiting',
  attention: 'attention',
  completed: 'completed',
  stopped: 'stopped',
  failed: 'failed',
  cancelled: 'cancelled',
};
const FINAL: readonly FinalStatus[] = ['completed', 'stopped', 'failed', 'cancelled'];
/** A run that has not ended by then never will. */
const LONGEST_MS = 10 * 366 * 86_400_000;

/** Runs the flow to its end, or until nothing more happens. `problems` are moves of the test that could not be made. */
export async function runVirtually(
  parts: VirtualRunParts,
): Promise<{ readonly result: VirtualResult; readonly problems: readonly Problem[] }> {
  const run = new VirtualRun(parts);
  return run.play();
}

class VirtualRun {
  readonly #world = new SimulatedWorld();
  readonly #store = new MemoryStore();
  readonly #problems: Problem[] = [];
  readonly #engine: MemoryEngine;
  readonly #readers: SubjectReaders;
  readonly #mail = new VirtualMail();
  readonly #steps: StepsByPath;
  readonly #answers: MockAnswers;
  #events = 0;

  constructor(private readonly parts: VirtualRunParts) {
    const { flow, vocabulary, given, mocks = new Map() } = parts;
    this.#steps = new StepsByPath(flow);
    this.#answers = new MockAnswers(mocks);
    this.#readers = readersOf(this.#world);
    const batch = new SubjectBatch(this.#readers);
    this.#engine = new MemoryEngine({
      store: this.#store,
      startAt: given.at.getTime(),
      // The whole pause of a retry policy: half of it is jitter.
      random: () => 1,
      readSubjects: (facts, names) => batch.read(facts, names),
      wrote: (checkpoint) => this.#noteMail(checkpoint),
      door: new MockedDoor({
        vocabulary,
        world: this.#world,
        now: () => this.#now,
        answer: ({ step, action }) => this.#answerFor(step, action),
      }),
    });
  }

  async play(): Promise<{ readonly result: VirtualResult; readonly problems: readonly Problem[] }> {
    const start = await this.#start();
    if (start.kind === 'not-started') return { result: this.#notStarted(start.reason), problems: this.#problems };
    this.#engine.start(this.parts.flow, start.facts);
    let moment = this.parts.given.at;
    for (const move of this.parts.moves ?? []) {
      moment = 'at' in move.when ? move.when.at(moment) : later(moment, move.when.after, this.parts.flow.timeZone);
      await this.#advance(moment.getTime());
      this.#make(move);
    }
    await this.#advance(this.#engine.now + LONGEST_MS);
    return { result: this.#result(), problems: this.#problems };
  }

  get #now(): Date {
    return new Date(this.#engine.now);
  }

  get #stored(): StoredRun | undefined {
    return this.#store.runs.get(RUN);
  }

  async #start(): Promise<Start> {
    const { given, flow } = this.parts;
    const plain = { id: RUN, tenantId: TENANT, flowId: FLOW, revision: 1 };
    switch (given.kind) {
      case 'manual':
        try {
          const inputs = await manualInputs(flow, TENANT, filledForm(flow, given.inputs, this.#world), this.#readers);
          return { kind: 'facts', facts: { ...plain, inputs } };
        } catch (error) {
          if (!isKassaflowError(error)) throw error;
          return { kind: 'not-started', reason: { message: error.message, code: error.code } };
        }
      case 'event':
        return this.#startByEvent(given, plain);
    }
  }

  /** As the engine routes an event, with the flow's `where`, `when` and `one-per`. */
  #startByEvent({ type, data, at }: Extract<Given, { kind: 'event' }>, plain: RunFacts): Start {
    this.#world.learn(data);
    const event: RunEvent = { id: this.#nextEvent(), type, occurredAt: at, data };
    const index = new TriggerIndex();
    index.put({ flowId: FLOW, tenantId: TENANT, revision: 1, flow: this.parts.flow });
    const [match] = index.match({ tenantId: TENANT, type, data });
    if (!match) return { kind: 'not-started', reason: { message: `The flow does not start by this ${type}.` } };
    const subjects = Object.fromEntries([...match.needs].map((name) => [name, this.#subjectOf(data, name)]));
    const scope: Scope = { event: data, vars: this.parts.flow.vars, now: at.toISOString(), ...subjects };
    try {
      const admission = admit(match, scope);
      if (!admission.starts) return { kind: 'not-started', reason: { message: 'The condition of its trigger is false.' } };
      const onePer = admission.onePer === undefined ? {} : { onePer: admission.onePer };
      return { kind: 'facts', facts: { ...plain, event, ...onePer } };
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      return { kind: 'not-started', reason: { message: error.message, code: error.code } };
    }
  }

  /** Lets everything happen that is due until then: what is on its way to the run first, then the next timer. */
  async #advance(until: number): Promise<void> {
    for (;;) {
      await this.#engine.settle(this.#engine.now);
      const signals = this.#mail.take();
      for (const signal of signals) this.#deliver(signal);
      if (signals.length > 0) continue;
      const next = Math.min(...(this.#stored?.timers ?? []));
      if (next > until || next === Infinity) break;
      await this.#engine.settle(next);
    }
    await this.#engine.settle(until);
  }

  #deliver(signal: Signal): void {
    const live = this.#engine.live(RUN);
    if (live) live.deliver(signal);
    else this.#engine.take(RUN, (run) => void run.deliver(signal));
  }

  #make(move: Move): void {
    if (move.kind === 'event') {
      const data = happen(this.#world, move.type, move.sample, move.data, this.#now);
      const problem = payloadProblem(move.type, data);
      if (problem !== undefined) this.#problems.push({ message: `This is no ${move.type}: ${problem}.`, place: move.place });
      return this.#mail.offer({ id: this.#nextEvent(), type: move.type, occurredAt: this.#now, data });
    }
    const { step, choice, by, note } = move;
    const asked = this.#mail.questions.filter((question) => step === undefined || this.#steps.at(question.step)?.id === step);
    const [question] = asked;
    if (!question || asked.length > 1) {
      const message = question ? 'Several questions are open at that moment.' : 'Nobody is asked at that moment.';
      this.#problems.push({ message, place: move.place, help: [clockText(this.#now, this.parts.flow.timeZone)] });
    } else this.#mail.send({ step: question.step, kind: 'answer', choice, by, note });
  }

  #answerFor(path: string, action: string): MockAnswer | undefined {
    const step = this.#steps.at(path);
    return this.#answers.next(step ? [nameOf(step), action] : [action]);
  }

  #noteMail(checkpoint: Checkpoint): void {
    for (const child of this.#mail.note(checkpoint)) this.#endChild(child);
    for (const { id, type, occurredAt, data } of checkpoint.emitted) this.#mail.offer({ id, type, occurredAt, data });
  }

  /** Another flow is no part of the test: it ends at once as the test says, completed when it says nothing. */
  #endChild({ id, flow, parent }: ChildStart): void {
    if (!parent) return;
    const answer = this.#answerFor(parent.step, flow);
    const said = answer?.kind === 'ok' ? answer.value : {};
    const status = FINAL.find((word) => word === said['status']) ?? (answer && answer.kind !== 'ok' ? 'failed' : 'completed');
    const message = answer && answer.kind !== 'ok' ? answer.message : typeof said['message'] === 'string' ? said['message'] : '';
    this.#mail.send({ step: parent.step, kind: 'child', run: id, status, message });
  }

  #subjectOf(data: Data, name: SubjectName): Data | undefined {
    const named = data[name];
    const id = typeof named === 'object' && named !== null && 'id' in named ? String(named.id) : undefined;
    return id === undefined ? undefined : this.#world.find(name, id);
  }

  #nextEvent(): string {
    this.#events += 1;
    return `00000000-0000-7000-9000-${String(this.#events).padStart(12, '0')}`;
  }

  #notStarted(reason: RunReason | undefined): VirtualResult {
    const { at } = this.parts.given;
    return { status: 'not-started', reason, startedAt: at, endedAt: at, trace: { calls: [], emits: [] } };
  }

  #result(): VirtualResult {
    const stored = this.#stored;
    const entries = stored?.entries ?? [];
    const startedAt = this.parts.given.at;
    const last = Math.max(startedAt.getTime(), ...entries.map((entry) => ('at' in entry ? entry.at : 0)));
    const status: ExpectedStatus = STANDING[stored?.status ?? 'running'];
    return { status, reason: stored?.reason, startedAt, endedAt: new Date(last), trace: traceOf(this.parts.flow, entries) };
  }
}

/** The simulated domain, as flows and forms read the real one. */
function readersOf(world: SimulatedWorld): SubjectReaders {
  const readers = new SubjectReaders();
  for (const name of Object.keys(subjectSchemas) as SubjectName[])
    readers.offer(name, (_, ids) =>
      Promise.resolve(
        new Map(
          ids.flatMap((id) => {
            const subject = world.find(name, id);
            return subject ? [[id, subject] as const] : [];
          }),
        ),
      ),
    );
  return readers;
}
