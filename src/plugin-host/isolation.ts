/**
 * How far a plugin's process is locked in, and the command line that does it.
 *
 * `basic`: Node's permission model (reads of its own folder, the SDK and installed packages; no writes, no child
 * processes, no workers, no addons), an empty environment, a heap limit and, where `setpriv` exists, death together with
 * the host. It stops bugs and careless plugins, not a determined author: sockets stay possible, and Node calls its
 * permission model a seat belt.
 * `strict`: also an own user and network namespace (Linux). There is no network in it, so the unix socket of the egress
 * gateway is the only way out; a plugin with `network: direct` keeps the network and gets the user namespace only.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pluginErrors } from './plugin-errors.ts';

export type IsolationLevel = 'basic' | 'strict';

/** What the machine offers; found out once at start. */
export interface Isolation {
  readonly level: IsolationLevel;
  /** Arguments of a command that dies with its parent, or none. */
  readonly dieWithHost: readonly string[];
}

export interface ChildCommand {
  readonly network: 'gateway' | 'direct';
  /** Folders the process may read. */
  readonly readable: readonly string[];
  /** True when the plugin is TypeScript source, which resolves its imports to sources too. */
  readonly source: boolean;
  readonly script: readonly string[];
}

/** V8's heap. Twilio's library, the largest of the shipped plugins, needs 35 MB. */
const HEAP_MB = 128;
/**
 * Left to itself V8 lets the young generation grow until it and the heap's limit are at odds: measured with 15 MB in use, a
 * mark-compact every 30 ms, for ever, and 450 µs instead of 130 µs of CPU per call.
 */
const YOUNG_MB = 8;
const run = promisify(execFile);

/** @throws plugin.isolation when `strict` is wanted and this machine cannot */
export async function findIsolation(wanted: IsolationLevel): Promise<Isolation> {
  const dieWithHost = (await works('setpriv', ['--pdeathsig', 'KILL', '--', 'true'])) ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  if (wanted === 'strict' && !(await works('unshare', ['--user', '--net', '--map-current-user', '--', 'true'])))
    throw pluginErrors.isolation({ platform: process.platform });
  return { level: wanted, dieWithHost };
}

/** The program and its arguments. */
export function childCommand(
  { level, dieWithHost }: Isolation,
  { network, readable, source, script }: ChildCommand,
): readonly [string, ...string[]] {
  const namespaces =
    level === 'strict' ? ['unshare', '--user', ...(network === 'gateway' ? ['--net'] : []), '--map-current-user', '--'] : [];
  const node = [
    process.execPath,
    '--permission',
    ...readable.map((folder) => `--allow-fs-read=${folder}`),
    `--max-old-space-size=${HEAP_MB}`,
    `--max-semi-space-size=${YOUNG_MB}`,
    '--disable-warning=ExperimentalWarning',
    ...(source ? ['--conditions=kassaflow-source'] : []),
    ...script,
  ];
  const [program = process.execPath, ...rest] = [...namespaces, ...dieWithHost, ...node];
  return [program, ...rest];
}

async function works(program: string, parameters: readonly string[]): Promise<boolean> {
  return run(program, parameters, { timeout: 5_000 }).then(
    () => true,
    () => false,
  );
}
