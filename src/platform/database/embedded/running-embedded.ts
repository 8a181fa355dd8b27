import path from 'node:path';
import type { DatabaseAddress } from '../database-address.ts';
import { EMBEDDED_DATABASE } from './embedded-database.ts';
import { SOCKET_PORT } from './postgres-process.ts';
import { isAlive, readPostmaster } from './postmaster-file.ts';

/**
 * The database of a Kassaflow that runs on `dataDirectory` right now, for commands beside it.
 * `undefined` when none runs, or when it does not accept connections yet.
 */
export function runningEmbedded(dataDirectory: string): DatabaseAddress | undefined {
  const found = readPostmaster(path.join(dataDirectory, 'postgres'));
  return found?.ready && isAlive(found.pid) ? { host: found.socketDirectory, port: SOCKET_PORT, database: EMBEDDED_DATABASE } : undefined;
}
