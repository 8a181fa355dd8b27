/**
 * One PostgreSQL for a whole run of Jest, started when the first test asks for it.
 *
 * Jest's own process listens on a socket. A test connects and reads one line: where the cluster is, or why it did not
 * start. The cluster is a child of Jest's process and dies with it, also after `kill -9`. This file and what it imports
 * are read by Node itself, so they contain no decorators and no parameter properties.
 */
import { rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { PostgresProcess, SOCKET_PORT } from '../../src/platform/database/embedded/postgres-process.ts';

/** Durability is switched off: a test's database is thrown away, and a copy of the template takes 15 ms instead of 40. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  shared_buffers: '64MB',
  // Autovacuum of hundreds of short-lived copies would only compete for the processor.
  autovacuum: 'off',
  log_min_messages: 'fatal',
};

interface Door {
  readonly server: net.Server;
  readonly directory: string;
  cluster: Promise<PostgresProcess> | undefined;
}

let door: Door | undefined;

/** Opens the door in `directory` and returns the path of its socket. */
export async function openClusterDoor(directory: string): Promise<string> {
  const socket = path.join(directory, 'door');
  const server = net.createServer((client) => {
    client.on('error', () => undefined);
    void answer().then((line) => client.end(`${line}\n`));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  server.unref();
  door = { server, directory, cluster: undefined };
  return socket;
}

/** Stops what was started. Safe to call when nothing was. */
export async function closeClusterDoor(): Promise<void> {
  if (!door) return;
  const { server, directory, cluster } = door;
  door = undefined;
  server.close();
  const running = await cluster?.catch(() => undefined);
  await running?.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function answer(): Promise<string> {
  if (!door) return JSON.stringify({ problem: 'the run is over' });
  try {
    door.cluster ??= PostgresProcess.start({ directory: path.join(door.directory, 'cluster'), settings: SETTINGS, log: () => undefined });
    const { socketDirectory } = await door.cluster;
    return JSON.stringify({ host: socketDirectory, port: SOCKET_PORT });
  } catch (error) {
    return JSON.stringify({ problem: error instanceof Error ? error.message : String(error) });
  }
}
