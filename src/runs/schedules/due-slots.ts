import { lastSlots, nextSlot, type Slots } from '../../flows/schedule-slots.ts';

/** Which slots of one schedule start runs now, and when it is looked at again. */
export interface DueSlots {
  /** In order; each with how many earlier ones it stands for as well. */
  readonly slots: readonly { readonly slot: Date; readonly missed: number }[];
  /** With `all`, more passed than are caught up on: those from the first up to this one start nothing. */
  readonly lost?: { readonly from: Date; readonly until: Date };
  /** Absent when none comes any more. */
  readonly next: Date | undefined;
}

export type Missed = 'run-once' | 'skip' | 'all';

/** A slot that is older was missed: nobody was there for so long, in milliseconds. */
export const LATE_MS = 60_000;
/** Slots that are caught up on with `all`. */
export const MOST_CAUGHT_UP = 1_000;

/**
 * @param first the earliest slot that has not been dealt with
 * @param now by the clock that decides, at or after `first`
 */
export function dueSlots(schedule: Slots & { readonly missed: Missed }, first: Date, now: Date): DueSlots {
  const due = lastSlots(schedule, first, now, MOST_CAUGHT_UP + 1);
  const last = due.at(-1) ?? first;
  const next = nextSlot(schedule, now);
  switch (schedule.missed) {
    case 'run-once':
      return { slots: [{ slot: last, missed: due.length - 1 }], next };
    case 'skip':
      return { slots: now.getTime() - last.getTime() <= LATE_MS ? [{ slot: last, missed: 0 }] : [], next };
    case 'all': {
      const slots = due.slice(-MOST_CAUGHT_UP).map((slot) => ({ slot, missed: 0 }));
      const [lost] = due;
      return due.length > MOST_CAUGHT_UP && lost ? { slots, lost: { from: first, until: lost }, next } : { slots, next };
    }
  }
}
