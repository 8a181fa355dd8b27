/**
 * The journal of a resumed run, by step: what the interpreter gets back instead of asking the world again.
 *
 * A `retry` makes the run forget what the steps that failed, and the flow's `on-failure`, had recorded; their next attempt
 * belongs to a new group. Everything else stays, so a retry goes on behind what succeeded.
 */
import type { JournalEntry, StepEntry } from './journal-entry.ts';
import { applyEntry, newStepState, type StepState } from './step-state.ts';
import type { Note } from './run-context.ts';
import type { RunReason } from './run.ts';

type ReadEntry = Extract<JournalEntry, { kind: 'read' }>;
type EmitEntry = Extract<JournalEntry, { kind: 'emit' }>;
type EndEntry = Extract<JournalEntry, { kind: 'end' }>;

/** An entry about one step. */
type StepRecord = StepEntry | Note | ReadEntry | EmitEntry;

interface Recorded {
  read?: ReadEntry;
  note?: Note;
  emit?: EmitEntry;
  state?: StepState;
}

export class History {
  readonly #steps = new Map<string, Recorded>();
  readonly #groups = new Map<string, number>();
  readonly #stopped = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly #handlers: ReadonlySet<string>;
  #end: EndEntry | undefined;
  /** Who cancelled the run, when somebody did. */
  cancelledBy: string | undefined;
  /** Until when its steps may go on, when the flow says so and no retry has begun since. */
  deadline: number | undefined;
  timedOut = false;
  /** Why it never began. */
  unstartable: RunReason | undefined;
  /** Where and why it was set aside, until somebody says `retry`. */
  aside: { readonly step: string; readonly message: string } | undefined;
  /** How often it was taken up after a death of its process and got nowhere. */
  resumed = 0;

  /** @param handlers paths of the steps of the flow's `on-failure` */
  constructor(entries: Iterable<JournalEntry>, handlers: ReadonlySet<string>) {
    this.#handlers = handlers;
    for (const entry of entries) this.add(entry);
  }

  /** Adds one more entry, as if it had been the last of the journal. */
  add(entry: JournalEntry): void {
    if (isProgress(entry)) this.resumed = 0;
    switch (entry.kind) {
      case 'end':
        this.#end = entry;
        return;
      case 'retry':
        return this.#retry();
      case 'cancel':
        this.cancelledBy = entry.by;
        return;
      case 'stopped':
        this.#stopped.set(entry.step, entry.by ?? NOBODY);
        return;
      case 'deadline':
        this.deadline = entry.until;
        return;
      case 'timed-out':
        this.timedOut = true;
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

  /** Tells whether the step at `path`, or one inside it, has recorded anything. */
  has(path: string): boolean {
    if (this.#steps.has(path)) return true;
    const inside = `${path}.`;
    return [...this.#steps.keys()].some((recorded) => recorded.startsWith(inside));
  }

  /** Where the step stands, for somebody who asks before the run has begun; {@link state} is for the step itself. */
  peek(path: string): StepState | undefined {
    return this.#steps.get(path)?.state;
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

  #use(path: string): Recorded | undefined {
    this.#seen.add(path);
    return this.#steps.get(path);
  }

  #record(entry: StepRecord): void {
    const recorded = this.#steps.get(entry.step) ?? {};
    this.#steps.set(entry.step, recorded);
    if (entry.kind === 'read') recorded.read = entry;
    else if (entry.kind === 'emit') recorded.emit = entry;
    else if (isNote(entry)) recorded.note = entry;
    else applyEntry((recorded.state ??= newStepState(this.#groups.get(entry.step) ?? 1)), entry);
  }

  #retry(): void {
    this.deadline = undefined;
    this.timedOut = false;
    // A run that was set aside has not ended: everything it did stays done, its on-failure included.
    if (this.aside) this.aside = undefined;
    else this.#forget([...(this.#end?.failed ?? []), ...this.#handlers]);
  }

  #forget(paths: readonly string[]): void {
    this.#end = undefined;
    this.#stopped.clear();
    for (const path of paths) {
      const group = this.#steps.get(path)?.state?.group;
      if (group !== undefined) this.#groups.set(path, group + 1);
      this.#steps.delete(path);
    }
  }
}

/** Journals of old do not say which branch it was. */
const NOBODY = -1;

function isNote(entry: StepEntry | Note): entry is Note {
  return entry.kind === 'set' || entry.kind === 'skip' || entry.kind === 'chose';
}

/**
 * Tells whether the run has got on with this entry. An intent alone is no progress: its call may be what kills the process.
 * A cancel is a person's.
 */
export function isProgress({ kind }: JournalEntry): boolean {
  return kind !== 'intent' && kind !== 'resumed' && kind !== 'cancel';
}
