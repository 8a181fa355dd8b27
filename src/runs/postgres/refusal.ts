/**
 * Tells whether Postgres refused the statement because of what it says: it is rolled back for certain, and the same
 * statement would be refused again. Lost connections, shutdown, missing resources and full disks (classes 08, 53, 57, 58,
 * and errors without a SQLSTATE) are not refusals: the same statement may succeed later. Nor are serialization failures (40).
 */
export function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /^[0-9A-Z]{5}$/.test(code) && /^(0A|21|22|23|42|54|P0)/.test(code);
}

/** What is said of a refusal in the log: without the message, which may quote the value. */
export function refusalFacts(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return ['code', 'table', 'column', 'constraint']
    .map((name) => [name, Reflect.get(error, name)] as const)
    .filter(([, value]) => typeof value === 'string')
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}
