/**
 * What an API key may do: one table of resource × verb. A route names one of these with `@Requires`, a key holds a list of them.
 *
 * `read` never changes anything; `write` changes and does not include `read`, so that a portal's event key can be one that
 * learns nothing when it leaks.
 */

const VERBS_OF = {
  events: ['read', 'write'],
  flows: ['read', 'write'],
  runs: ['read', 'write'],
  payments: ['read', 'write'],
  customers: ['read', 'write'],
  invoices: ['read', 'write'],
  orders: ['read', 'write'],
  credits: ['read', 'write'],
  connections: ['read', 'write'],
  plugins: ['read'],
  guards: ['read', 'write'],
  webhooks: ['read', 'write'],
  tasks: ['read', 'write'],
  'api-keys': ['read', 'write'],
  audit: ['read'],
  status: ['read'],
  stream: ['read'],
} as const;

/** A thing with routes of its own under `/v1`. */
export type Resource = keyof typeof VERBS_OF;

/** `payments:write`. */
export type Scope = { [R in Resource]: `${R}:${(typeof VERBS_OF)[R][number]}` }[Resource];

/** What a key can hold: a scope, or `*` for all there are and will be. */
export type GrantedScope = Scope | '*';

/** Every scope, in the order of the table. */
export const SCOPES: readonly Scope[] = Object.entries(VERBS_OF).flatMap(([resource, verbs]) =>
  verbs.map((verb) => `${resource}:${verb}` as Scope),
);

/** Tells whether `text` is something that a key can hold. */
export function isGrantedScope(text: string): text is GrantedScope {
  return text === '*' || (SCOPES as readonly string[]).includes(text);
}

/** Tells whether a key that holds `granted` may use a route that requires `wanted`. */
export function allows(granted: readonly string[], wanted: Scope): boolean {
  return granted.includes('*') || granted.includes(wanted);
}
