/**
 * The deadlines of a run: the flow's own, under the empty path, and those of steps with a `timeout`. What is inside a step is
 * also bound by the deadlines around it.
 */
interface Deadline {
  readonly until: number;
  /** It has passed, and that is recorded: a replay takes the same way even if the clock has gone back. */
  over: boolean;
}

export class Deadlines {
  readonly #open = new Map<string, Deadline>();

  set(path: string, until: number, over: boolean): void {
    this.#open.set(path, { until, over });
  }

  /** What was bound is done. @returns the moment that nobody need be woken for any more */
  lift(path: string): number | undefined {
    const until = this.#open.get(path)?.until;
    this.#open.delete(path);
    return until;
  }

  isLate(path: string, now: number): boolean {
    const deadline = this.#open.get(path);
    return deadline !== undefined && (deadline.over || now >= deadline.until);
  }

  /** It is recorded now that this one has passed. @returns its moment; `undefined` when it was known or is not there */
  pass(path: string): number | undefined {
    const deadline = this.#open.get(path);
    if (!deadline || deadline.over) return undefined;
    deadline.over = true;
    return deadline.until;
  }

  /** Paths whose moment has come and of which nothing is recorded yet, the outer before the inner. */
  due(now: number): readonly string[] {
    if (this.#open.size === 0) return NONE;
    return [...this.#open].filter(([, { until, over }]) => !over && now >= until).map(([path]) => path);
  }

  /** Moments still to come. */
  get moments(): readonly number[] {
    if (this.#open.size === 0) return NO_MOMENTS;
    return [...this.#open.values()].filter(({ over }) => !over).map(({ until }) => until);
  }

  clear(): void {
    this.#open.clear();
  }
}

const NONE: readonly string[] = [];
const NO_MOMENTS: readonly number[] = [];
