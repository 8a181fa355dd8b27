import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** One source file and what it imports. */
export interface SourceFile {
  /** Path from the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Every import: repository files by their path from the root, packages by their name. */
  readonly imports: readonly { readonly target: string; readonly typeOnly: boolean }[];
}

const IMPORT = /^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm;

/** Tests and what only they import. */
export const isTest = (path: string) => /\.test(-support)?\.ts$/.test(path);

/** Every TypeScript file below `folders`, tests left out unless asked for. */
export function sourceFiles(folders: readonly string[], options: { readonly tests?: boolean } = {}): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
      .filter((path) => !path.includes('/dist/') && !path.includes('node_modules') && (options.tests === true || !isTest(path)))
      .toSorted()
      .map(read),
  );
}

function read(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const imports = [...text.matchAll(IMPORT)].map(([, type, from, bare, dynamic]) => {
    const name = from ?? bare ?? dynamic ?? '';
    return { target: name.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(path), name)) : name, typeOnly: type !== undefined };
  });
  return { path, text, imports };
}
