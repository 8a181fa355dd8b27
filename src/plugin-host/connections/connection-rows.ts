/** The table `connection`: one function per statement. */
import type { Transaction } from '../../platform/database/transaction.ts';
import type { Connection, LastCheck } from './connection.ts';

/** A connection and its secrets as they lie in the table: sealed. */
export interface StoredConnection extends Connection {
  readonly sealed: Uint8Array;
  readonly sealedPrevious?: Uint8Array;
}

interface Row {
  id: string;
  tenant_id: string;
  name: string;
  plugin: string;
  mode: 'test' | 'live';
  state: Connection['state'];
  is_default: boolean;
  calls_per_second: string | null;
  settings: Readonly<Record<string, unknown>>;
  secrets: Uint8Array;
  previous_settings: Uint8Array | null;
  previous_until: Date | string | null;
  last_check: LastCheck | null;
  created_at: Date | string;
  version: number;
}

/** Most connections of one tenant. */
export const MAX_CONNECTIONS = 200;
const COLUMNS =
  'id, tenant_id, name, plugin, mode, state, is_default, calls_per_second, settings, secrets, previous_settings, previous_until, last_check, created_at, version';

export async function allConnections(tx: Transaction): Promise<StoredConnection[]> {
  const rows = await tx.query<Row>(`select ${COLUMNS} from connection where state <> 'removed' order by name limit ${MAX_CONNECTIONS + 1}`);
  return rows.map(fromRow);
}

export async function insertConnection(
  tx: Transaction,
  { id, tenantId, name, plugin, mode, isDefault, settings, sealed }: StoredConnection,
): Promise<boolean> {
  const rows = await tx.query(
    `insert into connection (id, tenant_id, name, plugin, mode, is_default, settings, secrets) values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8)
     on conflict (tenant_id, name) where state <> 'removed' do nothing returning id`,
    [id, tenantId, name, plugin, mode, isDefault, JSON.stringify(settings), sealed],
  );
  return rows.length === 1;
}

/** Writes what changes by hand. False when another change came first. */
export async function updateConnection(tx: Transaction, connection: StoredConnection): Promise<boolean> {
  const { id, version, name, isDefault, state, callsPerSecond, settings, sealed, sealedPrevious, previousUntil, lastCheck } = connection;
  const rows = await tx.query(
    `update connection set name = $3, is_default = $4, state = $5, settings = $6::jsonb, secrets = $7, calls_per_second = $8,
       previous_settings = $9, previous_until = $10, last_check = $11::jsonb, version = version + 1, updated_at = now()
     where id = $1 and version = $2 returning id`,
    [
      id,
      version,
      name,
      isDefault,
      state,
      JSON.stringify(settings),
      sealed,
      callsPerSecond ?? null,
      sealedPrevious ?? null,
      sealedPrevious ? previousUntil : null,
      lastCheck ? JSON.stringify(lastCheck) : null,
    ],
  );
  return rows.length === 1;
}

export async function nameIsTaken(tx: Transaction, name: string, exceptId: string): Promise<boolean> {
  return (
    (await tx.query(`select 1 as taken from connection where name = $1 and id <> $2 and state <> 'removed'`, [name, exceptId])).length > 0
  );
}

/** Writes the result of a check; a connection that a person disabled stays so. Returns what it was and what it is. */
export async function recordCheck(
  tx: Transaction,
  id: string,
  lastCheck: LastCheck,
  state: 'active' | 'paused' | undefined,
): Promise<{ readonly before: Connection['state']; readonly after: Connection['state'] } | undefined> {
  const [row] = await tx.query<{ before: Connection['state']; after: Connection['state'] }>(
    `update connection c set last_check = $2::jsonb, version = c.version + 1, updated_at = now(),
       state = case when old.state = 'disabled' or $3::text is null then old.state else $3 end
     from (select id, state from connection where id = $1 and state <> 'removed' for update) old where c.id = old.id
     returning old.state as before, c.state as after`,
    [id, JSON.stringify(lastCheck), state ?? null],
  );
  return row;
}

/** True when this call paused it, false when it was not active. */
export async function pauseConnection(tx: Transaction, id: string, lastCheck: LastCheck): Promise<boolean> {
  const rows = await tx.query(
    `update connection set state = 'paused', last_check = $2::jsonb, version = version + 1, updated_at = now() where id = $1 and state = 'active' returning id`,
    [id, JSON.stringify(lastCheck)],
  );
  return rows.length === 1;
}

/** Writes down that the new credentials of a connection were refused and the ones before them work. True when that is news. */
export async function noteNewRefused(tx: Transaction, id: string, lastCheck: LastCheck): Promise<boolean> {
  const rows = await tx.query(
    `update connection set last_check = $2::jsonb, version = version + 1, updated_at = now()
     where id = $1 and (last_check is null or (last_check ->> 'ok')::boolean) returning id`,
    [id, JSON.stringify(lastCheck)],
  );
  return rows.length === 1;
}

/** Removes settings before a rotation whose time is over. */
export async function dropPrevious(tx: Transaction, id: string, now: Date): Promise<boolean> {
  const rows = await tx.query(
    `update connection set previous_settings = null, previous_until = null, version = version + 1, updated_at = now()
     where id = $1 and previous_until <= $2 returning id`,
    [id, now],
  );
  return rows.length === 1;
}

/** Holds a connection until the transaction ends: nothing new can name it meanwhile. False when there is none. */
export async function lockConnection(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.query(`select 1 from connection where id = $1 and state <> 'removed' for update`, [id])).length === 1;
}

/** Takes a connection out of use for good. Its settings lie there until {@link forgetConnection}. */
export async function removeConnection(tx: Transaction, id: string): Promise<void> {
  await tx.query(
    `update connection set state = 'removed', is_default = false, previous_settings = null, previous_until = null,
       version = version + 1, updated_at = now() where id = $1`,
    [id],
  );
}

/** Forgets everything of a removed connection that could be used against its account. */
export async function forgetConnection(tx: Transaction, id: string, emptySecrets: Uint8Array): Promise<void> {
  await tx.query(`update connection set settings = '{}', secrets = $2, version = version + 1 where id = $1 and state = 'removed'`, [
    id,
    emptySecrets,
  ]);
  await tx.query('delete from connection_health where connection_id = $1', [id]);
}

/** A removed connection, with its settings for as long as they are still there. */
export async function removedConnection(tx: Transaction, id: string): Promise<StoredConnection | undefined> {
  const [row] = await tx.query<Row>(`select ${COLUMNS} from connection where id = $1 and state = 'removed'`, [id]);
  // For everybody else it is no connection any more; for its farewell it is one that nothing uses.
  return row && fromRow({ ...row, state: 'disabled' });
}

/** Whose connection an id is, before the tenant is known. */
export async function connectionOwner(
  tx: Transaction,
  id: string,
): Promise<{ tenantId: string; plugin: string; mode: 'test' | 'live'; state: Connection['state'] } | undefined> {
  const [row] = await tx.query<{ tenant_id: string; plugin: string; mode: 'test' | 'live'; state: Connection['state'] }>(
    'select * from find_connection_tenant($1)',
    [id],
  );
  return row && { tenantId: row.tenant_id, plugin: row.plugin, mode: row.mode, state: row.state };
}

function fromRow(row: Row): StoredConnection {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    plugin: row.plugin,
    mode: row.mode,
    state: row.state,
    isDefault: row.is_default,
    ...(row.calls_per_second !== null && { callsPerSecond: Number(row.calls_per_second) }),
    settings: row.settings,
    sealed: row.secrets,
    ...(row.previous_settings && { sealedPrevious: row.previous_settings }),
    ...(row.previous_until !== null && { previousUntil: new Date(row.previous_until) }),
    lastCheck: row.last_check ?? undefined,
    createdAt: new Date(row.created_at),
    version: row.version,
  };
}
