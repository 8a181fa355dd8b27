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
import type { RunEvent, RunFacts, RunReason } from '../run.ts';
import { SubjectBatch } from '../subject-batch.ts';
import type { Data, ExpectedStatus, Given, Mocks, Move, Problem } from './flow-test.ts';
import { filledForm } from './manual-form.ts';
import { MockAnswers } from './mock-answers.ts';
import { MockedDoor } from './mocked-door.ts';
import { later } from './read-fields.ts';
import type { VirtualResult } from './run-result.ts';
import { happen } from './simulated-changes.ts';
import { SimulatedWorld } from './simulated-world.ts';
import { nameOf, StepsByPath } from './step-names.ts';
import type { TestedFlow } from './tested-flow.ts';
import { traceOf } from './trace.ts';

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

  constructor(private readonly parts: VirtualRunParts) {
    const { flow, vocabulary, given, mocks = new Map() } = parts;
    const steps = new StepsByPath(flow);
    const answers = new MockAnswers(mocks);
    this.#readers = readersOf(this.#world);
    const batch = new SubjectBatch(this.#readers);
    this.#engine = new MemoryEngine({
      store: this.#store,
      startAt: given.at.getTime(),
      // The whole pause of a retry policy: half of it is jitter.
      random: () => 1,
      readSubjects: (facts, names) => batch.read(facts, names),
      door: new MockedDoor({
        vocabulary,
        world: this.#world,
        now: () => this.#now,
        answer: ({ step: path, action }) => {
          const step = steps.at(path);
          return answers.next(step ? [nameOf(step), action] : [action]);
        },
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
      await this.#engine.settle(moment.getTime());
      this.#make(move);
    }
    await this.#engine.settle(this.#now.getTime() + LONGEST_MS);
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
      case 'schedule':
        return { kind: 'facts', facts: plain };
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
    const event: RunEvent = { id: this.#eventId(0), type, occurredAt: at, data };
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

  #make(move: Move): void {
    if (move.kind === 'event') happen(this.#world, move.type, move.sample, move.data, this.#now);
  }

  #subjectOf(data: Data, name: SubjectName): Data | undefined {
    const named = data[name];
    const id = typeof named === 'object' && named !== null && 'id' in named ? String(named.id) : undefined;
    return id === undefined ? undefined : this.#world.find(name, id);
  }

  #eventId(index: number): string {
    return `00000000-0000-7000-9000-${String(index).padStart(12, '0')}`;
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
    const status: ExpectedStatus = stored === undefined || stored.status === 'running' ? 'waiting' : stored.status;
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
