/** Checks of this machine that need no database: Node, the data directory, the port, the isolation of plugins. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { codeOf, messageOf } from '../thrown.ts';
import type { Finding } from './finding.ts';

const OLDEST_NODE = 24;
const GIBIBYTE = 1_024 ** 3;
/** Magic numbers of file systems on the network (statfs(2)): NFS, SMB, SMB2. PostgreSQL may lose data on them. */
const NETWORK_FILE_SYSTEMS = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
]);

/** G16. */
export function checkNode(version: string): Finding {
  const ok = Number(version.split('.')[0]) >= OLDEST_NODE;
  return {
    name: 'node',
    ok,
    found: version,
    ...(ok ? {} : { help: `Node ${OLDEST_NODE} or newer is needed; \`npm ci\` brings one along.` }),
  };
}

/** G15: exists or can be made, belongs to this user, is writable, local, and has space. */
export function checkDataDirectory({ dataDirectory, database }: Pick<Config, 'dataDirectory' | 'database'>): Finding {
  const name = 'data directory';
  const nearest = nearestExisting(dataDirectory);
  const help = 'KASSAFLOW_DATA_DIR must be a directory on a local disk that this user owns and can write to.';
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
  } catch (error) {
    return { name, ok: false, found: messageOf(error), help };
  }
  const { uid } = statSync(nearest);
  if (nearest === dataDirectory && process.getuid && uid !== process.getuid()) {
    return { name, ok: false, found: `${dataDirectory} belongs to user ${uid}, this is user ${process.getuid()}`, help };
  }
  const { type, bavail, bsize } = statfsSync(nearest);
  const network = NETWORK_FILE_SYSTEMS.get(type);
  if (network !== undefined && !database) return { name, ok: false, found: `${dataDirectory} is on ${network}`, help };
  const free = (bavail * bsize) / GIBIBYTE;
  const found = `${dataDirectory}, ${free.toFixed(1)} GiB free${nearest === dataDirectory ? '' : ' (made at the first start)'}`;
  return { name, ok: true, found, ...(free < 1 ? { help: 'Less than 1 GiB is free; events are refused when the disk is full.' } : {}) };
}

/** G07: nobody listens on the port, or the one who does is Kassaflow itself. */
export async function checkPort({ host, port }: Pick<Config, 'host' | 'port'>): Promise<Finding> {
  const name = 'port';
  const server = net.createServer();
  const refusal = await new Promise<unknown>((resolve) => {
    server.once('error', resolve);
    server.listen({ host, port }, () => resolve(undefined));
  });
  if (refusal === undefined) {
    await new Promise((resolve) => server.close(resolve));
    return { name, ok: true, found: `${host}:${port} is free` };
  }
  if (codeOf(refusal) === 'EADDRINUSE' && (await answersAsKassaflow(host, port)))
    return { name, ok: true, found: `Kassaflow answers at ${host}:${port}` };
  return { name, ok: false, found: messageOf(refusal), help: 'Stop the other program, or choose another PORT.' };
}

/** Which isolation plugins can have here. */
export function checkIsolation({ pluginIsolation }: Pick<Config, 'pluginIsolation'>): Finding {
  const strict =
    process.platform === 'linux' && spawnSync('unshare', ['--user', '--map-root-user', '--net', 'true'], { stdio: 'ignore' }).status === 0;
  const found = `${pluginIsolation} is set, ${strict ? 'strict' : 'only basic'} is possible`;
  const ok = strict || pluginIsolation === 'basic';
  return {
    name: 'plugin isolation',
    ok,
    found,
    ...(ok ? {} : { help: 'Allow user namespaces on this machine, or set KASSAFLOW_PLUGIN_ISOLATION=basic.' }),
  };
}

function nearestExisting(directory: string): string {
  return existsSync(directory) || path.dirname(directory) === directory ? directory : nearestExisting(path.dirname(directory));
}

async function answersAsKassaflow(host: string, port: number): Promise<boolean> {
  const authority = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host;
  try {
    const response = await fetch(`http://${authority}:${port}/health/live`, { signal: AbortSignal.timeout(1_000) });
    return response.ok;
  } catch {
    return false;
  }
}
