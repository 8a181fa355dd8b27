/**
 * One run of a flow on the real interpreter, with a clock that jumps, a simulated domain and simulated actions.
 *
 * The order of things at one moment: timers that are due, then what the test lets happen. A call takes no time; the pause
 * before another attempt takes what the retry policy says, without jitter. The same test gives the same run, to the byte.
 */
import { SubjectReaders } from '../../events/subject-readers.ts';
import { subjectSchemas, type SubjectName } from '../../events/catalogue/subjects.ts';
import { MemoryEngine } from '../memory/memory-engine.ts';
import {} from '../memory/memory-store.ts';
import { MemoryStore, type StoredRun } from '../memory/memory-store.ts';
import type { FinalStatus, RunReason, RunStatus } from '../run.ts';
import type { ChildStart, Signal } from '../signals.ts';
import { SubjectBatch } from '../subject-batch.ts';
import type { ExpectedStatus, Given, MockAnswer, Mocks, Move, Problem } from './flow-test.ts';
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
import { RUN, startOf } from './virtual-start.ts';

export interface VirtualRunParts extends TestedFlow {
  readonly given: Given;
  readonly mocks?: Mocks;
  readonly moves?: readonly Move[];
}

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
  /** News of sub-flows that is on its way to the run. */
  readonly #endedChildren: Signal[] = [];
  readonly #steps: StepsByPath;
  readonly #answers: MockAnswers;
  #ids = 0;

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
      newId: () => this.#nextId(),
      wrote: ({ children }) => children.forEach((child) => this.#endChild(child)),
      door: new MockedDoor({
        vocabulary,
        world: this.#world,
        now: () => this.#now,
        answer: ({ step, action }) => this.#answerFor(step, action),
      }),
    });
  }

  async play(): Promise<{ readonly result: VirtualResult; readonly problems: readonly Problem[] }> {
    const { flow, given } = this.parts;
    const start = await startOf(flow, given, this.#world, this.#readers);
    if (start.kind === 'not-started') return { result: this.#notStarted(start.reason), problems: this.#problems };
    this.#engine.start(flow, start.facts);
    let moment = given.at;
    for (const move of this.parts.moves ?? []) {
      moment = 'at' in move.when ? move.when.at(moment) : later(moment, move.when.after, flow.timeZone);
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

  /** Lets everything happen that is due until then: what is on its way to the run first, then the next timer. */
  async #advance(until: number): Promise<void> {
    for (;;) {
      await this.#engine.settle(this.#engine.now);
      const ended = this.#endedChildren.splice(0);
      for (const signal of ended) this.#deliver(signal);
      if (ended.length > 0) continue;
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
    if (move.kind === 'answer') return this.#answer(move);
    const data = happen(this.#world, move.type, move.sample, move.data, this.#now);
    const problem = payloadProblem(move.type, data);
    if (problem !== undefined) this.#problems.push({ message: `This is no ${move.type}: ${problem}.`, place: move.place });
    this.#engine.arrive({ id: this.#nextId(), type: move.type, occurredAt: this.#now, data });
  }

  #answer({ step, choice, by, note, place }: Extract<Move, { kind: 'answer' }>): void {
    const open = [...(this.#stored?.questions.keys() ?? [])];
    const asked = open.filter((path) => step === undefined || this.#steps.at(path)?.id === step);
    const [path] = asked;
    if (path !== undefined && asked.length === 1) {
      this.#engine.answer(RUN, path, choice, by, note);
      return;
    }
    const message = path === undefined ? 'Nobody is asked at that moment.' : 'Several questions are open at that moment.';
    this.#problems.push({ message, place, help: [clockText(this.#now, this.parts.flow.timeZone)] });
  }

  #answerFor(path: string, action: string): MockAnswer | undefined {
    const step = this.#steps.at(path);
    return this.#answers.next(step ? [nameOf(step), action] : [action]);
  }

  /** Another flow is no part of the test: it ends at once as the test says, completed when it says nothing. */
  #endChild({ id, flow, parent }: ChildStart): void {
    if (!parent) return;
    const answer = this.#answerFor(parent.step, flow);
    const said = answer?.kind === 'ok' ? answer.value : {};
    const status = FINAL.find((word) => word === said['status']) ?? (answer && answer.kind !== 'ok' ? 'failed' : 'completed');
    const message = answer && answer.kind !== 'ok' ? answer.message : typeof said['message'] === 'string' ? said['message'] : '';
    this.#endedChildren.push({ id: `child/${id}`, step: parent.step, kind: 'child', run: id, status, message });
  }

  #nextId(): string {
    this.#ids += 1;
    return `00000000-0000-7000-9000-${String(this.#ids).padStart(12, '0')}`;
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
