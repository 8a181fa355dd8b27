/** Reads a plugin's own files: what it imports, and what it is made of. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Subject } from './subject.ts';

/** A file that the plugin's entry reaches by relative imports. */
export interface PluginFile {
  /** From the plugin's folder. */
  readonly path: string;
  readonly text: string;
  /** As written: `node:crypto`, `./client.ts`, `stripe`. */
  readonly imports: readonly string[];
}

const IMPORT =
  /^\s*(?:import|export)\s[^'";]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/gm;

/** The file whose default export is the plugin. */
export function entryOf({ folder, entry }: Pick<Subject, 'folder' | 'entry'>): string {
  if (entry !== undefined) return entry;
  const { kassaflow } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { kassaflow?: { plugin?: unknown } };
  if (typeof kassaflow?.plugin !== 'string') throw new TypeError(`${folder}/package.json has no kassaflow.plugin`);
  return join(folder, kassaflow.plugin);
}

/** The entry and everything it reaches by relative imports, each once. */
export function sourcesOf(subject: Pick<Subject, 'folder' | 'entry'>): readonly PluginFile[] {
  const found = new Map<string, PluginFile>();
  const waiting = [entryOf(subject)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue;
    const text = readFileSync(file, 'utf8');
    const imports = [...text.matchAll(IMPORT)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');
    found.set(file, { path: relative(subject.folder, file), text, imports });
    for (const name of imports) if (name.startsWith('.')) waiting.push(resolve(dirname(file), name));
  }
  return [...found.values()];
}

const NOT_PACKED = new Set(['node_modules', 'dist', 'test']);

/** SHA-256 over the paths and bytes of the package's files, tests and builds left out: what the report speaks of. */
export function hashOfPackage(folder: string): string {
  const hash = createHash('sha256');
  for (const file of filesBelow(folder)) {
    const path = relative(folder, file).split(sep).join('/');
    hash.update(`${path}\0${createHash('sha256').update(readFileSync(file)).digest('hex')}\n`);
  }
  return hash.digest('hex');
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => !NOT_PACKED.has(name) && name !== 'conformance.json')
    .toSorted()
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : [path]));
}
