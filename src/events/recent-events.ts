import type { DomainEvent } from './event.ts';

/** Some megabytes; a thousand browsers that come back after a short break are answered from memory. */
const MOST = 4_000;

/** The last events that the reader has handed out, so that those who come back soon ask the database nothing. */
export class RecentEvents {
  #events: DomainEvent[] = [];
  /** Everything after it that was handed out is here. */
  #from = 0n;

  /** @param next in the order of the log */
  add(next: DomainEvent): void {
    this.#events.push(next);
    if (this.#events.length < 2 * MOST) return;
    const dropped = this.#events.splice(0, MOST);
    this.#from = dropped.at(-1)?.seq ?? this.#from;
  }

  /** Forgets all of them; those that come are after `from`. */
  clear(from = 0n): void {
    this.#events = [];
    this.#from = from;
  }

  /**
   * A tenant's events after a position; `undefined` when they do not go back so far.
   * @param joined where the reader was when it began to read the tenant's events
   */
  since(after: bigint, tenantId: string, joined: bigint | undefined): readonly DomainEvent[] | undefined {
    if (joined === undefined || after < joined || after < this.#from) return undefined;
    let first = this.#events.length;
    while (first > 0 && (this.#events[first - 1]?.seq ?? 0n) > after) first -= 1;
    return this.#events.slice(first).filter((event) => event.tenantId === tenantId);
  }
}
