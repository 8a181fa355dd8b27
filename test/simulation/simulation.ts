/** Plays schedules by their seeds, and makes a failing one simple. To be called outside microtasks (`drain.ts`). */
import fc from 'fast-check';
import { Counts } from './counts.ts';
import type { PlantedBug } from './planted-bug.ts';
import { RecordedTape, SeededTape, type Tape } from './tape.ts';
import type { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { Schedule } from './world.ts';

export interface Failure {
  readonly seed: number;
  /** Its place among the schedules of the campaign. */
  readonly schedule: number;
  readonly promise: string;
  readonly message: string;
  /** Its decisions. */
  readonly tape: readonly number[];
}

export interface Campaign {
  readonly schedules: number;
  readonly decisions: number;
  readonly counts: Counts;
  readonly failure: Failure | undefined;
}

/** One of several processes that play a campaign together. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

const NO_BUGS: ReadonlySet<PlantedBug> = new Set();
const ALONE: Share = { index: 0, of: 1 };
/** fast-check chooses one seed for so many schedules that follow one another: choosing costs as much as a tenth of playing. */
const BLOCK = 20;
/** Schedules that belong together: whoever plays them, they are the same ones. */
const CHUNK = 2_000;

/** Plays `schedules` of them, with fast-check's choice of seeds from `seed` on; stops at the first that fails. */
export function simulate(schedules: number, seed: number, bugs: ReadonlySet<PlantedBug> = NO_BUGS, share: Share = ALONE): Campaign {
  const counts = new Counts();
  let [played, decisions] = [0, 0];
  let failure: Failure | undefined;
  for (let chunk = share.index; chunk * CHUNK < schedules && !failure; chunk += share.of) {
    const begin = chunk * CHUNK;
    const size = Math.min(CHUNK, schedules - begin);
    let left = size;
    const property = fc.property(fc.integer({ min: 0, max: 0xffffffff }), (first) => {
      for (let own = first; own < first + BLOCK && left > 0 && !failure; own += 1) {
        const tape = new SeededTape(own);
        const schedule = new Schedule(tape, bugs, counts);
        const violation = tryToPlay(schedule);
        played += 1;
        left -= 1;
        decisions += schedule.decisions;
        if (violation) failure = { ...about(violation), seed: own, schedule: begin + size - left, tape: tape.values };
      }
      return true;
    });
    fc.assert(property, { numRuns: Math.ceil(size / BLOCK), seed: (seed + begin) | 0 });
  }
  return { schedules: played, decisions, counts, failure };
}

/** The simplest tape that breaks the same promise: shorter, and with more dull decisions. */
export function shrink({ tape, promise }: Failure, bugs: ReadonlySet<PlantedBug> = NO_BUGS): readonly number[] {
  const fails = (values: readonly number[]) => play(new RecordedTape(values), bugs)?.promise === promise;
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
  const schedule = new Schedule(tape, bugs, new Counts(), trace);
  const violation = tryToPlay(schedule);
  if (trace) for (const line of schedule.journals()) trace(line);
  return violation;
}

function about({ promise, message }: Violation): Pick<Failure, 'promise' | 'message'> {
  return { promise, message };
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
