/**
 * One PostgreSQL for each worker of a run of Jest, started when the first test asks for it.
 *
 * Not one for all: a transaction holds the event logs of all databases of its server back, and a file that adds 50,000 rows would keep
 * another from seeing its own events for seconds.
 *
 * Jest's own process listens on a socket. A test connects, writes the number of its worker and reads one line: where the cluster is, or
 * why it did not start. The clusters are children of Jest's process and die with it, also after `kill -9`. This file and what it imports
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
  /** By worker. */
  readonly clusters: Map<number, Promise<PostgresProcess>>;
}

let door: Door | undefined;

/** Opens the door in `directory` and returns the path of its socket. */
export async function openClusterDoor(directory: string): Promise<string> {
  const socket = path.join(directory, 'door');
  const server = net.createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', (worker) => void answer(Number(worker.toString())).then((line) => client.end(`${line}\n`)));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  server.unref();
  door = { server, directory, clusters: new Map() };
  return socket;
}

/** Stops what was started. Safe to call when nothing was. */
export async function closeClusterDoor(): Promise<void> {
  if (!door) return;
  const { server, directory, clusters } = door;
  door = undefined;
  server.close();
  await Promise.all([...clusters.values()].map((cluster) => cluster.then((running) => running.stop()).catch(() => undefined)));
  rmSync(directory, { recursive: true, force: true });
}

async function answer(worker: number): Promise<string> {
  if (!door) return JSON.stringify({ problem: 'the run is over' });
  const { clusters, directory } = door;
  try {
    const cluster =
      clusters.get(worker) ??
      PostgresProcess.start({ directory: path.join(directory, `cluster-${worker}`), settings: SETTINGS, log: () => undefined });
    clusters.set(worker, cluster);
    const { socketDirectory } = await cluster;
    return JSON.stringify({ host: socketDirectory, port: SOCKET_PORT });
  } catch (error) {
    return JSON.stringify({ problem: error instanceof Error ? error.message : String(error) });
  }
}
