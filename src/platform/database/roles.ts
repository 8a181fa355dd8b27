/** Makes the three roles in a server. They are shared by all databases of the server, so this is repeatable. */
import type { ClientBase } from 'pg';
import { roleName, type DatabaseRole } from './database-address.ts';

export const DATABASE_ROLES: readonly DatabaseRole[] = ['owner', 'app', 'engine'];

/**
 * The statements that make the roles and, when `login` is given, let that login work as them in `database`.
 * A role gets no right that row security would not bind: not superuser, not BYPASSRLS.
 */
export function roleStatements(database: string, login?: string): string[] {
  const quotedDatabase = quote(database);
  const owner = roleName('owner');
  return [
    ...DATABASE_ROLES.map((role) => `create role ${roleName(role)} ${login === undefined ? 'login' : 'nologin'} nosuperuser nobypassrls`),
    ...(login === undefined ? [] : [`grant ${DATABASE_ROLES.map(roleName).join(', ')} to ${quote(login)}`]),
    ...(login === undefined
      ? []
      : [`grant create, connect on database ${quotedDatabase} to ${owner}`, `grant usage, create on schema public to ${owner}`]),
  ];
}

/** Runs {@link roleStatements}; a role that is there already is left as it is. */
export async function createRoles(client: ClientBase, database: string, login?: string): Promise<void> {
  for (const statement of roleStatements(database, login)) {
    // Two processes may start on one server at the same moment; the second finds the role there.
    await client.query(`do $roles$ begin ${statement}; exception when duplicate_object or unique_violation then null; end $roles$`);
  }
}

/** An identifier in double quotes. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
