/** What housekeeping does, one task for each kind of data. The owner of the tables writes the task; this folder runs it. */
import type { OwnerSession } from './owner-session.ts';

export interface HousekeepingTask {
  /** `runs`, `events`: how people name it on the command line and in the log. */
  readonly name: string;
  /** What is to be done at `now`; nothing is changed by asking. */
  plan(session: OwnerSession, now: Date): Promise<readonly Chore[]>;
}

/** One thing to do. It may be interrupted anywhere: what is left is in the next plan. */
export interface Chore {
  /** For people: `drop run_2026w31: its 120,000 runs ended before 2026-08-23`. */
  readonly what: string;
  /** What keeps it from being done now. */
  readonly blocked?: string;
  /** Does it. Gives the number of rows that are gone. */
  do(session: OwnerSession): Promise<number>;
}
