/**
 * The order of the steps of a run against the order that a test expects.
 *
 * Branches of `parallel` and elements of `for-each` go on side by side, so which of their steps comes first says nothing: the
 * expected list fits when some order of the branches gives it. Inside one branch the order counts.
 */

/** What a comparison needs of a call. */
export interface Ordered {
  readonly path: string;
  /** The step's id, else its action. */
  readonly name: string;
  readonly action: string;
}

/** Tells whether a test that says `expected` means this call: by its step's id, or by its action. */
export function isMeant({ name, action }: Pick<Ordered, 'name' | 'action'>, expected: string): boolean {
  return name === expected || action === expected;
}

/** One line of a comparison. */
export type DiffLine<T> =
  | { readonly kind: 'same'; readonly expected: string; readonly actual: T }
  | { readonly kind: 'missing'; readonly expected: string }
  | { readonly kind: 'extra'; readonly actual: T };

/** An author's list longer than this is compared as it stands, branches in the order in which they went. */
const MOST_STATES = 20_000;

/** Tells whether `expected` is one of the orders in which `actual` may have gone. */
export function fits(expected: readonly string[], actual: readonly Ordered[]): boolean {
  if (expected.length !== actual.length) return false;
  if (expected.every((name, index) => meansAt(actual, index, name))) return true;
  const before = predecessors(actual);
  const tried = new Set<string>();
  const search = (done: readonly number[]): boolean => {
    const name = expected[done.length];
    if (name === undefined) return true;
    const key = done.toSorted((a, b) => a - b).join();
    if (tried.has(key) || tried.size > MOST_STATES) return false;
    tried.add(key);
    return available(before, done).some((index) => meansAt(actual, index, name) && search([...done, index]));
  };
  return search([]);
}

/** Expected and actual side by side: of the orders in which the steps may have gone, the one nearest to what is expected. */
export function compared<T extends Ordered>(expected: readonly string[], actual: readonly T[]): DiffLine<T>[] {
  return aligned(expected, nearestOrder(expected, actual));
}

/** Follows the expected list as far as the steps allow, and goes on in the order in which they went. */
function nearestOrder<T extends Ordered>(expected: readonly string[], actual: readonly T[]): T[] {
  const before = predecessors(actual);
  const done: number[] = [];
  let wanted = 0;
  while (done.length < actual.length) {
    const free = available(before, done);
    const ahead = expected.slice(wanted);
    const next = free
      .map((index) => ({ index, in: ahead.findIndex((name) => meansAt(actual, index, name)) }))
      .filter((candidate) => candidate.in >= 0)
      .toSorted((a, b) => a.in - b.in || a.index - b.index)[0];
    done.push(next?.index ?? free[0] ?? 0);
    if (next) wanted += next.in + 1;
  }
  return done.flatMap((index) => actual[index] ?? []);
}

function meansAt(actual: readonly Ordered[], index: number, expected: string | undefined): boolean {
  const step = actual[index];
  return step !== undefined && expected !== undefined && isMeant(step, expected);
}

/** For each step the steps that came before it for certain. */
function predecessors(actual: readonly Ordered[]): readonly (readonly number[])[] {
  return actual.map((step, index) => actual.flatMap((other, at) => (at < index && !sideBySide(other.path, step.path) ? [at] : [])));
}

/** The steps that may be next once `done` are. */
function available(before: readonly (readonly number[])[], done: readonly number[]): number[] {
  const finished = new Set(done);
  return before.flatMap((needed, index) => (!finished.has(index) && needed.every((at) => finished.has(at)) ? [index] : []));
}

/** Two branches of one `parallel`, or two elements of one `for-each`. Undoing goes newest first, one after the other. */
function sideBySide(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')];
  if (a.includes('undo') || b.includes('undo')) return false;
  const fork = a.findIndex((segment, index) => segment !== b[index]);
  const parent = a[fork - 1];
  return fork > 0 && fork < b.length && (parent === 'parallel' || parent === 'for-each');
}

/** The longest common subsequence as lines; what is missing stands before what is there instead. */
function aligned<T extends Ordered>(expected: readonly string[], actual: readonly T[]): DiffLine<T>[] {
  const longest = Array.from({ length: expected.length + 1 }, () => Array.from({ length: actual.length + 1 }, () => 0));
  const at = (row: number, column: number) => longest[row]?.[column] ?? 0;
  for (let row = expected.length - 1; row >= 0; row -= 1)
    for (let column = actual.length - 1; column >= 0; column -= 1) {
      const line = longest[row];
      if (line)
        line[column] = meansAt(actual, column, expected[row])
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  const lines: DiffLine<T>[] = [];
  let [row, column] = [0, 0];
  while (row < expected.length || column < actual.length) {
    const [want, have] = [expected[row], actual[column]];
    if (want !== undefined && have && isMeant(have, want)) {
      lines.push({ kind: 'same', expected: want, actual: have });
      row += 1;
      column += 1;
    } else if (want !== undefined && (!have || at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ kind: 'missing', expected: want });
      row += 1;
    } else if (have) {
      lines.push({ kind: 'extra', actual: have });
      column += 1;
    }
  }
  return lines;
}
