/** What a test found: thrown by the test, turned into a result by `run-conformance.ts`. */

/** The plugin did not do what it must. */
export class Unmet extends Error {
  readonly expected: string;
  readonly came: string;
  readonly look: string;

  /** @param look where to look: a method of the plugin, a page of the documentation */
  constructor(expected: string, came: unknown, look: string) {
    super(`Expected ${expected}; came ${show(came)}`);
    this.expected = expected;
    this.came = show(came);
    this.look = look;
  }
}

/** The test could not be made. Never thrown once the plugin has shown a mistake. */
export class LeftOut extends Error {}

/** @throws Unmet unless `holds` */
export function must(holds: boolean, expected: string, came: unknown, look: string): asserts holds {
  if (!holds) throw new Unmet(expected, came, look);
}

/** The lever, or the test is left out. @throws LeftOut */
export function lever<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new LeftOut(`the lever ${name} is not given`);
  return found;
}

const LONGEST = 600;

/** A value for a person: JSON, shortened. */
export function show(value: unknown): string {
  if (typeof value === 'string') return cut(value);
  if (value instanceof Error) return cut(`${value.name}: ${value.message}`);
  try {
    return cut(JSON.stringify(value) ?? String(value));
  } catch {
    return cut(String(value));
  }
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
