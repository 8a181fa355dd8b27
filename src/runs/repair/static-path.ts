/**
 * The path of a step in the flow, from its path in a run: the numbers of rounds and elements are left out
 * (`0.repeat.3.2.then.0` → `0.repeat.2.then.0`), so that failures of one step are counted together in whichever round they happened.
 */
export function staticPath(path: string): string {
  const kept: string[] = [];
  const parts = path.split('.');
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] ?? '';
    kept.push(part);
    if (part === 'repeat' || part === 'for-each') at += 1;
    // A branch may have any name, `repeat` as well.
    else if (part === 'parallel') kept.push(parts[(at += 1)] ?? '');
  }
  return kept.join('.');
}
