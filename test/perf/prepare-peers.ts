import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Installs the peers from their own lock file when they are not there. Fails when the registry does not answer. */
export function preparePeers(): void {
  const folder = join(dirname(fileURLToPath(import.meta.url)), 'peers');
  if (existsSync(join(folder, 'node_modules/@dbos-inc/dbos-sdk'))) return;
  console.log('installing the peers into test/perf/peers (once)');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--no-workspaces'], { cwd: folder, stdio: 'inherit' });
}
