/** The key by which a wait for an event is found: a place in the payload and the value there, `invoice.id=inv_…`. */

export function eventKey(path: string, value: unknown): string {
  return `${path}=${keyText(value)}`;
}

/** Tells whether the payload has the value at the place that `key` names; without a key every payload does. */
export function hasKey(data: Readonly<Record<string, unknown>>, key: string | undefined): boolean {
  if (key === undefined) return true;
  const sign = key.indexOf('=');
  return keyText(valueAt(data, key.slice(0, sign))) === key.slice(sign + 1);
}

/** What stands at `path` in a payload. */
export function valueAt(data: Readonly<Record<string, unknown>>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined), data);
}

function keyText(value: unknown): string {
  return typeof value === 'string' ? value : String(JSON.stringify(value));
}
