import type { Properties } from './properties.ts';

/** Longer texts are cut in the middle, where they matter least. */
const LONGEST = 80;

/** What differs between the two, a line each: `retry times 3 → 5`, `if added: …`, `via removed (was …)`. */
export function differences(before: Properties, after: Properties): string[] {
  const names = [...new Set([...after.keys(), ...before.keys()])];
  return names.flatMap((name) => {
    const [was, now] = [before.get(name), after.get(name)];
    if (was === now) return [];
    if (was === undefined) return [`${name} added: ${short(now ?? '')}`];
    if (now === undefined) return [`${name} removed (was ${short(was)})`];
    return [`${name} ${short(was)} → ${short(now)}`];
  });
}

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line === '') return '""';
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST / 2)} … ${line.slice(-LONGEST / 2 + 3)}`;
}
