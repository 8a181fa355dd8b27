import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkManifest } from './check-manifest.ts';
import { findPlugins } from './find-plugins.ts';

const action = {
  methods: ['run', 'lookup'],
  spec: {
    name: 'thing.send',
    title: 'Send',
    about: 'Sends',
    effect: 'lookup',
    movesMoney: true,
    input: {
      type: 'object',
      required: ['amount'],
      properties: { amount: { type: 'object', format: 'money' }, to: { type: 'string', format: 'phone' } },
    },
    output: { type: 'object', required: ['id'], properties: { id: { type: 'string' }, total: { type: 'object', format: 'money' } } },
    sample: { id: 'x', total: { amount: '12.50', currency: 'EUR' } },
  },
};
const manifest = {
  id: 'acme',
  title: 'Acme',
  about: 'Pays',
  version: '1.0.0',
  api: 1,
  hosts: ['api.acme.com'],
  network: 'gateway',
  settings: {
    type: 'object',
    required: ['apiKey'],
    properties: { apiKey: { type: 'string', 'x-secret': true }, publishableKey: { type: 'string' }, accountId: { type: 'string' } },
  },
  parts: ['connection', 'payments', 'webhook'],
  methods: ['connection.check', 'payments.create', 'payments.fetch', 'webhook.verify', 'webhook.translate'],
  paymentsKeyTtlMs: 86_400_000,
  actions: [action],
};
const trigger = {
  methods: ['poll'],
  spec: {
    name: 'invoice.changed',
    title: 'An invoice changed',
    about: '',
    input: { type: 'object', properties: {} },
    output: { type: 'object', required: ['number'], properties: { number: { type: 'string' } } },
    sample: { number: '2026-7' },
  },
};
const fields = { scripts: ['https://js.acme.com/v1/acme.js'], frames: ['https://*.js.acme.com'], mount: 'async () => ({})' };
const withTrigger = (change: object, methods = trigger.methods) => ({ triggers: [{ methods, spec: { ...trigger.spec, ...change } }] });
const withAction = (change: object, methods = action.methods) => ({ actions: [{ methods, spec: { ...action.spec, ...change } }] });
const setting = (field: unknown, name = 'x') => ({ settings: { type: 'object', properties: { [name]: field } } });

test('a proper manifest is taken, with its capabilities', () => {
  expect(checkManifest(manifest, 'acme')).toMatchObject({
    id: 'acme',
    capabilities: ['payments', 'webhook'],
    actions: [{ plugin: 'acme', name: 'thing.send' }],
  });
});

test('what a browser needs for fields on our page is kept as it is', () => {
  expect(checkManifest({ ...manifest, hostedFields: fields }, 'acme').hostedFields).toEqual(fields);
});

describe('a manifest is refused', () => {
  test.each<[string, object, string]>([
    ['F01 without a title', { title: undefined }, 'plugin.manifest'],
    ['F01 with a version that is none', { version: 'latest' }, 'plugin.manifest'],
    ['F02 with another id than its folder', { id: 'other' }, 'plugin.id'],
    ['F02 with a path as id', { id: '../core' }, 'plugin.id'],
    ['F03 for a later contract', { api: 2 }, 'plugin.api'],
    ['F03 without a contract version', { api: undefined }, 'plugin.api'],
    ['F04 with an action without effect', withAction({ effect: undefined }), 'plugin.effect'],
    ['F04 with an effect that there is not', withAction({ effect: 'maybe' }), 'plugin.effect'],
    ['F04 with money and effect once', withAction({ effect: 'once' }), 'plugin.effect'],
    ['F04 with money and effect read', withAction({ effect: 'read' }), 'plugin.effect'],
    ['F04 with keyed and no keyTtlMs', withAction({ effect: 'keyed' }), 'plugin.effect'],
    ['F04 with keyed and half a second', withAction({ effect: 'keyed', keyTtlMs: 500 }), 'plugin.effect'],
    ['F04 with lookup and no lookup()', withAction({}, ['run']), 'plugin.effect'],
    ['F04 with payments and no keyTtlMs', { paymentsKeyTtlMs: undefined }, 'plugin.capability'],
    ['F05 with any host', { hosts: ['*'] }, 'plugin.hosts'],
    ['F05 with a wildcard', { hosts: ['*.acme.com'] }, 'plugin.hosts'],
    ['F05 with a scheme', { hosts: ['http://api.acme.com'] }, 'plugin.hosts'],
    ['F05 with a port', { hosts: ['api.acme.com:8443'] }, 'plugin.hosts'],
    ['F05 with an IPv4 address', { hosts: ['8.8.8.8'] }, 'plugin.hosts'],
    ['F05 with an IPv6 address', { hosts: ['[::1]'] }, 'plugin.hosts'],
    ['F05 with localhost', { hosts: ['localhost'] }, 'plugin.hosts'],
    ['F05 with a name of the own network', { hosts: ['erp.local'] }, 'plugin.hosts'],
    ['F05 with capitals', { hosts: ['API.acme.com'] }, 'plugin.hosts'],
    ['F06 with a setting of no type', setting({}), 'plugin.schema'],
    ['F06 with a type that there is not', setting({ type: 'null' }), 'plugin.schema'],
    ['F06 with an unknown keyword', setting({ type: 'string', $ref: '#' }), 'plugin.schema'],
    ['F06 with an open object', setting({ type: 'object', additionalProperties: true }), 'plugin.schema'],
    ['F06 with an object of nothing', setting({ type: 'object' }), 'plugin.schema'],
    ['F06 with an open whole', { settings: { type: 'object', properties: {}, additionalProperties: true } }, 'plugin.schema'],
    ['F06 with a list of nothing', setting({ type: 'array' }), 'plugin.schema'],
    ['F06 with a required property that there is not', { settings: { type: 'object', properties: {}, required: ['a'] } }, 'plugin.schema'],
    ['F06 with a pattern that RE2 does not take', setting({ type: 'string', pattern: '(a)\\1' }), 'plugin.schema'],
    ['F07 with a token that is not marked', setting({ type: 'string' }, 'accessToken'), 'plugin.secret'],
    [
      'F07 with a list of secrets that is not marked',
      setting({ type: 'array', items: { type: 'string' } }, 'webhookSecrets'),
      'plugin.secret',
    ],
    ['F07 with a password in dashes', setting({ type: 'string' }, 'smtp-password'), 'plugin.secret'],
    ['with a sample that does not fit', withAction({ sample: { id: 7 } }), 'plugin.sample'],
    [
      'with an amount of three decimals in the sample',
      withAction({ sample: { id: 'x', total: { amount: '1.250', currency: 'EUR' } } }),
      'plugin.sample',
    ],
    ['with an action name of one word', withAction({ name: 'send' }), 'plugin.action'],
    ['with the same action twice', { actions: [action, action] }, 'plugin.action'],
    [
      'with a webhook that cannot translate',
      { methods: ['connection.check', 'payments.create', 'payments.fetch', 'webhook.verify'] },
      'plugin.capability',
    ],
    ['with fields whose script comes by http', { hostedFields: { ...fields, scripts: ['http://js.acme.com/a.js'] } }, 'plugin.manifest'],
    [
      'with fields that would end a directive of the policy',
      { hostedFields: { ...fields, frames: ["https://js.acme.com; script-src 'unsafe-inline'"] } },
      'plugin.manifest',
    ],
    ['with fields that frame anybody', { hostedFields: { ...fields, frames: ['https:'] } }, 'plugin.manifest'],
    ['with fields that end our script', { hostedFields: { ...fields, mount: '() => "</script>"' } }, 'plugin.manifest'],
    ['with a trigger of one word', withTrigger({ name: 'changed' }), 'plugin.trigger'],
    ['with a trigger that neither polls nor reads', withTrigger({}, []), 'plugin.trigger'],
    ['with a trigger that polls and reads', withTrigger({}, ['poll', 'read']), 'plugin.trigger'],
    ['with a trigger whose sample does not fit', withTrigger({ sample: { number: 7 } }), 'plugin.sample'],
    ['with a trigger that polls more often than each second', withTrigger({ everyMs: 10 }), 'plugin.manifest'],
    [
      'with a trigger that takes the host’s "every"',
      withTrigger({ input: { type: 'object', properties: { every: { type: 'string' } } } }),
      'plugin.trigger',
    ],
    ['with the same trigger twice', { triggers: [trigger, trigger] }, 'plugin.trigger'],
    [
      'with a trigger that reads deliveries nobody verifies',
      { ...withTrigger({}, ['read']), parts: ['connection'], methods: ['connection.check'] },
      'plugin.trigger',
    ],
    ['without a check', { methods: ['payments.create', 'payments.fetch', 'webhook.verify', 'webhook.translate'] }, 'plugin.capability'],
  ])('%s', (_row, change, code) => {
    expect(() => checkManifest({ ...manifest, ...change }, 'acme')).toThrow(expect.objectContaining({ code }));
  });

  test.each([null, undefined, 7, 'x', []])('F01 when it is %p', (raw) => {
    expect(() => checkManifest(raw, 'acme')).toThrow(expect.objectContaining({ code: 'plugin.manifest' }));
  });
});

describe('plugins on disk', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'kassaflow-find-'));
    writeFileSync(join(dir, 'outside.ts'), '');
    const plugin = (name: string, packageJson: string, file?: string): void => {
      mkdirSync(join(dir, 'plugins', name), { recursive: true });
      writeFileSync(join(dir, 'plugins', name, 'package.json'), packageJson);
      if (file !== undefined) writeFileSync(join(dir, 'plugins', name, file), '');
    };
    const key = (path: string): string => JSON.stringify({ kassaflow: { plugin: path } });
    plugin('fine', key('./plugin.ts'), 'plugin.ts');
    plugin('library', '{"name":"library"}');
    plugin('nojson', '{');
    plugin('nopath', '{"kassaflow":{}}');
    plugin('UPPER', key('./plugin.ts'), 'plugin.ts');
    plugin('missing', key('./plugin.ts'));
    plugin('escapes', key('../../outside.ts'));
    plugin('linked', key('./plugin.ts'));
    symlinkSync(join(dir, 'outside.ts'), join(dir, 'plugins/linked/plugin.ts'));
    plugin(
      'provider',
      '{"kassaflow":{"plugin":"./plugin.ts","provider":{"host":"api.real.com","serve":"./plugin.ts","path":"/x"}}}',
      'plugin.ts',
    );
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('are found by the key in package.json; a bad one is reported and does not hide the others', () => {
    const { found, refused } = findPlugins(join(dir, 'plugins'), ['kassaflow-plugin-not-installed'], import.meta.url);
    expect(found.map(({ id }) => id)).toEqual(['fine']);
    expect(Object.fromEntries(refused.map(({ id, error }) => [id, error.code]))).toEqual({
      nojson: 'plugin.manifest',
      nopath: 'plugin.manifest',
      UPPER: 'plugin.id',
      missing: 'plugin.path',
      escapes: 'plugin.path',
      linked: 'plugin.path',
      provider: 'plugin.manifest',
      'not-installed': 'plugin.manifest',
    });
  });

  test('are taken as built, unless a source is newer than the build', () => {
    const root = mkdtempSync(join(tmpdir(), 'kassaflow-built-'));
    for (const part of ['acme/src', 'acme/dist']) mkdirSync(join(root, part), { recursive: true });
    writeFileSync(join(root, 'acme/package.json'), JSON.stringify({ kassaflow: { plugin: './src/plugin.ts' } }));
    for (const file of ['src/plugin.ts', 'src/other.ts', 'dist/plugin.js']) writeFileSync(join(root, 'acme', file), '');
    const entryWhen = (otherChangedAt: number): string => {
      for (const [file, at] of [
        ['src/plugin.ts', 100],
        ['src/other.ts', otherChangedAt],
        ['dist/plugin.js', 200],
      ] as const)
        utimesSync(join(root, 'acme', file), at, at);
      return relative(join(root, 'acme'), findPlugins(root, [], import.meta.url).found[0]?.entry ?? '');
    };
    expect([entryWhen(150), entryWhen(300)]).toEqual(['dist/plugin.js', 'src/plugin.ts']);
    rmSync(root, { recursive: true });
  });

  test('no folder is no plugins', () => {
    expect(findPlugins(join(dir, 'nothing'), [], import.meta.url)).toEqual({ found: [], refused: [] });
  });
});
