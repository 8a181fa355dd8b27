/** How a run comes to be ended before its steps are through: who cancelled it, and the events of its `stop-on`. */
import { isKassaflowError } from '../kernel/errors.ts';
import { haltOf, settlesFirst, type Halt } from './halt.ts';
import type { JournalEntry } from './journal-entry.ts';
import { RunInterrupted, type EventWatch } from './run-context.ts';
import type { Signal } from './signals.ts';
import type { StepState } from './step-state.ts';

type CancelEntry = Extract<JournalEntry, { kind: 'cancel' }>;
type HeardEntry = Extract<JournalEntry, { kind: 'heard' }>;

/** The run around it. */
export interface HaltingRun {
  /** `uuid` of the event that started it, which never ends it. */
  readonly startedBy: string | undefined;
  /** What comes after a failure is under way: only a person can end it, and only without undo. */
  isHandling(): boolean;
  now(): number;
  append(entry: JournalEntry): void;
  /** Ends the rest of these steps. */
  interrupt(concerned: (path: string, state: StepState) => boolean, reason: RunInterrupted): void;
  /** Tells people. */
  report(message: string): void;
}

export class Halting {
  /** What ends the run. */
  halt: Halt | undefined;
  #cancels: readonly CancelEntry[] = [];
  #watches: readonly EventWatch[] = [];

  constructor(private readonly run: HaltingRun) {}

  /** As the journal has it, of a run that has not begun here. */
  recall(cancels: readonly CancelEntry[], stopEvent: HeardEntry | undefined): void {
    this.#cancels = [...cancels];
    this.halt = haltOf(cancels, stopEvent);
  }

  cancel(entry: CancelEntry): void {
    this.#cancels = [...this.#cancels, entry];
    this.run.append(entry);
    this.#stopFor(haltOf(this.#cancels, undefined));
  }

  watch(watches: readonly EventWatch[]): void {
    this.#watches = watches;
  }

  /** The events that it is to be told of are known. */
  get watches(): boolean {
    return this.#watches.length > 0;
  }

  /** Ends the run when one of these is an event that it stops on. */
  hear(letters: readonly Signal[]): void {
    for (const letter of letters) {
      if (this.halt || this.run.isHandling() || letter.kind !== 'event' || letter.event.id === this.run.startedBy) continue;
      if (!this.#watches.some((watch) => this.#isMeant(watch, letter.event))) continue;
      const { id, type } = letter.event;
      const entry = { kind: 'heard', step: '', at: this.run.now(), event: id, type, data: {} } as const;
      this.run.append(entry);
      this.#stopFor(haltOf([], entry));
    }
  }

  /** An event of which it cannot be told whether it ends the run does not; a person hears of it. */
  #isMeant({ events, meant }: EventWatch, event: Extract<Signal, { kind: 'event' }>['event']): boolean {
    try {
      return events.includes(event.type) && meant(event);
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      this.run.report(`Whether ${event.type} ends the run cannot be told: ${error.message}`);
      return false;
    }
  }

  /** Ends what rests, but for steps that must find out first, and for what comes after a failure. */
  #stopFor(halt: Halt | undefined): void {
    this.halt = halt;
    if (!halt || (this.run.isHandling() && !halt.final)) return;
    const reason = new RunInterrupted(halt.why, halt.message, undefined, { undo: halt.undo });
    this.run.interrupt((_, state) => !settlesFirst(halt, state), reason);
  }
}
