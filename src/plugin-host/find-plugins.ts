/** Finds plugins on disk by the `kassaflow` key of their package.json. Reads JSON only; no plugin's code runs here. */
import { readFileSync, readdirSync, realpathSync, statSync, type Dirent } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { basename, dirname, join, sep } from 'node:path';
import { isKassaflowError, type KassaflowError } from '../kernel/errors.ts';
import { PLUGIN_ID } from './check-manifest.ts';
import { pluginErrors } from './plugin-errors.ts';

/** A plugin on disk. */
export interface FoundPlugin {
  readonly id: string;
  /** The real path of its folder. */
  readonly folder: string;
  /** The file that the child process imports. */
  readonly entry: string;
  readonly provider?: PretendProviderSpec;
}

/** A server that plays the provider, declared in the plugin's package.json; used in the demo and in tests only. */
export interface PretendProviderSpec {
  /** Host name that requests of plugins go to: `sandbox.kassaflow.test`. */
  readonly host: string;
  readonly serve: string;
  /** Where people reach its pages on our own address: `/sandbox`. */
  readonly path: string;
}

/** A folder or package that should be a plugin and is not. */
export interface RefusedPlugin {
  readonly id: string;
  readonly error: KassaflowError;
}

/**
 * Every folder of `pluginsDir` whose package.json has a `kassaflow` key, and every package of `packages`.
 *
 * @param packages names as `import` takes them, found from `from`
 */
export function findPlugins(
  pluginsDir: string,
  packages: readonly string[],
  from: string,
): { found: FoundPlugin[]; refused: RefusedPlugin[] } {
  const found = new Map<string, FoundPlugin>();
  const refused: RefusedPlugin[] = [];
  const add = (id: string, read: () => FoundPlugin | undefined): void => {
    try {
      const plugin = read();
      if (!plugin) return;
      if (found.has(plugin.id)) throw pluginErrors.id({ found: plugin.id, problem: 'it is there twice' });
      found.set(plugin.id, plugin);
    } catch (error) {
      refused.push({ id, error: isKassaflowError(error) ? error : pluginErrors.manifest({ plugin: id }, { cause: error }) });
    }
  };
  for (const folder of foldersIn(pluginsDir)) add(basename(folder), () => readPlugin(folder, basename(folder)));
  for (const name of packages) {
    const id = (name.split('/').at(-1) ?? '').replace(/^(kassaflow-)?plugin-/, '');
    add(id, () => {
      const packageJson = findPackageJSON(name, from);
      if (packageJson === undefined) throw pluginErrors.manifest({ plugin: name, problem: 'the package is not installed' });
      const plugin = readPlugin(dirname(packageJson), id);
      if (!plugin) throw pluginErrors.manifest({ plugin: name, problem: 'package.json has no `kassaflow` key' });
      return plugin;
    });
  }
  return { found: [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), refused };
}

function foldersIn(pluginsDir: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(pluginsDir, { withFileTypes: true });
  } catch {
    return []; // no folder, no plugins
  }
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => join(pluginsDir, entry.name));
}

function readPlugin(folder: string, id: string): FoundPlugin | undefined {
  const declared = readKey(folder, id);
  if (declared === undefined) return undefined;
  if (!PLUGIN_ID.test(id)) throw pluginErrors.id({ found: id.slice(0, 60) });
  const { plugin, provider } = declared;
  if (typeof plugin !== 'string') throw pluginErrors.manifest({ plugin: id, problem: '`kassaflow.plugin` is not a path' });
  return {
    id,
    folder: realpathSync(folder),
    entry: fileInside(folder, plugin, id),
    ...(provider === undefined ? {} : { provider: readProvider(folder, provider, id) }),
  };
}

function readKey(folder: string, id: string): { plugin?: unknown; provider?: unknown } | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, 'package.json'), 'utf8');
  } catch {
    return undefined; // a folder without package.json is no plugin
  }
  try {
    const parsed = JSON.parse(text) as { kassaflow?: unknown };
    const declared = parsed.kassaflow;
    if (declared === undefined) return undefined;
    if (typeof declared === 'object' && declared !== null) return declared;
  } catch (error) {
    throw pluginErrors.manifest({ plugin: id, problem: 'package.json is not JSON' }, { cause: error });
  }
  throw pluginErrors.manifest({ plugin: id, problem: '`kassaflow` is not an object' });
}

function readProvider(folder: string, declared: unknown, id: string): PretendProviderSpec {
  const { host, serve, path } =
    typeof declared === 'object' && declared !== null ? (declared as Partial<Record<keyof PretendProviderSpec, unknown>>) : {};
  if (
    typeof host !== 'string' ||
    !host.endsWith('.test') ||
    typeof serve !== 'string' ||
    typeof path !== 'string' ||
    !/^\/[a-z][a-z0-9-]*$/.test(path)
  ) {
    throw pluginErrors.manifest({
      plugin: id,
      problem: '`kassaflow.provider` needs a host that ends in .test, serve and a path such as /pretend',
    });
  }
  return { host, serve: fileInside(folder, serve, id), path };
}

/** The real path of `file`, or of its build in `dist` when that is there and no source is newer. @throws plugin.path */
function fileInside(folder: string, file: string, id: string): string {
  const root = realpathSync(folder) + sep;
  const source = join(folder, file);
  const built = join(folder, file.replace(/^(\.\/)?src\//, 'dist/').replace(/\.ts$/, '.js'));
  const builtAt = built === source ? undefined : modifiedAt(built);
  const chosen = builtAt !== undefined && builtAt >= newestIn(dirname(source)) ? built : source;
  if (modifiedAt(chosen) === undefined) throw pluginErrors.path({ plugin: id, file, problem: 'it does not exist' });
  const real = realpathSync(chosen);
  if (!real.startsWith(root)) throw pluginErrors.path({ plugin: id, file });
  return real;
}

/** When the newest source in a folder was changed; 0 when there are none, as in a published package. */
function newestIn(folder: string): number {
  if (modifiedAt(folder) === undefined) return 0;
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return Math.max(0, ...sources.map((name) => modifiedAt(join(folder, name)) ?? 0));
}

function modifiedAt(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}
