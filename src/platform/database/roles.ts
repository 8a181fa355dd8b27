/** Makes the three roles in a server. They are shared by all databases of the server, so this is repeatable. */
import type { ClientBase } from 'pg';
import { roleName, type DatabaseRole } from './database-address.ts';

export const DATABASE_ROLES: readonly DatabaseRole[] = ['owner', 'app', 'engine'];

/**
 * The statements that make the roles which are not in `existing` and, when `login` is given, let that login work as
 * them in `database`. A role gets no right that row security would not bind: not superuser, not BYPASSRLS.
 */
export function roleStatements(database: string, login?: string, existing: readonly string[] = []): string[] {
  const names = DATABASE_ROLES.map(roleName);
  const kind = login === undefined ? 'login' : 'nologin';
  const creations = names.filter((name) => !existing.includes(name)).map((name) => `create role ${name} ${kind} nosuperuser nobypassrls`);
  if (login === undefined) return creations;
  const owner = roleName('owner');
  return [
    ...creations,
    `grant ${names.join(', ')} to ${quote(login)}`,
    `grant create, connect on database ${quote(database)} to ${owner}`,
    `grant usage, create on schema public to ${owner}`,
  ];
}

/** Runs {@link roleStatements}; a role that is there already is left as it is. */
export async function createRoles(client: ClientBase, database: string, login?: string, existing?: readonly string[]): Promise<void> {
  for (const statement of roleStatements(database, login, existing)) {
    // Two processes may start on one server at the same moment; the second finds the role there.
    await client.query(`do $roles$ begin ${statement}; exception when duplicate_object or unique_violation then null; end $roles$`);
  }
}

/** An identifier in double quotes. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
