/** Plays schedules by their seeds, and makes a failing one simple. To be called outside microtasks (`drain.ts`). */
import fc from 'fast-check';
import type { PlantedBug } from './planted-bug.ts';
import { RecordedTape, SeededTape, type Tape } from './tape.ts';
import type { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { Schedule, type Counts } from './world.ts';

export interface Failure {
  readonly seed: number;
  /** How many schedules were played up to it. */
  readonly schedules: number;
  readonly violation: Violation;
  /** Its decisions. */
  readonly tape: readonly number[];
}

export interface Campaign {
  readonly schedules: number;
  readonly decisions: number;
  readonly counts: Counts;
  readonly failure: Failure | undefined;
}

const NO_BUGS: ReadonlySet<PlantedBug> = new Set();

/** Plays `schedules` of them, with fast-check's choice of seeds from `seed` on; stops at the first that fails. */
export function simulate(schedules: number, seed: number, bugs: ReadonlySet<PlantedBug> = NO_BUGS): Campaign {
  const counts: Counts = {};
  let [played, decisions] = [0, 0];
  let failure: Failure | undefined;
  const property = fc.property(fc.integer({ min: 0, max: 0xffffffff }), (own) => {
    if (failure) return true;
    const tape = new SeededTape(own);
    const schedule = new Schedule(tape, bugs, counts);
    played += 1;
    const violation = tryToPlay(schedule);
    decisions += schedule.decisions;
    if (violation) failure = { seed: own, schedules: played, violation, tape: tape.values };
    return true;
  });
  const CHUNK = 10_000;
  for (let done = 0; done < schedules && !failure; done += CHUNK)
    fc.assert(property, { numRuns: Math.min(CHUNK, schedules - done), seed: (seed + done) | 0 });
  return { schedules: played, decisions, counts, failure };
}

/** The simplest tape that breaks the same promise: shorter, and with more dull decisions. */
export function shrink({ tape, violation }: Failure, bugs: ReadonlySet<PlantedBug> = NO_BUGS): readonly number[] {
  const fails = (values: readonly number[]) => play(new RecordedTape(values), bugs)?.promise === violation.promise;
  const most = Math.max(...tape, 1);
  const decisions = fc.array(fc.integer({ min: 0, max: most }), { maxLength: tape.length, size: 'max' });
  const { counterexample } = fc.check(
    fc.property(decisions, (values) => !fails(values)),
    { examples: [[[...tape]]], numRuns: 1 },
  );
  return counterexample?.[0] ?? tape;
}

/** @returns which promise was broken */
export function play(tape: Tape, bugs: ReadonlySet<PlantedBug> = NO_BUGS, trace?: Trace): Violation | undefined {
  const schedule = new Schedule(tape, bugs, {}, trace);
  const violation = tryToPlay(schedule);
  if (trace) for (const line of schedule.journals()) trace(line);
  return violation;
}

function tryToPlay(schedule: Schedule): Violation | undefined {
  // Failures of steps are thrown by the thousand, and nobody reads where.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    schedule.play();
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
