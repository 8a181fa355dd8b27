/**
 * Reads what was thrown without trusting its class: a package may throw anything, and an error of the operating system
 * is no `instanceof Error` inside a VM context such as Jest's.
 */

/** The message of an error, or the thing itself as text. */
export function messageOf(thrown: unknown): string {
  if (isObject(thrown)) {
    // Node's error for "none of the addresses worked" says nothing itself.
    const [first]: unknown[] = 'errors' in thrown && Array.isArray(thrown.errors) ? thrown.errors : [];
    if (first !== undefined) return messageOf(first);
    if ('message' in thrown && typeof thrown.message === 'string') return thrown.message;
  }
  return String(thrown);
}

/** The `code` of an error: `ENOENT`, `ECONNREFUSED`, or a SQLSTATE. */
export function codeOf(thrown: unknown): string | undefined {
  return isObject(thrown) && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** Tells whether the operating system refused something: the error names the system call. */
export function isSystemError(thrown: unknown): boolean {
  return isObject(thrown) && 'syscall' in thrown;
}

/** The error and what caused it, outermost first; at most five, so that a loop ends. */
export function chainOf(thrown: unknown): unknown[] {
  const chain: unknown[] = [];
  for (
    let current = thrown;
    current !== undefined && chain.length < 5;
    current = isObject(current) && 'cause' in current ? current.cause : undefined
  ) {
    chain.push(current);
  }
  return chain;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
