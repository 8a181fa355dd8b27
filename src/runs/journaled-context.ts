/** The {@link RunContext} over a run's journal: hands back what is recorded, does and records the rest. One per branch. */
import { idempotencyKey } from './idempotency-key.ts';
import { newUuid } from '../kernel/ids.ts';
import { executeStep } from './execute-step.ts';
import type { JournaledRun } from './journaled-run.ts';
import type { RunFacts } from './run.ts';
import {
  RunInterrupted,
  StepFailed,
  timedOut,
  type Branch,
  type EventWait,
  type Note,
  type ReadPlan,
  type Reads,
  type RunContext,
  type StepRequest,
  type StepValue,
} from './run-context.ts';
import { newStepState } from './step-state.ts';

/** A parallel step in progress. */
interface Group {
  readonly path: string;
  /** The branch that told the others to stop, by its place. */
  stoppedBy: number | undefined;
}

/** Where a branch belongs. */
interface Place {
  readonly group: Group;
  readonly branch: number;
  readonly outer: Place | undefined;
}

export class JournaledContext implements RunContext {
  readonly facts: RunFacts;

  constructor(
    private readonly run: JournaledRun,
    private readonly place?: Place,
    /** Whether the flow's `timeout` holds here. */
    private readonly bounded = true,
  ) {
    this.facts = run.facts;
  }

  proceed(path: string): void {
    if (this.run.cancelledBy === undefined && !this.place && !this.run.late) return;
    if (this.run.history?.has(path)) return;
    this.#checkInterrupt(path);
  }

  async read(path: string, plan: ReadPlan): Promise<Reads> {
    const recorded = this.run.history?.read(path);
    if (recorded) return { subjects: recorded.subjects ?? {}, ...(recorded.now !== undefined && { now: recorded.now }) };
    const subjects = plan.subjects.length > 0 ? await this.run.readSubjects(plan) : {};
    const now = plan.now ? new Date(this.run.now()).toISOString() : undefined;
    this.run.append({ kind: 'read', step: path, ...(now !== undefined && { now }), ...(plan.subjects.length > 0 && { subjects }) });
    return { subjects, ...(now !== undefined && { now }) };
  }

  step(request: StepRequest): Promise<StepValue> {
    const state = this.run.history?.state(request.path) ?? newStepState();
    return executeStep(this.run, request, state, (inDoubt) => this.#checkInterrupt(request.path, inDoubt));
  }

  async sleep(path: string, until: (now: Date) => Date): Promise<void> {
    const state = this.run.history?.state(path) ?? newStepState();
    if (state.action !== undefined) this.run.compare(path, 'verb', 'do', 'wait');
    if (state.rested) return;
    this.#checkInterrupt(path);
    if (state.sleepUntil === undefined)
      this.run.record(state, { kind: 'sleep', step: path, until: until(new Date(this.run.now())).getTime() });
    await this.run.rest(path, state, state.sleepUntil);
  }

  waitFor(wait: EventWait): Promise<Readonly<Record<string, unknown>> | undefined> {
    return Promise.reject(new StepFailed('Waiting for an event is not possible yet.', [wait.path], 'step.not-yet'));
  }

  async parallel(path: string, branches: readonly Branch[], whenOneFails: 'finish-others' | 'stop-others'): Promise<void> {
    const group: Group = { path, stoppedBy: this.run.history?.stoppedBy(path) };
    this.run.branched(branches.length - 1);
    const results = await Promise.all(
      branches.map((branch, number) => this.#runBranch(branch, { group, branch: number, outer: this.place }, whenOneFails)),
    );
    this.run.branched(1);
    const problems = results.filter((result) => result !== undefined);
    const decisive = problems.find((problem) => problem instanceof RunInterrupted && problem.why !== 'sibling');
    if (decisive) throw decisive;
    const failures = problems.filter((problem) => problem instanceof StepFailed);
    const first = failures.find(({ fatal }) => fatal) ?? failures[0];
    if (first)
      throw new StepFailed(
        first.message,
        [...first.steps, ...failures.filter((other) => other !== first).flatMap(({ steps }) => steps)],
        first.code,
        first.fatal,
      );
  }

  note(note: Note): void {
    const recorded = this.run.history?.note(note.step);
    if (!recorded) return this.run.append(note);
    this.run.compare(note.step, note.kind, recorded, note);
  }

  emit(path: string, type: string, data: Readonly<Record<string, unknown>>): void {
    const recorded = this.run.history?.emit(path);
    if (recorded) return this.run.compare(path, 'event', recorded.type, type);
    const id = newUuid();
    const key = idempotencyKey(this.facts.tenantId, this.facts.id, path, 1);
    this.run.emit({ id, type, subject: '', occurredAt: new Date(this.run.now()), data, key });
    this.run.append({ kind: 'emit', step: path, type, event: id });
  }

  unbounded(): RunContext {
    this.run.liftDeadline();
    return new JournaledContext(this.run, this.place, false);
  }

  /** Runs one branch to its end. @returns why it did not come there */
  async #runBranch(
    branch: Branch,
    place: Place,
    whenOneFails: 'finish-others' | 'stop-others',
  ): Promise<StepFailed | RunInterrupted | undefined> {
    try {
      await branch(new JournaledContext(this.run, place, this.bounded));
      return undefined;
    } catch (problem) {
      if (!(problem instanceof StepFailed) && !(problem instanceof RunInterrupted)) throw problem;
      const stops = problem instanceof RunInterrupted ? problem.why === 'stopped' : whenOneFails === 'stop-others' || problem.fatal;
      if (stops && place.group.stoppedBy === undefined) this.#stopOthers(place);
      return problem;
    } finally {
      this.run.branched(-1);
    }
  }

  #stopOthers({ group, branch }: Place): void {
    group.stoppedBy = branch;
    this.run.append({ kind: 'stopped', step: group.path, by: branch });
    this.run.interruptSleepers(
      (path) => path.startsWith(`${group.path}.`),
      new RunInterrupted('sibling', 'Another branch ended the group.'),
    );
  }

  /** @param inDoubt the step may have been carried out: a deadline lets it find out first */
  #checkInterrupt(path: string, inDoubt = false): void {
    if (this.run.cancelledBy !== undefined) throw new RunInterrupted('cancelled', `Cancelled by ${this.run.cancelledBy}.`);
    // On replay the branch that ended the others goes its way again, up to where it did.
    for (let { place } = this; place; place = place.outer) {
      const { stoppedBy } = place.group;
      if (stoppedBy !== undefined && stoppedBy !== place.branch) throw new RunInterrupted('sibling', 'Another branch ended the group.');
    }
    if (this.bounded && !inDoubt && this.run.late) {
      this.run.timeOut();
      throw timedOut(path);
    }
  }
}
