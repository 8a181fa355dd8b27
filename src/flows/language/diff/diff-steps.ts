/** What became of the steps, in words: added, removed, moved, changed. */
import { matchSteps, sameList } from './match-steps.ts';
import { differences } from './differences.ts';
import type { StepNode } from './step-tree.ts';

/** One line per change, in the order of the later flow; what was removed comes first. */
export function diffSteps(before: readonly StepNode[], after: readonly StepNode[]): string[] {
  const matches = matchSteps(before, after);
  const kept = new Set(matches.values());
  const moved = movedSteps(after, matches);
  return [
    // Of a step that is gone with all inside it, the step alone is named.
    ...before
      .filter((was) => !kept.has(was) && (!was.parent || kept.has(was.parent)))
      .map((was) => `step ${was.label} removed${from(was)}`),
    ...after.flatMap((now) => {
      const was = matches.get(now);
      if (!was) return !now.parent || matches.has(now.parent) ? [`step ${now.label} added ${placeOf(now, after)}`] : [];
      const changes = differences(was.properties, now.properties).map((change) => `step ${was.label}: ${change}`);
      return moved.has(now) ? [...changes, `step ${now.label} moved ${placeOf(now, after)}`] : changes;
    }),
  ];
}

/** Steps in another list than before, and the fewest that explain another order within one. */
function movedSteps(after: readonly StepNode[], matches: ReadonlyMap<StepNode, StepNode>): ReadonlySet<StepNode> {
  const order = new Map([...matches.values()].map((was) => [was, 0]));
  const moved = new Set<StepNode>();
  const lists = new Map<string, StepNode[]>();
  const numbers = new Map<StepNode | undefined, number>();
  for (const now of after) {
    const was = matches.get(now);
    if (!was) continue;
    if (!sameList(now, was, matches)) {
      moved.add(now);
      continue;
    }
    if (!numbers.has(now.parent)) numbers.set(now.parent, numbers.size);
    const list = `${numbers.get(now.parent) ?? 0} ${now.branch}`;
    lists.set(list, [...(lists.get(list) ?? []), now]);
  }
  for (const was of order.keys()) order.set(was, was.step.span[0]); // the place in the earlier file
  for (const list of lists.values()) {
    const ranks = list.map((now) => order.get(matches.get(now) ?? now) ?? 0);
    const staying = longestRising(ranks);
    list.forEach((now, index) => !staying.has(index) && moved.add(now));
  }
  return moved;
}

/** Indexes of a longest rising part of `ranks`. */
function longestRising(ranks: readonly number[]): ReadonlySet<number> {
  const best = ranks.map(() => ({ length: 1, before: -1 }));
  ranks.forEach((rank, index) => {
    for (let earlier = 0; earlier < index; earlier += 1) {
      const [to, from] = [best[index], best[earlier]];
      if (to && from && (ranks[earlier] ?? 0) < rank && from.length + 1 > to.length)
        best[index] = { length: from.length + 1, before: earlier };
    }
  });
  let at = best.reduce((longest, { length }, index) => (length > (best[longest]?.length ?? 0) ? index : longest), 0);
  const staying = new Set<number>();
  while (at >= 0 && best[at]) {
    staying.add(at);
    at = best[at]?.before ?? -1;
  }
  return staying;
}

/** `behind posting`, `to the beginning of on-failure`. */
function placeOf(node: StepNode, all: readonly StepNode[]): string {
  const list = all.filter((other) => other.parent === node.parent && other.branch === node.branch);
  const previous = list[list.indexOf(node) - 1];
  return previous ? `behind ${previous.label}` : `at the beginning of ${listName(node)}`;
}

function from(node: StepNode): string {
  return node.parent || node.branch !== 'steps' ? ` from ${listName(node)}` : '';
}

function listName({ parent, branch }: StepNode): string {
  if (parent) return `${branch.replace(/^(parallel|choose)\./, 'branch ')} of ${parent.label}`;
  return branch === 'steps' ? 'the flow' : branch;
}
