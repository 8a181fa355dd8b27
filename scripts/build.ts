/**
 * Compiles `src`, the plugin SDK and the plugins into their `dist` folders: `node scripts/build.ts [--if-stale]`.
 *
 * SWC only takes the types away and fills in decorator metadata; it does not check types (`npm run verify` does).
 * With `--if-stale` nothing happens when no source has changed since the last build, which takes 0.1 s to find out.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { transformFile, version, type Options } from '@swc/core';

const ROOT = path.join(import.meta.dirname, '..');
const STAMP = path.join(ROOT, 'dist', '.sources');

const jsc = {
  target: 'es2024',
  parser: { syntax: 'typescript', decorators: true },
  transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
  keepClassNames: true,
  // Sources import './x.ts', so that Node and Jest can read them as they are; what is built imports './x.js'.
  // SWC's declaration file does not know this option yet.
  rewriteRelativeImportExtensions: true,
  experimental: { keepImportAttributes: true },
} as const;
const OPTIONS: Options = { swcrc: false, configFile: false, module: { type: 'es6' }, sourceMaps: true, inlineSourcesContent: false, jsc };

/** A folder of sources and where its output goes, relative to the root. */
interface Package {
  readonly source: string;
  readonly output: string;
}

/** Builds everything, or nothing when `ifStale` is set and no source changed. Tells whether it built. */
export async function build({ ifStale }: { ifStale: boolean }): Promise<boolean> {
  const packages = await packagesToBuild();
  const sources = (await Promise.all(packages.map(sourcesOf))).flat();
  const state = await stateOf(sources.map(({ from }) => from));
  if (ifStale && (await readFile(STAMP, 'utf8').catch(() => '')) === state) return false;
  await Promise.all(sources.map(({ from, to }) => (from.endsWith('.ts') ? compile(from, to) : copy(from, to))));
  await removeLeftovers(packages, new Set(sources.map(({ to }) => to)));
  await writeFile(STAMP, state);
  return true;
}

async function packagesToBuild(): Promise<Package[]> {
  const plugins = (await readdir(path.join(ROOT, 'plugins'))).sort().map((name) => path.join('plugins', name));
  return [
    { source: 'src', output: 'dist' },
    ...plugins.map((plugin) => ({ source: path.join(plugin, 'src'), output: path.join(plugin, 'dist') })),
  ];
}

/** Tests, their fixtures and prose stay behind; other files that are no TypeScript are copied. */
async function sourcesOf({ source, output }: Package): Promise<{ from: string; to: string }[]> {
  return (await filesIn(path.join(ROOT, source)))
    .filter((file) => !/\.(test(-support)?\.ts|md|d\.ts)$/.test(file) && !file.split(path.sep).some((part) => part.startsWith('test-')))
    .sort()
    .map((file) => ({ from: path.join(ROOT, source, file), to: path.join(ROOT, output, file.replace(/\.ts$/, '.js')) }));
}

/** The files below a folder, relative to it; none when there is no such folder. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

async function stateOf(files: readonly string[]): Promise<string> {
  const stats = await Promise.all([...files, import.meta.filename].map(async (file) => ({ file, stat: await stat(file) })));
  const hash = createHash('sha256').update(version);
  for (const { file, stat: found } of stats) hash.update(`\n${path.relative(ROOT, file)} ${found.size} ${found.mtimeMs}`);
  return hash.digest('hex');
}

async function compile(from: string, to: string): Promise<void> {
  const { code, map } = await transformFile(from, { ...OPTIONS, sourceFileName: path.relative(path.dirname(to), from) });
  await mkdir(path.dirname(to), { recursive: true });
  await Promise.all([writeFile(to, `${code}\n//# sourceMappingURL=${path.basename(to)}.map\n`), writeFile(`${to}.map`, map ?? '')]);
}

/** Output whose source is gone: a renamed plugin would still be found. A running server keeps the files it may yet import. */
async function removeLeftovers(packages: readonly Package[], wanted: ReadonlySet<string>): Promise<void> {
  for (const { output } of packages) {
    const files = (await filesIn(path.join(ROOT, output))).map((file) => path.join(ROOT, output, file));
    const leftovers = files.filter((file) => file !== STAMP && !wanted.has(file.replace(/\.map$/, '')));
    await Promise.all(leftovers.map((file) => rm(file, { force: true })));
  }
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  await copyFile(from, to);
}

if (import.meta.main) {
  const started = performance.now();
  if (await build({ ifStale: process.argv.includes('--if-stale') })) {
    console.log(`Built in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  }
}
