/**
 * The journal of a resumed run, by step: what the interpreter gets back instead of asking the world again.
 *
 * A `retry` makes the run forget what the steps that failed, and the flow's `on-failure`, had recorded; their next attempt
 * belongs to a new group. So does, with everything inside it, a step that was taken back. Everything else stays, so a retry
 * goes on behind what succeeded. To skip a failed step or to give it another input is a retry too.
 *
 * Where steps that were taken back are done again, they may come to something else, and what comes after them may be computed
 * otherwise: what is done stays done with the input that it had, and values and ways are computed anew.
 */
import type { JournalEntry, StepEntry } from './journal-entry.ts';
import { applyEntry, isResting, newStepState, type StepState } from './step-state.ts';
import type { Note } from './run-context.ts';
import { isCleanUp, Progress } from './progress.ts';
import type { RunReason } from './run.ts';

type ReadEntry = Extract<JournalEntry, { kind: 'read' }>;
type EmitEntry = Extract<JournalEntry, { kind: 'emit' }>;
type LeftEntry = Extract<JournalEntry, { kind: 'left' }>;
type EndEntry = Extract<JournalEntry, { kind: 'end' }>;
type CancelEntry = Extract<JournalEntry, { kind: 'cancel' }>;

/** An entry about one step. */
type StepRecord = StepEntry | Note | ReadEntry | EmitEntry | LeftEntry;

interface Recorded {
  read?: ReadEntry;
  note?: Note;
  emit?: EmitEntry;
  state?: StepState;
}

/** The flow's own deadline, and its `stop-on`, are kept under the empty path. */
const FLOW = '';
/** Paths of the steps in the flow's `on-failure` begin with this. */
const HANDLER = 'on-failure.';

export class History {
  readonly #steps = new Map<string, Recorded>();
  readonly #groups = new Map<string, number>();
  readonly #stopped = new Map<string, number>();
  readonly #stoppedFirst = new Set<string>();
  readonly #seen = new Set<string>();
  /** Lists of a `for-each` that stand, whatever the flow computes. */
  readonly #standingLists = new Set<string>();
  /** What stands from before a retry that does again what comes before it: the run need not have come past anything. */
  readonly #standing = new Set<string>();
  readonly #deadlines = new Map<string, number>();
  readonly #timedOut = new Set<string>();
  readonly #skipped = new Map<string, Readonly<Record<string, unknown>>>();
  /** Steps that can be taken back, by when they were done. */
  readonly #done: string[] = [];
  /** Steps that were taken back, and whether that succeeded. */
  readonly #undone = new Map<string, boolean>();
  /** Every path with an entry, and every path above one; made when first asked for. */
  #prefixes: Set<string> | undefined;
  /** How far each list of steps had come; made when first asked for. */
  #progress: Progress | undefined;
  #end: EndEntry | undefined;
  /** What people ordered to end the run. */
  readonly cancels: CancelEntry[] = [];
  /** The event of the flow's `stop-on` that came. */
  stopEvent: Extract<JournalEntry, { kind: 'heard' }> | undefined;
  /** The flow's `stop-on` is being listened for. */
  listens = false;
  /** Why it never began. */
  unstartable: RunReason | undefined;
  /** Where and why it was set aside, until somebody says `retry`. */
  aside: { readonly step: string; readonly message: string } | undefined;
  /** How often it was taken up after a death of its process and got nowhere. */
  resumed = 0;

  constructor(entries: Iterable<JournalEntry>) {
    for (const entry of entries) this.add(entry);
  }

  /** Adds one more entry, as if it had been the last of the journal. */
  add(entry: JournalEntry): void {
    if (isProgress(entry)) this.resumed = 0;
    this.#prefixes = undefined;
    this.#progress = undefined;
    switch (entry.kind) {
      case 'end':
        this.#end = entry;
        return;
      case 'retry':
        return this.#retry();
      case 'cancel':
        this.cancels.push(entry);
        return;
      case 'stopped':
        this.#stopped.set(entry.step, entry.by ?? NOBODY);
        if (this.cancels.length === 0 && !this.stopEvent) this.#stoppedFirst.add(entry.step);
        return;
      case 'deadline':
        this.#deadlines.set(entry.step ?? FLOW, entry.until);
        return;
      case 'timed-out':
        this.#timedOut.add(entry.step ?? FLOW);
        return;
      case 'done':
        this.#done.push(entry.step);
        return;
      case 'undone':
      case 'undo-failed':
        this.#undone.set(entry.step, entry.kind === 'undone');
        return;
      case 'skipped':
        if (this.#end) this.#retry();
        this.#skipped.set(entry.step, entry.output ?? {});
        return;
      case 'moved':
        return;
      case 'unstartable':
        this.unstartable = entry.reason;
        return;
      case 'resumed':
        this.resumed += 1;
        return;
      case 'aside':
        this.aside = { step: entry.step, message: entry.message };
        return;
      default:
        return this.#record(entry);
    }
  }

  /** How the run ended, when it did and was not retried since. */
  get end(): EndEntry | undefined {
    return this.#end;
  }

  read(path: string): ReadEntry | undefined {
    return this.#use(path)?.read;
  }

  note(path: string): Note | undefined {
    return this.#use(path)?.note;
  }

  /** The elements of a `for-each`, where they stand whatever the flow computes. */
  standingList(path: string): readonly unknown[] | undefined {
    const note = this.#standingLists.has(path) ? this.note(path) : undefined;
    return note?.kind === 'list' ? note.elements : undefined;
  }

  emit(path: string): EmitEntry | undefined {
    return this.#use(path)?.emit;
  }

  /** Where the step stood; a new one when it had not begun. */
  state(path: string): StepState {
    return this.#use(path)?.state ?? newStepState(this.#groups.get(path) ?? 1);
  }

  /** Which branch of the parallel group at `path` had told the others to stop; absent when none had. */
  stoppedBy(path: string): number | undefined {
    return this.#stopped.get(path);
  }

  /** Tells whether a branch had ended the parallel group at `path` before anything ended the run. */
  wasStoppedBeforeHalt(path: string): boolean {
    return this.#stoppedFirst.has(path);
  }

  /** Until when what is at `path` may go on, when that was settled and no retry has begun since. */
  deadline(path: string): number | undefined {
    return this.#deadlines.get(path);
  }

  timedOut(path: string): boolean {
    return this.#timedOut.has(path);
  }

  /** What stands in for the result of a step that a person skipped. */
  skipped(path: string): Readonly<Record<string, unknown>> | undefined {
    const output = this.#skipped.get(path);
    if (output) for (const recorded of this.#steps.keys()) if (isWithin(recorded, path)) this.#seen.add(recorded);
    return output;
  }

  /** The interpreter is at the step. @returns whether it, or a step inside it, has recorded anything */
  comesBackTo(path: string): boolean {
    return this.#use(path) !== undefined || this.has(path);
  }

  /** How many steps with an `undo` were done before the one at `path` was; `undefined` when it is not recorded as done. */
  doneAt(path: string): number | undefined {
    const index = this.#done.indexOf(path);
    return index < 0 ? undefined : index;
  }

  /** Steps that are recorded as done and can be taken back. */
  get doneCount(): number {
    return this.#done.length;
  }

  /** Tells whether the step was taken back: false when that failed, `undefined` when it was not tried to its end. */
  undone(path: string): boolean | undefined {
    return this.#undone.get(path);
  }

  /** Tells whether the step at `path`, or one inside it, has recorded anything, or was skipped by a person. */
  has(path: string): boolean {
    if (this.#steps.has(path) || this.#skipped.has(path)) return true;
    this.#prefixes ??= prefixesOf(this.#steps.keys());
    return this.#prefixes.has(path);
  }

  /**
   * Tells whether the run had come past the step at `path`, inside what is at `outer` (empty: the flow): what can only come after it has
   * recorded something. So a step is known that failed before it recorded anything; it must fail again on a replay, whatever has been
   * ordered since.
   */
  isBehind(path: string, outer: string): boolean {
    return this.#steps.size > 0 && this.#ensureProgress().isBehind(path, outer);
  }

  /** No step has recorded anything. */
  get isUntouched(): boolean {
    return this.#steps.size === 0;
  }

  /** The run had begun what comes after a failure. */
  get handling(): boolean {
    return this.#steps.size > 0 && this.#ensureProgress().cleaning;
  }

  /** Where the step stands, for somebody who asks before the run has begun; {@link state} is for the step itself. */
  peek(path: string): StepState | undefined {
    return this.#steps.get(path)?.state;
  }

  /** Steps that rest: those that a person can let go on. Once what comes after a failure has begun, what it ended rests no more. */
  get resting(): readonly string[] {
    const { handling } = this;
    return [...this.#steps]
      .filter(([path, { state }]) => state && isResting(state) && (!handling || isCleanUp(path)))
      .map(([path]) => path);
  }

  /** A step that was recorded and that the interpreter did not come to: the flow is not what it was. */
  unused(): string | undefined {
    return [...this.#steps.keys()].find((path) => !this.#seen.has(path));
  }

  /** The step at which it stands: one whose call has no answer, else the last that recorded anything; empty before the first. */
  get standing(): string {
    const steps = [...this.#steps];
    const open = steps.find(([, { state }]) => state?.open === true);
    return (open ?? steps.at(-1))?.[0] ?? '';
  }

  #ensureProgress(): Progress {
    return (this.#progress ??= new Progress([...this.#steps.keys()].filter((path) => !this.#standing.has(path))));
  }

  #use(path: string): Recorded | undefined {
    this.#seen.add(path);
    return this.#steps.get(path);
  }

  #record(entry: StepRecord): void {
    if (entry.step === FLOW && entry.kind === 'listen') this.listens = true;
    else if (entry.step === FLOW && entry.kind === 'heard') this.stopEvent = entry;
    else this.#recordStep(entry);
  }

  #recordStep(entry: StepRecord): void {
    // An edit of a step that failed sends the run back to it; of one that rests it does not.
    if (entry.kind === 'edited' && this.#end) {
      this.#retry();
      this.#standing.add(entry.step);
    }
    // A person said it, not the flow: the run need not come to the step, where what was taken back before it is done again and fails.
    if (entry.kind === 'edited') this.#seen.add(entry.step);
    else this.#standing.delete(entry.step);
    const recorded = this.#steps.get(entry.step) ?? {};
    this.#steps.set(entry.step, recorded);
    if (entry.kind === 'read') recorded.read = entry;
    else if (entry.kind === 'emit') recorded.emit = entry;
    else if (isNote(entry)) recorded.note = entry;
    else if (entry.kind !== 'left') applyEntry((recorded.state ??= newStepState(this.#groups.get(entry.step) ?? 1)), entry);
  }

  #retry(): void {
    this.#deadlines.delete(FLOW);
    this.#timedOut.delete(FLOW);
    // A run that was set aside has not ended: everything it did stays done, its on-failure included.
    if (this.aside) {
      this.aside = undefined;
      return;
    }
    for (const path of this.#end?.failed ?? []) this.#forgetFailed(path);
    for (const path of this.#steps.keys()) if (path.startsWith(HANDLER)) this.#forget(path);
    for (const [path, undone] of this.#undone) this.#forgetAll(undone ? path : `${path}.undo`);
    if ([...this.#undone.values()].includes(true)) this.#letStand();
    this.#undone.clear();
    this.#stopped.clear();
    this.#stoppedFirst.clear();
    this.#end = undefined;
    // The waits of a run that ended are gone: it listens anew, and hears what was recorded since it began.
    this.listens = false;
  }

  /** A step that ran out of its own time goes on where it stood, with that time again; any other begins again. */
  #forgetFailed(path: string): void {
    if (!this.#timedOut.has(path)) return this.#forget(path);
    this.#timedOut.delete(path);
    this.#deadlines.delete(path);
  }

  #forgetAll(under: string): void {
    for (const path of this.#steps.keys()) if (isWithin(path, under)) this.#forget(path);
    const kept = this.#done.filter((path) => !isWithin(path, under));
    this.#done.splice(0, this.#done.length, ...kept);
  }

  /** What is recorded need not be what is computed, nor be come to again. The elements of a `for-each` stay: steps are named by them. */
  #letStand(): void {
    for (const [path, recorded] of this.#steps) {
      this.#seen.add(path);
      this.#standing.add(path);
      if (recorded.state) recorded.state.stands = true;
      if (recorded.note?.kind === 'list') this.#standingLists.add(path);
      else delete recorded.note;
    }
  }

  #forget(path: string): void {
    const group = this.#steps.get(path)?.state?.group;
    if (group !== undefined) this.#groups.set(path, group + 1);
    this.#steps.delete(path);
    this.#skipped.delete(path);
  }
}

/** Journals of old do not say which branch it was. */
const NOBODY = -1;

function isNote(entry: StepEntry | Note | LeftEntry): entry is Note {
  return NOTES.has(entry.kind);
}

const NOTES: ReadonlySet<string> = new Set<Note['kind']>(['set', 'skip', 'chose', 'round', 'list']);

function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`);
}

function prefixesOf(paths: Iterable<string>): Set<string> {
  const prefixes = new Set<string>();
  for (const path of paths) {
    for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
      const prefix = path.slice(0, dot);
      if (prefixes.has(prefix)) break;
      prefixes.add(prefix);
    }
  }
  return prefixes;
}

/**
 * Tells whether the run has got on with this entry. An intent alone is no progress: its call may be what kills the process.
 * A cancel is a person's.
 */
export function isProgress({ kind }: JournalEntry): boolean {
  return kind !== 'intent' && kind !== 'resumed' && kind !== 'cancel';
}
