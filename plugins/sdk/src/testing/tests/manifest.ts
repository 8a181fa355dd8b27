import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConformanceTest } from '../conformance-test.ts';
import { LeftOut, must, Unmet } from '../finding.ts';
import { changesBetween, faceOf, isStep, type Face } from '../manifest-diff.ts';
import { entryOf, sourcesOf } from '../plugin-files.ts';
import { fieldsOf, misfit, outsideOfSubset, unmarkedPersonal, unmarkedSecrets } from '../schema-rules.ts';
import type { Schema, Text } from '../../schema.ts';
import type { World } from '../world.ts';

const ID = /^[a-z][a-z0-9-]{1,40}$/;
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const NAME = /^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/;
const ICON_BYTES = 20 * 1024;
const LOAD_MS = 8_000;

const test = (id: string, title: string, run: ConformanceTest['run'], withinMs?: number): ConformanceTest => ({
  id,
  group: 'manifest',
  title,
  run,
  ...(withinMs === undefined ? {} : { withinMs }),
});

export const manifestTests: readonly ConformanceTest[] = [
  test('M1', 'says its id, its version and the version of the contract', async ({ plugin }) => {
    must(ID.test(plugin.id), 'an id of small letters, digits and dashes', plugin.id, 'plugin.id');
    must(VERSION.test(plugin.version), 'a version such as 1.0.0', plugin.version, 'plugin.version');
    must(plugin.api === 1, 'version 1 of the contract', plugin.api, 'plugin.api');
  }),

  test('M2', 'brings an icon that is small and runs nothing', async ({ subject: { folder } }) => {
    const file = join(folder, 'icon.svg');
    if (!existsSync(file)) throw new LeftOut('the plugin has no icon.svg');
    must(statSync(file).size <= ICON_BYTES, `at most ${ICON_BYTES} bytes`, statSync(file).size, 'icon.svg');
    const active = /<script|<foreignObject|\bon[a-z]+\s*=|(?:href|src)\s*=\s*["'](?!#|data:image\/)/i.exec(readFileSync(file, 'utf8'));
    must(active === null, 'an icon without scripts, handlers and links', active?.[0], 'icon.svg');
  }),

  test('M3', 'has its titles in English', async (world) => {
    for (const [place, text] of textsOf(world)) {
      const english = typeof text === 'string' ? text : text.en;
      must(typeof english === 'string' && english.trim() !== '', 'a title in English', text, place);
      const missing = (['nl', 'da', 'nb'] as const).filter((locale) => typeof text !== 'string' && text[locale] === undefined);
      if (typeof text !== 'string' && missing.length > 0) world.warn(`${place} has no ${missing.join(', ')}`);
    }
  }),

  test('M4', 'describes settings, inputs and outputs within the subset that forms can draw', async (world) => {
    for (const [place, schema] of schemasOf(world)) {
      const problem = outsideOfSubset(schema);
      must(problem === undefined, 'a schema of the subset (`Field`)', problem, place);
    }
  }),

  test('M5', 'shows samples that are what it says', async ({ plugin: { actions = [], triggers = [] } }) => {
    for (const { name, output, sample } of [...actions, ...triggers]) {
      const problem = misfit(output, sample);
      must(problem === undefined, 'a sample that fits the output', problem, `${name}: sample`);
    }
  }),

  test('M6', 'marks its secrets', async ({ plugin }) => {
    const unmarked = unmarkedSecrets(plugin.connection.settings);
    must(unmarked.length === 0, 'x-secret on every setting that is one by its name', unmarked, 'connection.settings');
  }),

  test('M7', 'marks personal data', async ({ plugin: { actions = [], triggers = [] } }) => {
    for (const { name, input, output } of [...actions, ...triggers]) {
      const unmarked = [...unmarkedPersonal(input), ...unmarkedPersonal(output)];
      must(unmarked.length === 0, 'x-personal on every field with a person’s data', unmarked, name);
    }
  }),

  test('M8', 'names the hosts that it calls, and no others', async (world) => {
    const { plugin, provider, wire } = world;
    const mapped = Object.keys(provider.origins).map((origin) => new URL(origin).host);
    for (const host of plugin.hosts) must(mapped.includes(host), 'an origin of the local provider for each host', host, 'plugin.hosts');
    await plugin.connection.check(world.context()).catch((error: unknown) => world.thrown.push(error));
    if (plugin.payments && provider.payments) {
      const { providerId } = await world.created();
      await world.facts(providerId);
    }
    must(wire.strangers.size === 0, 'requests to hosts of the manifest alone', [...wire.strangers], 'plugin.hosts');
    const idle = plugin.hosts.filter((host) => !wire.sent.some((one) => one.host === host));
    if (idle.length > 0) world.warn(`nothing was asked of ${idle.join(', ')}`);
  }),

  test('M9', 'names its actions and triggers subject.verb, each once', async ({ plugin: { actions = [], triggers = [] } }) => {
    for (const list of [actions, triggers]) {
      const names = list.map(({ name }) => name);
      for (const name of names) must(NAME.test(name), 'a name such as sms.send', name, name);
      must(new Set(names).size === names.length, 'each name once', names, 'plugin.actions');
    }
  }),

  test('M10', 'imports the SDK, its own files and its packages, and nothing of the core', async ({ subject }) => {
    const own = resolve(subject.folder) + sep;
    const packages = declaredPackages(subject.folder);
    for (const { path, imports } of sourcesOf(subject)) {
      must(!path.startsWith('..'), 'files of the plugin’s own folder', path, relative(own, path));
      for (const name of imports) {
        const known =
          name.startsWith('.') || name.startsWith('node:') || packages.some((one) => name === one || name.startsWith(`${one}/`));
        must(known, 'a package of its package.json', name, path);
        must(!name.startsWith('@kassaflow/') || name === '@kassaflow/plugin-sdk', '@kassaflow/plugin-sdk alone', name, path);
      }
    }
  }),

  test(
    'M11',
    'does nothing when it is loaded, and leaves nothing open',
    async (world) => {
      const { plugin, left } = await probe(entryOf(world.subject));
      must(plugin, 'a default export made by definePlugin', 'something else', 'plugin.ts');
      must(left.length === 0, 'no timer and no socket after loading', left, 'the top level of the plugin’s modules');
      if (!world.production) return world.warn('the host was not there to load it too: run `kassaflow plugin test`');
      const { id } = world.plugin;
      const started = await world.production.start({ id, folder: world.subject.folder, entry: entryOf(world.subject), origins: {} });
      await started.stop();
      must(started.refusal === undefined, 'a plugin that the host takes', started.refusal, 'plugin.ts');
      must(world.wire.sent.length === 0, 'no request before the first call', world.wire.sent, 'plugin.ts');
    },
    20_000,
  ),

  test('M12', 'has a version number that says how much changed since the last release', async ({ subject, plugin }) => {
    const before = releasedFace(subject.released, plugin.id);
    if (!before) throw new LeftOut('there is no release to compare with (`released`)');
    const { breaking, added } = changesBetween(before, faceOf(plugin));
    const needed = breaking.length > 0 ? 'major' : added.length > 0 ? 'minor' : 'none';
    const fits = isStep(before.version, plugin.version, needed);
    must(fits, `a ${needed} step from ${before.version}`, { version: plugin.version, changes: [...breaking, ...added] }, 'plugin.version');
  }),
];

function textsOf({ plugin }: World): readonly (readonly [place: string, text: Text])[] {
  const offered = [...(plugin.actions ?? []), ...(plugin.triggers ?? [])].map(({ name, title }) => [name, title] as const);
  const settings = fieldsOf(plugin.connection.settings).flatMap(({ place, field }) =>
    field.title === undefined ? [] : [[`settings ${place}`, field.title] as const],
  );
  return [['plugin.title', plugin.title], ['plugin.about', plugin.about], ...offered, ...settings];
}

function schemasOf({ plugin }: World): readonly (readonly [place: string, schema: Schema])[] {
  const offered = [...(plugin.actions ?? []), ...(plugin.triggers ?? [])].flatMap(({ name, input, output }) => [
    [`${name} input`, input] as const,
    [`${name} output`, output] as const,
  ]);
  return [['connection.settings', plugin.connection.settings], ...offered];
}

function declaredPackages(folder: string): readonly string[] {
  const read = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Readonly<Record<string, unknown>>;
  return ['dependencies', 'peerDependencies', 'optionalDependencies'].flatMap((kind) =>
    Object.keys((read[kind] as object | undefined) ?? {}),
  );
}

/** Loads the plugin in a process that may read and nothing else: what writes or starts processes at load breaks there. */
function probe(entry: string): Promise<{ readonly plugin: boolean; readonly left: readonly string[] }> {
  const self = fileURLToPath(import.meta.url);
  const source = extname(self) === '.ts';
  const script = join(self, '..', '..', `load-probe${extname(self)}`);
  const parameters = [
    '--permission',
    '--allow-fs-read=*',
    '--disable-warning=ExperimentalWarning',
    ...(source ? ['--conditions=kassaflow-source'] : []),
    script,
    entry,
  ];
  return new Promise((resolvePromise, reject) => {
    execFile(process.execPath, parameters, { timeout: LOAD_MS, killSignal: 'SIGKILL', env: {} }, (error, stdout, stderr) => {
      const line = stdout.trim();
      if (line !== '') return resolvePromise(JSON.parse(line) as { plugin: boolean; left: readonly string[] });
      const reason = error?.killed === true ? `nothing within ${LOAD_MS} ms` : (/^\w*Error.*$/m.exec(stderr)?.[0] ?? stderr.slice(0, 300));
      reject(new Unmet('a plugin that loads with a process’s reading rights alone', reason, 'the top level of the plugin’s modules'));
    });
  });
}

/** The plugin's face in the `conformance.json` of its last release. */
function releasedFace(released: unknown, id: string): Face | undefined {
  const { reports } = (released ?? {}) as { readonly reports?: readonly { readonly plugin: string; readonly face: Face }[] }; // written by this kit
  return reports?.find(({ plugin }) => plugin === id)?.face;
}
