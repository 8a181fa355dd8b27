/** Where the database is and as whom to work in it. */
import pg from 'pg';
import type { Secret } from '../secrets/secret.ts';

/**
 * The three roles (docs/decisions/0004-three-database-roles.md): `owner` migrates, `app` sees one tenant at a time,
 * `engine` works for all tenants on its own tables only.
 */
export type DatabaseRole = 'owner' | 'app' | 'engine';

export interface DatabaseAddress {
  /** A host name, or the absolute path of the directory that holds a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /**
   * The one login of a given server, which then becomes one of the roles. Without it each role logs in by itself: our
   * own PostgreSQL trusts whoever can open its socket.
   */
  readonly login?: { readonly user: string; readonly password: Secret };
  readonly ssl?: { readonly rejectUnauthorized: boolean };
}

/** How long a statement of a role may run, in milliseconds; a lock is waited for at most as long. */
const STATEMENT_MS = { owner: 0, app: 15_000, engine: 30_000 } satisfies Record<DatabaseRole, number>;

/**
 * Settings of a role, given when the connection is made.
 *
 * The engine's statements are written for one index each. PostgreSQL would flip to a sequential scan while a table is
 * young and not come back for minutes when it has grown, so those plans are off for the engine. Left to itself it would also
 * plan the flush anew each time, because a plan for known values leaves partitions out and so looks cheaper than the general one:
 * 2 ms of processor time for a flush of one item in place of 0.6 ms, with 17 partitions.
 */
const SETTINGS = {
  owner: {},
  app: { jit: 'off', idle_in_transaction_session_timeout: '30000' },
  engine: {
    jit: 'off',
    enable_seqscan: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    plan_cache_mode: 'force_generic_plan',
    idle_in_transaction_session_timeout: '30000',
  },
} satisfies Record<DatabaseRole, Record<string, string>>;

/** The name of a role in the server. */
export function roleName(role: DatabaseRole): `kassaflow_${DatabaseRole}` {
  return `kassaflow_${role}`;
}

/** What `pg` needs to connect to `address` as `role`; every connection made with it has the role's settings. */
export function connectionAs(address: DatabaseAddress, role: DatabaseRole): pg.ClientConfig {
  const settings: Record<string, string> = { ...SETTINGS[role], statement_timeout: String(STATEMENT_MS[role]), timezone: 'UTC' };
  if (address.login) settings['role'] = roleName(role);
  return {
    ...connectionAsLogin(address),
    ...(address.login ? {} : { user: roleName(role) }),
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    application_name: `kassaflow-${role}`,
  };
}

/** What `pg` needs to connect as the login itself; for our own PostgreSQL that is its superuser. */
export function connectionAsLogin({ host, port, database, login, ssl }: DatabaseAddress): pg.ClientConfig {
  return {
    host,
    port,
    database,
    user: login?.user ?? 'postgres',
    ...(login ? { password: login.password.reveal() } : {}),
    ...(ssl === undefined ? {} : { ssl }),
    connectionTimeoutMillis: 5_000,
    types: sqlTypes,
  };
}

/** OIDs whose value stays text: a calendar day has no time zone, and `pg` would make it midnight of this machine's. */
const KEPT_AS_TEXT: readonly number[] = [pg.types.builtins.DATE];

/** How values come back: `timestamptz` as Date, `bigint` and `numeric` as text, `date` as `2026-11-21`. */
export const sqlTypes: pg.CustomTypesConfig = {
  // The overloads of pg's own declaration cannot be written down again; the behaviour is the same function.
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    KEPT_AS_TEXT.includes(oid) ? (text: string) => text : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};
