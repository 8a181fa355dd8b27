/** The command line that starts a plugin's process. */
import { existsSync, realpathSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FoundPlugin } from './find-plugins.ts';
import { childCommand, type Isolation } from './isolation.ts';

/** @param socket of the plugin's egress gateway */
export function processCommand(
  isolation: Isolation,
  { folder, entry }: Pick<FoundPlugin, 'folder' | 'entry'>,
  network: 'gateway' | 'direct',
  socket: string,
): readonly [string, ...string[]] {
  return childCommand(isolation, {
    network,
    readable: readableFor(folder),
    source: isSource(entry),
    script: [CHILD, entry, socket],
  });
}

const HERE = dirname(fileURLToPath(import.meta.url));
const CHILD = join(HERE, 'child', `main${extname(import.meta.url)}`);

/** Our own child code, the plugin, the SDK and installed packages; nothing else on this machine. */
function readableFor(folder: string): string[] {
  const sdk = findPackageJSON('@kassaflow/plugin-sdk', import.meta.url);
  const undici = findPackageJSON('undici', import.meta.url);
  const folders = [
    join(HERE, 'child'),
    folder,
    ...(sdk ? [dirname(sdk)] : []),
    ...(undici ? [dirname(dirname(undici))] : []),
    ...nodeModulesOf(folder),
  ];
  // both names of each, because the permission model looks at the one that is opened, and packages may be links
  return [...new Set(folders.flatMap((one) => [one, realpathSync(one)]))];
}

/** The `node_modules` folders that Node searches from `folder` upwards, as far as they exist. */
function nodeModulesOf(folder: string): string[] {
  const parts = folder.split('/');
  return parts.flatMap((_, index) => {
    const candidate = join(parts.slice(0, parts.length - index).join('/') || '/', 'node_modules');
    return existsSync(candidate) ? [candidate] : [];
  });
}

function isSource(entry: string): boolean {
  return extname(entry) === '.ts' || extname(import.meta.url) === '.ts';
}
