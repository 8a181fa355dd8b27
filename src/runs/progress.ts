/**
 * How far a run had come, by the paths of the steps that have recorded something. Steps of one list are done one after the other, a
 * handler after what it handles; branches of a `parallel` and elements of a `for-each` have no order among each other. That `undo` steps
 * or the flow's `on-failure` have begun says nothing: what ended the run before them may have been what has been ordered.
 */
export class Progress {
  /** The last step of a list that has recorded something, by the list's path. */
  readonly #last = new Map<string, number>();
  /** Steps whose handler has recorded something. */
  readonly #handled = new Set<string>();
  /** What is done after a failure or a cancel has begun. */
  cleaning = false;

  constructor(paths: Iterable<string>) {
    for (const path of paths) this.#note(path);
  }

  /** Tells whether something inside `outer` that comes after the step at `path` has recorded anything. */
  isBehind(path: string, outer: string): boolean {
    const parts = path.split('.');
    let list = '';
    // The undo of a step comes after everything else, the newest step's first: only inside it there is an order that is known.
    const undone = path.slice(0, Math.max(0, path.lastIndexOf('.undo.')));
    const bound = undone.length > outer.length ? undone : outer;
    for (const [index, part] of parts.entries()) {
      if (isInside(list, bound) && isOrdered(parts, index) && Number(part) < (this.#last.get(list) ?? -1)) return true;
      list = list === '' ? part : `${list}.${part}`;
      if (isInside(list, bound) && this.#handled.has(list) && parts[index + 1] !== HANDLER) return true;
    }
    return false;
  }

  #note(path: string): void {
    if (isCleanUp(path)) this.cleaning = true;
    const parts = path.split('.');
    let list = '';
    for (const [index, part] of parts.entries()) {
      if (isOrdered(parts, index)) this.#last.set(list, Math.max(this.#last.get(list) ?? -1, Number(part)));
      if (part === HANDLER) this.#handled.add(list);
      list = list === '' ? part : `${list}.${part}`;
    }
  }
}

/** Tells whether the step is one of those that run after a failure or a cancel. */
export function isCleanUp(path: string): boolean {
  return path.startsWith(`${HANDLER}.`) || path.includes('.undo.');
}

function isInside(path: string, outer: string): boolean {
  return outer === '' || path.startsWith(`${outer}.`);
}

const HANDLER = 'on-failure';

/** Lists of steps and rounds of a `repeat` are numbered in their order; branches and elements have names, or numbers that say nothing. */
function isOrdered(parts: readonly string[], index: number): boolean {
  const kind = parts[index - 1];
  return kind !== 'parallel' && kind !== 'for-each' && kind !== 'choose' && /^[0-9]+$/.test(parts[index] ?? '');
}
