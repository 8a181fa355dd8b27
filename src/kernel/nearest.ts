/** "Did you mean …?": the nearest of a list of names, by the number of typing mistakes between them. */

/**
 * The name in `names` that `word` most likely meant, or `undefined` when none is near.
 * Near is at most one mistake per three letters; a mistake is a letter added, lost, changed, or two swapped.
 */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(Math.min(word.length, 64) / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= fewest) continue;
    const mistakes = distance(word.toLowerCase(), name.toLowerCase());
    if (mistakes < fewest) [best, fewest] = [name, mistakes];
  }
  return best;
}

/** Optimal string alignment distance (Damerau-Levenshtein without repeated edits), three rows at a time. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}
