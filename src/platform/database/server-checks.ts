/** What a given server must be before we trust it with money. Our own PostgreSQL passes by construction. */
import type { ClientBase } from 'pg';
import { DATABASE_ROLES, roleStatements } from './roles.ts';
import { roleName } from './database-address.ts';
import { databaseErrors } from './database-errors.ts';

const OLDEST_VERSION = 150_000;

/** Facts about a server and the login that asks. */
export interface ServerFacts {
  /** As in `show server_version`, for example `18.4`. */
  readonly version: string;
  readonly versionNumber: number;
  readonly login: string;
  /** The login is a superuser or has BYPASSRLS, or is member of a role that is or has. */
  readonly tooPowerful: boolean;
  readonly mayCreateRoles: boolean;
  /** Settings that make a confirmed commit survive a power cut, as the server has them. */
  readonly durability: Readonly<Record<string, string>>;
  /** Our roles that the server has. */
  readonly existingRoles: readonly string[];
  /** The login may become all three roles, and the owner role may make tables in this database. */
  readonly prepared: boolean;
}

/** Reads {@link ServerFacts} over a connection of the login itself. */
export async function readServerFacts(client: ClientBase): Promise<ServerFacts> {
  const names = DATABASE_ROLES.map(roleName);
  const { rows } = await client.query<FactsRow>(FACTS, [names, roleName('owner')]);
  const facts = rows[0];
  if (!facts) throw databaseErrors.unavailable();
  const { fsync, pages, commit, becomes, ownerCreates, ...rest } = facts;
  return {
    ...rest,
    durability: { fsync, full_page_writes: pages, synchronous_commit: commit },
    prepared: ownerCreates && names.every((name) => becomes.includes(name)),
  };
}

interface FactsRow extends Omit<ServerFacts, 'durability' | 'prepared'> {
  readonly fsync: string;
  readonly pages: string;
  readonly commit: string;
  readonly becomes: readonly string[];
  readonly ownerCreates: boolean;
}

/** Since version 16 one can be a member of a role, as its maker is, and still not be allowed to become it (`set`). */
const FACTS = `
select current_setting('server_version') as version, current_setting('server_version_num')::int as "versionNumber",
       current_user as login, current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
       current_setting('synchronous_commit') as commit,
       exists (select from pg_roles r where (r.rolsuper or r.rolbypassrls) and pg_has_role(current_user, r.oid, 'member')) as "tooPowerful",
       (select rolcreaterole from pg_roles where rolname = current_user) as "mayCreateRoles",
       array(select rolname::text from pg_roles where rolname = any($1)) as "existingRoles",
       array(select rolname::text from pg_roles where rolname = any($1) and pg_has_role(current_user, oid,
         case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)) as becomes,
       coalesce((select has_schema_privilege(oid, 'public', 'create') from pg_roles where rolname = $2), false) as "ownerCreates"`;

/**
 * Refuses a server or a login that would break a promise of ours.
 * @throws database.version-too-old, database.login-too-powerful, database.not-durable
 */
export function requireFitServer(facts: ServerFacts): void {
  if (facts.versionNumber < OLDEST_VERSION) throw databaseErrors['version-too-old']({ found: facts.version });
  if (facts.tooPowerful) throw databaseErrors['login-too-powerful']({ login: facts.login });
  // `local`, `remote_write`, `on` and `remote_apply` all wait for our own disk; only `off` does not.
  const off = Object.entries(facts.durability).filter(([, value]) => value === 'off');
  if (off.length > 0) throw databaseErrors['not-durable']({ off: off.map(([name]) => name).join(', ') });
}

/** The refusal with the statements that an administrator has to run, ready to be copied. */
export function rolesMissing(facts: ServerFacts, database: string): Error {
  return databaseErrors['roles-missing']({
    login: facts.login,
    statements: roleStatements(database, facts.login, facts.existingRoles).join('; '),
  });
}
