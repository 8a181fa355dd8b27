import type { Clock } from '../../kernel/clock.ts';
import { eventErrors } from '../../events/event-errors.ts';

/** How long an event waits for room before it is refused. */
const WAIT_MS = 250;

interface Waiting {
  readonly enter: () => void;
  readonly refuse: (error: Error) => void;
  readonly since: number;
}

/**
 * Bounds what is in memory: an event is let in while there is room, waits a moment when there is none, and is refused with
 * 429 after that. It is never taken in and dropped.
 *
 * Tenants take turns. When the queue itself is full, the last of the tenant with most in it makes room for one of a tenant with
 * fewer, so that a tenant who sends ten thousand events at once fills its own share and no other's.
 */
export class Admission {
  /** In the order of turns; no line is empty. */
  readonly #lines = new Map<string, Waiting[]>();
  #waiting = 0;
  #sweep: NodeJS.Timeout | undefined;

  /** @param load what is in memory now */
  constructor(
    private readonly most: number,
    private readonly load: () => number,
    private readonly clock: Clock,
  ) {}

  get free(): boolean {
    return this.#waiting === 0 && this.load() < this.most;
  }

  /** Events in line. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves when it is the turn of an event of `tenantId` and there is room. @throws events.overloaded */
  wait(tenantId: string): Promise<void> {
    if (this.#waiting >= this.most && !this.#makeRoomFor(tenantId)) return Promise.reject(eventErrors.overloaded().after(1_000));
    return new Promise((enter, refuse) => {
      const line = this.#lines.get(tenantId);
      const one = { enter, refuse, since: this.clock.elapsed() };
      if (line) line.push(one);
      else this.#lines.set(tenantId, [one]);
      this.#waiting += 1;
      this.#sweep ??= setInterval(() => this.#refuseLate(), WAIT_MS / 5).unref();
    });
  }

  /** Something left memory. */
  released(): void {
    if (this.#waiting > 0 && this.load() < this.most) this.#admitNext();
  }

  #admitNext(): void {
    const [next] = this.#lines;
    if (!next) return;
    const [tenantId, line] = next;
    const first = line.shift();
    this.#lines.delete(tenantId);
    if (line.length > 0) this.#lines.set(tenantId, line);
    this.#waiting -= 1;
    first?.enter();
  }

  #makeRoomFor(tenantId: string): boolean {
    let longest: Waiting[] | undefined;
    for (const line of this.#lines.values()) if (!longest || line.length > longest.length) longest = line;
    if (!longest || longest.length <= (this.#lines.get(tenantId)?.length ?? 0) + 1) return false;
    // At least two are in it, so the line stays.
    longest.pop()?.refuse(eventErrors.overloaded().after(1_000));
    this.#waiting -= 1;
    return true;
  }

  #refuseLate(): void {
    const late = this.clock.elapsed() - WAIT_MS;
    for (const [tenantId, line] of this.#lines) {
      while (line[0] && line[0].since < late) {
        line.shift()?.refuse(eventErrors.overloaded().after(1_000));
        this.#waiting -= 1;
      }
      if (line.length === 0) this.#lines.delete(tenantId);
    }
    // What was let in counts only once it is on its way to disk: as many as there is room for, no more.
    for (let room = this.most - this.load(); room > 0 && this.#waiting > 0; room -= 1) this.#admitNext();
    if (this.#waiting > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
