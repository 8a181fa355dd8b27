/**
 * Moments at which runs are to be looked at, in memory: a heap per tenant, and tenants take turns, so that those of a tenant with
 * ten thousand due do not stand before those of another.
 */
export interface Due {
  readonly tenantId: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly runId: string;
}

export class TimerQueue {
  /** Binary heaps by moment; none is empty. The order of the keys is the order of turns. */
  #heaps = new Map<string, Due[]>();

  get size(): number {
    let size = 0;
    for (const heap of this.#heaps.values()) size += heap.length;
    return size;
  }

  /** The first moment; Infinity when there is none. */
  get next(): number {
    let next = Infinity;
    for (const [first] of this.#heaps.values()) if (first && first.at < next) next = first.at;
    return next;
  }

  has(tenantId: string): boolean {
    return this.#heaps.has(tenantId);
  }

  clear(): void {
    this.#heaps.clear();
  }

  add(due: Due): void {
    const heap = this.#heaps.get(due.tenantId);
    if (heap) push(heap, due);
    else this.#heaps.set(due.tenantId, [due]);
  }

  /** Takes at most `most` runs whose moment has come: the earliest of each tenant, then the next of each, and so on. */
  takeDue(now: number, most: number): readonly string[] {
    const taken = new Set<string>();
    while (taken.size < most) {
      const before = taken.size;
      for (const [tenantId, heap] of Array.from(this.#heaps)) {
        if (taken.size === most) break;
        const [first] = heap;
        if (!first || first.at > now) continue;
        pop(heap);
        taken.add(first.runId);
        // Whoever was served goes to the end of the line, also for the next call.
        this.#heaps.delete(tenantId);
        if (heap.length > 0) this.#heaps.set(tenantId, heap);
      }
      // A run may be due more than once: then its turn took nothing new, and the next one may.
      if (taken.size === before && this.next > now) break;
    }
    return [...taken];
  }
}

function push(heap: Due[], due: Due): void {
  let at = heap.push(due) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (!parent || parent.at <= due.at) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = due;
}

function pop(heap: Due[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    const [left, right] = [heap[below], heap[below + 1]];
    if (!left) break;
    const smaller = right && right.at < left.at ? right : left;
    if (smaller === right) below += 1;
    if (smaller.at >= last.at) break;
    heap[at] = smaller;
    at = below;
  }
  heap[at] = last;
}
