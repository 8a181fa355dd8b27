/** Reads single values out of parsed JSON of which nothing is known: an absent or different value is `undefined`, never an error. */

export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name]; // an object of unknown values, as just checked
  }
  return found;
}

/** A text that is not empty. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** A whole number that a double holds exactly. */
export function wholeAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'number' && Number.isSafeInteger(found) ? found : undefined;
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Epoch milliseconds of a date with a time. */
export function momentAt(value: unknown, ...path: readonly string[]): number | undefined {
  const text = textAt(value, ...path);
  const moment = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isFinite(moment) && moment >= 0 ? moment : undefined;
}
