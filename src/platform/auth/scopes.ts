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

/** A team that a key belongs to: a flow may be for the hands of one team only. It opens no route. */
export type TeamScope = `team:${string}`;

/** What a key can hold: a scope, a team, or `*` for all there are and will be. */
export type GrantedScope = Scope | TeamScope | '*';

/** Names of teams are like those of flows. */
export const TEAM_NAME = /[a-z][a-z0-9-]{0,39}/;

/** Every scope, in the order of the table. */
export const SCOPES: readonly Scope[] = Object.entries(VERBS_OF).flatMap(([resource, verbs]) =>
  verbs.map((verb) => `${resource}:${verb}` as Scope),
);

const TEAM_SCOPE = new RegExp(`^team:${TEAM_NAME.source}$`);

/** Tells whether `text` is something that a key can hold. */
export function isGrantedScope(text: string): text is GrantedScope {
  return text === '*' || TEAM_SCOPE.test(text) || (SCOPES as readonly string[]).includes(text);
}

/** Tells whether a key that holds `granted` may use a route that requires `wanted`, or give it to another key. */
export function allows(granted: readonly string[], wanted: Scope | TeamScope): boolean {
  return granted.includes('*') || granted.includes(wanted);
}

/** Teams by name, or all of them. */
export type Teams = readonly string[] | 'every';

/** The teams that a key with `granted` belongs to. */
export function teamsOf(granted: readonly string[]): Teams {
  return granted.includes('*') ? 'every' : granted.filter((scope) => TEAM_SCOPE.test(scope)).map((scope) => scope.slice('team:'.length));
}
