/** The pool of the engine role: all tenants, only the engine's own tables, plans pinned to the indexes. */
import pg from 'pg';
import { connectionAs, type DatabaseAddress, type DatabaseRole } from './database-address.ts';

/** Injected by this class as the token. A plain `pg.Pool`; `connect()` for a client of one's own, `query()` for one statement. */
export abstract class EnginePool extends pg.Pool {}

/**
 * Opens a pool of at most `size` connections as `role`.
 * Connections that break while idle are dropped and made anew; `onError` hears of it, and nothing else happens.
 */
export function openPool(
  address: DatabaseAddress,
  role: DatabaseRole,
  size: number,
  onError: (error: Error) => void = () => undefined,
): pg.Pool {
  const pool = new pg.Pool({ ...connectionAs(address, role), max: size, allowExitOnIdle: true });
  pool.on('error', onError);
  // A client that is checked out has no listener of the pool's, and an `error` event without one ends the process.
  pool.on('connect', (client) => void client.on('error', onError));
  return pool;
}
