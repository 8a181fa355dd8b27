/** PostgreSQL refuses to run as root. This finds a way to start it as nobody in particular. */
import { spawnSync } from 'node:child_process';
import { databaseErrors } from '../database-errors.ts';

/** The user id `nobody` on every Linux we know; inside the user namespace it is only a label. */
const NOBODY = 65_534;

/** How a program is started. `chown` tells that its data must belong to {@link NOBODY} on disk as well. */
export interface Launcher {
  /** Turns a command into the one to spawn. */
  command(program: string, args: readonly string[]): readonly [string, ...string[]];
  readonly owner: number | undefined;
}

/**
 * Picks the launcher for this process.
 *
 * An ordinary user starts PostgreSQL directly. Root starts it in a user namespace, where root is seen as nobody while
 * the files stay root's own (`unshare --map-user`), so a data directory under `/root` works. Where namespaces are
 * forbidden (some containers), root hands the data directory to the user nobody and changes to it (`setpriv`).
 * Either way exec keeps the process id, so signals reach PostgreSQL itself.
 *
 * @throws database.embedded-root when neither works
 */
export function ordinaryUser(): Launcher {
  if (process.getuid?.() !== 0) return { command: (program, args) => [program, ...args], owner: undefined };
  const namespace = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'] as const;
  if (works(namespace)) return { command: (program, args) => [...namespace, program, ...args], owner: undefined };
  const change = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'] as const;
  if (works(change)) return { command: (program, args) => [...change, program, ...args], owner: NOBODY };
  throw databaseErrors['embedded-root']();
}

/**
 * Wraps a command so that the kernel sends it `SIGINT` (PostgreSQL: fast shutdown) when this process dies, however it
 * dies. Linux only; elsewhere the next start stops the orphan.
 */
export function dyingWithParent(program: string, args: readonly string[]): readonly [string, ...string[]] {
  if (process.platform !== 'linux' || !works(['setpriv', '--pdeathsig', 'INT', '--'])) return [program, ...args];
  return ['setpriv', '--pdeathsig', 'INT', '--', program, ...args];
}

function works([program, ...args]: readonly [string, ...string[]]): boolean {
  return spawnSync(program, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}
