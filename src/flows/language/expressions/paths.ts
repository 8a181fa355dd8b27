/** Which parts of the scope a text reads: a tree of names. Only these are converted, so a large payment costs no more than a small one. */

/** `whole`: everything below is needed too, for example because it is compared, listed or returned. */
export interface PathNode {
  whole: boolean;
  readonly fields: Map<string, PathNode>;
}

export function newPath(): PathNode {
  return { whole: false, fields: new Map() };
}

/** Adds a path; its end is needed whole. */
export function addPath(root: PathNode, names: readonly string[]): void {
  let node = root;
  for (const name of names) {
    const next = node.fields.get(name) ?? newPath();
    node.fields.set(name, next);
    node = next;
  }
  node.whole = true;
}

/** A field of a plain object, by its own properties only. */
export function ownField(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined; // the test for own property makes the cast safe
}

/** Tells whether every name of the path is there and its end is neither absent nor null. */
export function isPresent(scope: unknown, names: readonly string[]): boolean {
  let value = scope;
  for (const name of names) value = ownField(value, name);
  return value !== undefined && value !== null;
}
