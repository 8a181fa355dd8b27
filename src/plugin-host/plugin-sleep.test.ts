/** Plugins that sleep: what they are is known, and their process is started when it is needed. States: plugin-runner.ts. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { until } from '../../test/support/until.ts';
import { PluginFingerprints } from './plugin-fingerprint.ts';
import { PluginHost } from './plugin-host.ts';
import { DEFAULT_LIMITS } from './plugin-process.ts';
import { rememberedDescription, type RememberedDescription } from './plugin-memory.ts';
import { actionCall, TEST_PLUGINS, testRunner, type TestRunner, type TestRunnerOptions } from './test-host.ts';

const opened: { stop(): Promise<void> }[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.stop()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'kassaflow-sleep-')));
  folders.push(made);
  return made;
}

/** A memory that can be looked into. */
function memoryOf(said?: unknown): RememberedDescription & { readonly kept: () => unknown } {
  let kept = said;
  return {
    recall: () => kept,
    keep: (now) => (kept = now),
    forget: () => (kept = undefined),
    kept: () => kept,
  };
}

async function described(
  id: string,
  memory: RememberedDescription,
  more: TestRunnerOptions = {},
): Promise<TestRunner & { launches: string[] }> {
  const launches: string[] = [];
  const started = await testRunner(id, { memory, onLaunch: (network) => launches.push(network), ...more });
  opened.push(started);
  return { ...started, launches };
}

const quiet = actionCall('good.send', { text: 'hi', how: 'quiet' });

/** What the test plugin `good` says of itself. */
async function goodSays(): Promise<Record<string, unknown>> {
  const memory = memoryOf();
  await described('good', memory);
  return memory.kept() as Record<string, unknown>;
}

describe('a plugin that was never described', () => {
  test('says what it is, is remembered, and sleeps without a process until its first call', async () => {
    const memory = memoryOf();
    const { runner, launches } = await described('good', memory);
    expect([runner.state, runner.pid, launches]).toEqual(['asleep', undefined, ['gateway']]);
    expect(runner.manifest).toMatchObject({ id: 'good' });
    expect(memory.kept()).toMatchObject({ id: 'good' });
    expect(await runner.call(quiet)).toMatchObject({ kind: 'answer', value: { value: { echo: 'hi' } } });
    expect([runner.state, launches.length]).toEqual(['ready', 2]);
  });

  test('one that is slow to load is not taken for hung, neither when it is described nor when it is woken', async () => {
    const limits = { ...DEFAULT_LIMITS, pingEveryMs: 250 };
    const { runner, launches } = await described('slow', memoryOf(), { limits });
    expect([runner.state, launches.length]).toEqual(['asleep', 1]);
    expect(await runner.call(actionCall('slow.say', {}))).toMatchObject({ kind: 'answer' });
    expect(launches).toHaveLength(2);
  });

  test('one that is not acceptable is refused and not remembered', async () => {
    const memory = memoryOf();
    const { runner } = await described('throws', memory);
    expect(runner.state).toBe('refused');
    expect(memory.kept()).toBeUndefined();
    expect(await runner.call(quiet)).toMatchObject({ kind: 'unavailable' });
  });
});

describe('a plugin that is remembered', () => {
  test('is not started to be known, and calls that come at once wake it once', async () => {
    const { runner, launches } = await described('good', memoryOf(await goodSays()));
    expect([runner.state, launches]).toEqual(['asleep', []]);
    expect(runner.manifest).toMatchObject({ id: 'good', capabilities: ['payments', 'webhook'] });
    const results = await Promise.all(Array.from({ length: 20 }, () => runner.call(quiet)));
    expect(results.map(({ kind }) => kind)).toEqual(Array.from({ length: 20 }, () => 'answer'));
    expect(launches).toEqual(['gateway']);
  });

  test('is woken before its first call', async () => {
    const { runner, launches } = await described('good', memoryOf(await goodSays()));
    await Promise.all([runner.wake(), runner.wake()]);
    expect([runner.state, launches.length]).toEqual(['ready', 1]);
  });

  test('a call waits for the process no longer than its own time, and then surely did nothing', async () => {
    const { runner } = await described('good', memoryOf(await goodSays()));
    expect(await runner.call({ ...quiet, timeoutMs: 1 })).toEqual({
      kind: 'unavailable',
      message: 'The plugin good is starting',
      retryAfterMs: expect.any(Number),
    });
    await runner.wake();
    expect(await runner.call(quiet)).toMatchObject({ kind: 'answer' });
  });

  test('with its own network it is started once, and with it', async () => {
    const memory = memoryOf();
    const first = await described('direct', memory);
    expect([first.runner.state, first.launches]).toEqual(['asleep', ['gateway']]);
    const { runner, launches } = await described('direct', memory);
    expect(await runner.call(actionCall('direct.say', {}))).toMatchObject({ kind: 'answer', left: true });
    expect(launches).toEqual(['direct']);
  });

  test('that says something else when it wakes is refused and forgotten, before a call has reached it', async () => {
    const memory = memoryOf({ ...(await goodSays()), hosts: ['api.elsewhere.test'] });
    const { runner } = await described('good', memory);
    expect(runner.manifest?.hosts).toEqual(['api.elsewhere.test']);
    expect(await runner.call(quiet)).toMatchObject({ kind: 'unavailable', message: 'The plugin good is refused' });
    expect(runner.refusal).toMatchObject({ code: 'plugin.changed' });
    expect(memory.kept()).toBeUndefined();
  });

  test.each([
    ['is damaged', { id: 'good' }],
    ['is somebody else’s', { id: 'other' }],
    ['is nothing', null],
  ])('whose description %s is asked anew', async (_what, said) => {
    const memory = memoryOf(said);
    const { runner, launches } = await described('good', memory);
    expect([runner.state, launches]).toEqual(['asleep', ['gateway']]);
    expect(memory.kept()).toMatchObject({ id: 'good', hosts: ['api.good.test'] });
  });

  test('and does not wake is tried again after a while, like one that crashed', async () => {
    const { runner } = await described('exits', memoryOf({ ...(await goodSays()), id: 'exits' }));
    expect(runner.state).toBe('asleep');
    expect(await runner.call(quiet)).toMatchObject({ kind: 'unavailable', message: 'The plugin exits is being restarted' });
    expect(runner.state).toBe('waiting');
  });

  test('sleeps no more once it has run: what ends its process is followed by another one', async () => {
    const { runner } = await described('bad', memoryOf());
    await runner.call(actionCall('bad.do', { how: 'exit', after: false }));
    await until(
      () => runner.state === 'ready',
      () => `it is ${runner.state}`,
    );
  });
});

describe('what is remembered in the data folder', () => {
  test('is of these files, for its owner alone, and can be dropped', () => {
    const dataDir = folder();
    const memory = rememberedDescription(dataDir, 'good', 'one');
    expect(memory.recall()).toBeUndefined();
    memory.keep({ id: 'good' });
    expect(memory.recall()).toEqual({ id: 'good' });
    expect(readdirSync(join(dataDir, 'plugins'))).toEqual(['good.json']);
    expect(rememberedDescription(dataDir, 'good', 'other files').recall()).toBeUndefined();
    memory.forget();
    expect(memory.recall()).toBeUndefined();
  });

  test('half a file is nothing, and no data folder is made for it', () => {
    const dataDir = folder();
    const memory = rememberedDescription(dataDir, 'good', 'one');
    memory.keep({ id: 'good' });
    writeFileSync(join(dataDir, 'plugins/good.json'), '{"fingerprint": "one", "sa');
    expect(memory.recall()).toBeUndefined();
    const nowhere = rememberedDescription(join(dataDir, 'nowhere'), 'good', 'one');
    nowhere.keep({ id: 'good' });
    expect([nowhere.recall(), readdirSync(dataDir)]).toEqual([undefined, ['plugins']]);
  });
});

describe('the fingerprint of a plugin', () => {
  const of = (plugin: string, level: 'basic' | 'strict' = 'basic') =>
    new PluginFingerprints(level).of({ id: 'good', folder: plugin, entry: join(plugin, 'plugin.ts') });

  function copyOfGood(): string {
    const plugin = join(folder(), 'good');
    cpSync(join(TEST_PLUGINS, 'good'), plugin, { recursive: true });
    return plugin;
  }

  test('stays with the same files, and changes with a file, a new one, the isolation and a package that it uses', () => {
    const plugin = copyOfGood();
    const uses = { name: 'x', type: 'module', kassaflow: { plugin: './plugin.ts' }, dependencies: { lib: '*' } };
    writeFileSync(join(plugin, 'package.json'), JSON.stringify(uses));
    const library = join(plugin, 'node_modules/lib');
    cpSync(join(TEST_PLUGINS, 'good/package.json'), join(library, 'package.json'));
    const seen = [of(plugin)];
    expect(of(plugin)).toBe(seen[0]);
    writeFileSync(join(library, 'package.json'), '{"name": "lib", "version": "2.0.0"}');
    seen.push(of(plugin), of(plugin, 'strict'));
    writeFileSync(join(plugin, 'more.ts'), 'export {};');
    seen.push(of(plugin));
    writeFileSync(join(plugin, 'plugin.ts'), `${readFileSync(join(plugin, 'plugin.ts'), 'utf8')}\n`);
    seen.push(of(plugin));
    expect(new Set(seen).size).toBe(5);
    expect(seen).not.toContain(undefined);
  });

  test('is not told when it cannot be: a link, and a file that is not there', () => {
    const plugin = copyOfGood();
    symlinkSync('/etc/hostname', join(plugin, 'linked.ts'));
    expect(of(plugin)).toBeUndefined();
    expect(of(join(plugin, 'nowhere'))).toBeUndefined();
  });
});

describe('the next start on a data folder', () => {
  async function open(pluginsDir: string, dataDir: string): Promise<PluginHost> {
    const options = { packages: [], egressAllow: [], egressMap: new Map<string, string>(), pretendProviders: false };
    const host = new PluginHost({ pluginsDir, dataDir, isolation: 'basic', ...options });
    opened.push({ stop: () => host.onApplicationShutdown() });
    await host.onModuleInit();
    return host;
  }

  test('starts no process of a plugin whose files are the same, and asks one whose files are not', async () => {
    const [pluginsDir, dataDir] = [folder(), folder()];
    for (const id of ['good', 'direct']) cpSync(join(TEST_PLUGINS, id), join(pluginsDir, id), { recursive: true });
    symlinkSync(join(TEST_PLUGINS, '../../../node_modules'), join(pluginsDir, 'node_modules'));
    await open(pluginsDir, dataDir);
    const files = join(dataDir, 'plugins');
    const before = readdirSync(files).map((name) => readFileSync(join(files, name), 'utf8'));
    const file = join(pluginsDir, 'good/plugin.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replace("version: '1.0.0'", "version: '1.0.1'"));
    const host = await open(pluginsDir, dataDir);
    expect(host.manifests().map(({ id, version }) => `${id} ${version}`)).toEqual(['direct 1.0.0', 'good 1.0.1']);
    expect(host.status().map(({ state }) => state)).toEqual(['asleep', 'asleep']);
    const after = readdirSync(files).map((name) => readFileSync(join(files, name), 'utf8'));
    expect([after[0] === before[0], after[1] === before[1]]).toEqual([true, false]);
    await host.wake('good');
    expect([host.pid('good') !== undefined, host.pid('direct')]).toEqual([true, undefined]);
  });
});
