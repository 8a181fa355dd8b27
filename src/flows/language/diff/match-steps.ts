/** Which step of the earlier flow is which of the later one: by id, else by what it says, else by likeness. */
import type { StepNode } from './step-tree.ts';

/** From here on two steps of one verb count as one that was changed. */
const ALIKE = 0.5;

/** @returns for each step of `after` the step of `before` that it was; each is used once */
export function matchSteps(before: readonly StepNode[], after: readonly StepNode[]): ReadonlyMap<StepNode, StepNode> {
  const matches = new Map<StepNode, StepNode>();
  const free = new Set(before);
  const take = (now: StepNode, was: StepNode | undefined) => {
    if (!was) return;
    matches.set(now, was);
    free.delete(was);
  };
  const rest = () => after.filter((now) => !matches.has(now));
  const ids = new Map(before.flatMap((node) => (node.step.id ? [[node.step.id.text, node] as const] : [])));
  for (const now of after) if (now.step.id) take(now, ids.get(now.step.id.text));
  const inside = (now: StepNode) => after.filter(({ parent }) => parent === now).map((inner) => matches.get(inner));
  // The same words, first where the step around it is the same too, then anywhere.
  for (const anywhere of [false, true])
    for (const now of rest()) {
      const key = keyOf(now);
      take(
        now,
        first(free, (was) => keyOf(was) === key && (anywhere || sameList(now, was, matches))),
      );
    }
  for (const anywhere of [false, true])
    for (const now of rest())
      take(
        now,
        mostAlike(
          now,
          [...free].filter((was) => anywhere || sameList(now, was, matches)),
          inside(now),
        ),
      );
  return matches;
}

/** Tells whether two steps stand in the same list, after the steps around them were matched. */
export function sameList(now: StepNode, was: StepNode, matches: ReadonlyMap<StepNode, StepNode>): boolean {
  return now.branch === was.branch && (now.parent ? matches.get(now.parent) === was.parent : !was.parent);
}

function keyOf({ step, properties }: StepNode): string {
  return JSON.stringify([step.verb, ...properties]);
}

/** @param inside what the steps inside `now` were */
function mostAlike(now: StepNode, candidates: readonly StepNode[], inside: readonly (StepNode | undefined)[]): StepNode | undefined {
  let best: { node: StepNode; likeness: number } | undefined;
  for (const node of candidates) {
    // A step with another id is another step, however alike: results are read by it.
    if (node.step.verb !== now.step.verb || (node.step.id && now.step.id)) continue;
    const likeness = likenessOf(now, node, inside);
    if (likeness >= ALIKE && likeness > (best?.likeness ?? 0)) best = { node, likeness };
  }
  return best?.node;
}

/** The share of what both say and of the steps inside; the same action or event counts as much as three others, as does a step inside. */
function likenessOf(a: StepNode, b: StepNode, inside: readonly (StepNode | undefined)[]): number {
  let [shared, whole] = [0, 0];
  for (const name of new Set([...a.properties.keys(), ...b.properties.keys()])) {
    const weight = name === a.step.verb ? 3 : 1;
    whole += weight;
    if (a.properties.get(name) === b.properties.get(name)) shared += weight;
    else if (a.properties.has(name) && b.properties.has(name)) shared += weight / 3;
  }
  whole += 3 * inside.length;
  shared += 3 * inside.filter((was) => was?.parent === b).length;
  return whole === 0 ? 0 : shared / whole;
}

function first<T>(from: Iterable<T>, fits: (value: T) => boolean): T | undefined {
  for (const value of from) if (fits(value)) return value;
  return undefined;
}
