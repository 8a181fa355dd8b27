/**
 * A text that is the same as long as everything is the same that a plugin's description can follow from: each file of its folder, the
 * versions of the packages it names, our part of its process, the SDK, the version of Node and how far the process is locked in.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FoundPlugin } from './find-plugins.ts';
import type { IsolationLevel } from './isolation.ts';

/** A plugin of more files, or of larger ones, is described by its process at each start: cheaper than to read all of it. */
const MOST_FILES = 2_000;
const MOST_BYTES = 20 * 1024 * 1024;
const SDK = '@kassaflow/plugin-sdk';

export class PluginFingerprints {
  readonly #level: IsolationLevel;
  #host: string | undefined;

  constructor(level: IsolationLevel) {
    this.#level = level;
  }

  /** Undefined where it cannot be told: a file that cannot be read, a link, or more than is read. */
  of({ id, folder, entry }: Pick<FoundPlugin, 'id' | 'folder' | 'entry'>): string | undefined {
    try {
      return sha256([(this.#host ??= this.#ofHost()), id, relative(folder, entry), digestOf(folder), ...packagesOf(folder)]);
    } catch {
      return undefined;
    }
  }

  #ofHost(): string {
    const child = join(dirname(fileURLToPath(import.meta.url)), 'child');
    const sdk = findPackageJSON(SDK, import.meta.url);
    const digests = [digestOf(child), sdk === undefined ? 'none' : digestOf(dirname(sdk))];
    return sha256([process.version, process.platform, process.arch, this.#level, ...digests]);
  }
}

/** Of every file of a folder, by name and contents; what is installed in it is told by {@link packagesOf}. @throws RangeError */
function digestOf(folder: string): string {
  const files = filesIn(folder).sort();
  if (files.length > MOST_FILES) throw new RangeError('too many files');
  let bytes = 0;
  // Not beside each other: for hundreds of small files that takes five times as long, 100 ms instead of 20 for the shipped plugins.
  const parts = files.flatMap((file) => {
    const content = readFileSync(file);
    bytes += content.length;
    if (bytes > MOST_BYTES) throw new RangeError('too many bytes');
    return [relative(folder, file), content];
  });
  return sha256(parts);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    // What a link leads to may change where nobody looks.
    if (!entry.isFile()) throw new RangeError('not a file');
    return [path];
  });
}

/** `name@version` of each package that the plugin says it uses, as it is installed now. */
function packagesOf(folder: string): string[] {
  const packageJson = join(folder, 'package.json');
  const { dependencies = {}, peerDependencies = {} } = jsonOf(packageJson);
  return Object.keys({ ...dependencies, ...peerDependencies })
    .sort()
    .map((name) => {
      const found = findPackageJSON(name, packageJson);
      return found === undefined ? `${name} is missing` : `${name}@${jsonOf(found).version ?? ''}`;
    });
}

interface PackageJson {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function jsonOf(file: string): PackageJson {
  return JSON.parse(readFileSync(file, 'utf8')) as PackageJson; // a field of another type ends in an error or in the digest
}

function sha256(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest('hex');
}
