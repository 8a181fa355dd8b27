import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ok } from '@kassaflow/plugin-sdk';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { systemClock } from '../kernel/clock.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { MasterKeys } from '../platform/secrets/master-keys.ts';
import { EnvelopeSealer } from '../platform/secrets/sealer.ts';
import { Audit } from '../platform/tenancy/audit.ts';
import { awaitedNews, stillWaiting, type ActionCall } from './action-call.ts';
import { BuiltInActions } from './built-in-actions.ts';
import { CallProvider } from './call-provider.ts';
import { ConnectionChecks } from './connection-checks.ts';
import { ConnectionLanes } from './connection-lanes.ts';
import { ConnectionPaces } from './connection-paces.ts';
import type { Connection } from './connections/connection.ts';
import { ConnectionNews } from './connections/connection-news.ts';
import { ConnectionUses } from './connections/connection-uses.ts';
import { Connections } from './connections/connections.ts';
import { DeliveryNotes } from './connections/delivery-notes.ts';
import { Invoke } from './invoke.ts';
import { PluginCatalogue } from './plugin-catalogue.ts';
import { PluginHost } from './plugin-host.ts';
import { TEST_PLUGINS } from './test-host.ts';

let db: TestDatabase;
let provider: Server;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
let requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
let host: PluginHost;
let connections: Connections;
let door: Invoke;
let calls: CallProvider;
let checks: ConnectionChecks;
let lanes: ConnectionLanes;
let pluginsDir: string;
const builtIns = new BuiltInActions();
const SECRET = 'key-that-is-secret';

beforeAll(async () => {
  Logger.overrideLogger(false);
  provider = createServer((request, response) => {
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (chunk: string) => (body += chunk))
      .on('end', () => {
        requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
        answer(request, response, body);
      });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => provider.once('listening', resolve));
  const origin = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  // only the plugins that load: the others are the business of plugin-runner.test.ts
  pluginsDir = mkdtempSync(join(tmpdir(), 'kassaflow-plugins-'));
  for (const id of ['good', 'bad']) cpSync(join(TEST_PLUGINS, id), join(pluginsDir, id), { recursive: true });
  mkdirSync(join(pluginsDir, 'not-a-plugin'));
  symlinkSync(join(TEST_PLUGINS, '../../../node_modules'), join(pluginsDir, 'node_modules'));
  db = await testDatabase();
  host = new PluginHost({
    pluginsDir,
    packages: [],
    isolation: 'basic',
    egressAllow: [],
    pretendProviders: false,
    dataDir: pluginsDir,
    egressMap: new Map([
      ['https://api.good.test', origin],
      ['https://api.bad.test', origin],
      ['https://api.example.com', origin],
      ['https://gone.example.com', 'http://127.0.0.1:9'],
    ]),
  });
  await host.onModuleInit();
  expect(host.status().map(({ id, state, problem }) => [id, state, problem])).toEqual([
    ['bad', 'asleep', undefined],
    ['good', 'asleep', undefined],
  ]);
  await Promise.all(['bad', 'good'].map((plugin) => host.wake(plugin)));
  const catalogue = new PluginCatalogue(host);
  const metrics = new Metrics();
  lanes = new ConnectionLanes(new ConnectionPaces(db.enginePool), catalogue);
  connections = new Connections(
    db.database,
    new EnvelopeSealer(db.database, new MasterKeys(randomBytes(32))),
    catalogue,
    new Audit(),
    metrics,
    new ConnectionUses(),
    new ConnectionNews(),
  );
  door = new Invoke(host, catalogue, builtIns, connections, lanes, metrics);
  calls = new CallProvider(host, catalogue, connections, lanes, new DeliveryNotes(db.database, systemClock), systemClock);
  checks = new ConnectionChecks(host, connections);
}, 60_000);
afterAll(async () => {
  await host.onApplicationShutdown();
  provider.closeAllConnections();
  provider.close();
  await db.close();
  rmSync(pluginsDir, { recursive: true, force: true });
});
beforeEach(() => {
  requests = [];
  answer = (_request, response) => response.end('{"id":"42"}');
});

let count = 0;
async function connection(plugin: string, settings: Record<string, unknown>): Promise<Connection> {
  count += 1;
  return connections.add(db.tenantId, { name: `${plugin}-${count}`, plugin, mode: 'test', settings }, 'test');
}
const http = () => connection('http', { baseUrl: 'https://api.example.com/v2/', token: SECRET, headers: { 'x-portal': 'a' } });
const good = () => connection('good', { apiKey: SECRET, webhookSecrets: ['whsec_one_two'] });
const bad = () => connection('bad', { apiKey: SECRET });
const call = (action: string, via: Connection | undefined, input: Record<string, unknown>, timeoutMs = 10_000): ActionCall => ({
  tenantId: db.tenantId,
  action,
  ...(via ? { connectionId: via.id } : {}),
  input,
  idempotencyKey: 'key-1',
  attempt: 1,
  runId: 'run',
  step: 'step',
  timeoutMs,
});

describe('the built-in action http.call', () => {
  test('sends JSON below the base address with token and idempotency key, and gives back the JSON answer', async () => {
    const outcome = await door.invoke(call('http.call', await http(), { path: '/orders?x=1', body: { a: 1 } }));
    expect(outcome).toEqual({ kind: 'ok', value: { status: 200, body: { id: '42' } }, reference: '' });
    expect(requests).toMatchObject([
      {
        method: 'POST',
        url: '/v2/orders?x=1',
        body: '{"a":1}',
        headers: {
          authorization: `Bearer ${SECRET}`,
          'idempotency-key': 'key-1',
          'content-type': 'application/json',
          'x-portal': 'a',
          host: 'api.example.com',
        },
      },
    ]);
  });

  test.each([
    [401, 'POST', { kind: 'failed', reason: 'auth' }],
    [400, 'POST', { kind: 'failed', reason: 'input' }],
    [404, 'POST', { kind: 'failed', reason: 'permanent' }],
    [302, 'POST', { kind: 'failed', reason: 'permanent' }],
    [429, 'POST', { kind: 'failed', reason: 'rate-limited', retryAfterMs: 7_000 }],
    [500, 'POST', { kind: 'unknown' }],
    [503, 'GET', { kind: 'failed', reason: 'temporary' }],
    [204, 'DELETE', { kind: 'ok', value: { status: 204 } }],
  ])('makes of an answer %i to a %s %p', async (status, method, expected) => {
    answer = (_request, response) => response.writeHead(status, { 'retry-after': '7', location: 'http://169.254.169.254/' }).end();
    expect(await door.invoke(call('http.call', await http(), { method, path: '/x' }))).toMatchObject(expected);
    expect(requests).toHaveLength(1);
  });

  test('is unknown when the connection breaks or the time is over after the request left', async () => {
    answer = (request) => request.socket.destroy();
    expect(await door.invoke(call('http.call', await http(), { path: '/x' }))).toMatchObject({ kind: 'unknown' });
    answer = () => undefined;
    expect(await door.invoke(call('http.call', await http(), { path: '/x' }, 200))).toMatchObject({ kind: 'unknown' });
    expect(await door.invoke(call('http.call', await http(), { method: 'GET', path: '/x' }, 200))).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
    });
  });

  test('is kept back when its run may be another process’s, and counts for nothing', async () => {
    const via = await http();
    for (let times = 0; times < 11; times += 1) {
      const kept = await door.invoke({ ...call('http.call', via, { path: '/x' }), mayLeave: () => false });
      expect(kept).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'action.stood-still' });
    }
    expect(requests).toEqual([]);
    expect(await door.invoke({ ...call('http.call', via, { path: '/x' }), mayLeave: () => true })).toMatchObject({ kind: 'ok' });
    expect(requests).toHaveLength(1);
  });

  test('surely failed when nobody listens', async () => {
    const via = await connection('http', { baseUrl: 'https://gone.example.com' });
    expect(await door.invoke(call('http.call', via, { path: '/x' }))).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });

  test.each([
    'http://127.0.0.1/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://localhost/',
    'https://169.254.169.254/',
    'ftp://example.com/',
  ])('cannot reach %s', async (baseUrl) => {
    expect(await door.invoke(call('http.call', await connection('http', { baseUrl }), { path: '/x' }))).toMatchObject({ kind: 'failed' });
    expect(requests).toHaveLength(0);
  });

  test.each(['x', '//other.example/', '/../x', '/a/..', '/%2E%2e/x', '/./x', '/..?a', '/a b', '/a#b', '/a\r\nx: y'])(
    'sends nothing for the path %p outside of the base address',
    async (path) => {
      const outcome = await door.invoke(call('http.call', await http(), { path }));
      if (path === '//other.example/') expect(requests).toMatchObject([{ url: '/v2//other.example/' }]);
      else expect([outcome.kind, requests.length]).toEqual(['failed', 0]);
    },
  );
});

describe('the door', () => {
  test('refuses input that does not fit before anything is sent, and names the field', async () => {
    const via = await good();
    expect(await door.invoke(call('good.send', via, {}))).toMatchObject({ kind: 'failed', reason: 'input' });
    expect(await door.invoke(call('good.send', via, { text: '' }))).toMatchObject({ kind: 'failed', reason: 'input', field: 'text' });
    expect(await door.invoke(call('good.send', via, { text: 'a', more: 1 }))).toMatchObject({ kind: 'failed', reason: 'input' });
    expect(requests).toHaveLength(0);
  });

  test.each([
    ['F10 the wrong type', 'shape'],
    ['F10 nothing', 'undefined'],
    ['F10 a function', 'function'],
    ['F10 more than 1 MiB', 'huge'],
  ])('%s is permanent when nothing left, and unknown when something may have', async (_row, how) => {
    const via = await bad();
    expect(await door.invoke(call('bad.do', via, { how }))).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'plugin.result' });
    expect(await door.invoke(call('bad.do', via, { how, after: true }))).toMatchObject({ kind: 'unknown' });
  });

  test('a plugin that dies in a call is temporary when nothing left, and unknown when something may have', async () => {
    const via = await bad();
    expect(await door.invoke(call('bad.do', via, { how: 'exit' }))).toMatchObject({ kind: 'failed', reason: 'temporary' });
    await until(
      () => host.status().every(({ state }) => state === 'ready'),
      () => 'the plugin does not come back',
    );
    const after = await door.invoke(call('bad.do', via, { how: 'exit', after: true }));
    expect(after).toMatchObject({ kind: 'unknown' });
  });

  test('F11 an answer after the deadline is not taken', async () => {
    expect(await door.invoke(call('good.send', await good(), { text: 'a', how: 'slow' }, 150))).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
      code: 'plugin.late',
    });
  });

  test.each(['fetch', 'agent'])('a plugin’s request through its %s is kept back when the run may be another process’s', async (how) => {
    const via = await good();
    const kept = await door.invoke({ ...call('good.send', via, { text: 'a', how }), mayLeave: () => false });
    expect(kept).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'action.stood-still' });
    expect(requests).toEqual([]);
    expect(await door.invoke({ ...call('good.send', via, { text: 'a', how }), mayLeave: () => true })).toMatchObject({ kind: 'ok' });
  });

  test('a plugin’s own “unknown” is believed only when a request left', async () => {
    expect(await door.invoke(call('good.send', await good(), { text: 'a', how: 'unknown' }))).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
    });
  });

  test('a lookup may say that there is nothing', async () => {
    expect(await door.lookup(call('good.send', await good(), { text: 'a' }))).toEqual({ kind: 'ok', value: undefined, reference: '' });
  });

  test('what asks to wait holds all calls of the connection back, without asking the provider', async () => {
    const via = await good();
    expect(await door.invoke(call('good.send', via, { text: 'a', how: 'limited' }))).toMatchObject({
      reason: 'rate-limited',
      retryAfterMs: 60_000,
    });
    expect(await door.invoke(call('good.send', via, { text: 'a' }))).toMatchObject({ reason: 'rate-limited' });
    expect(requests).toHaveLength(0);
    expect(await door.invoke(call('good.send', await good(), { text: 'a' }))).toMatchObject({ kind: 'ok' });
  });

  test('refused credentials pause the connection until a check succeeds, and the secret shows nowhere', async () => {
    const via = await good();
    const refused = await door.invoke(call('good.send', via, { text: 'a', how: 'auth' }));
    expect(refused).toMatchObject({ kind: 'failed', reason: 'auth', message: 'the key [secret] is refused' });
    const stored = (await connections.list(db.tenantId)).find(({ id }) => id === via.id);
    expect(stored).toMatchObject({ state: 'paused', lastCheck: { ok: false, message: 'the key [secret] is refused' } });
    expect(await door.invoke(call('good.send', via, { text: 'a' }))).toMatchObject({ reason: 'auth', code: 'connection.paused' });
    expect(requests).toHaveLength(0);
    expect(await checks.check(db.tenantId, via.id)).toMatchObject({ state: 'active', lastCheck: { ok: true, account: 'acct' } });
    expect(await door.invoke(call('good.send', via, { text: 'a' }))).toMatchObject({ kind: 'ok' });
  });

  test('ten calls without an answer open the breaker; then nobody is asked', async () => {
    const via = await connection('http', { baseUrl: 'https://api.example.com' });
    answer = (_request, response) => response.writeHead(500).end();
    for (let index = 0; index < 10; index += 1)
      expect(await door.invoke(call('http.call', via, { path: '/' }))).toMatchObject({ kind: 'unknown' });
    expect(await door.invoke(call('http.call', via, { path: '/' }))).toMatchObject({ kind: 'failed', code: 'connection.breaker-open' });
    expect(requests).toHaveLength(10);
    expect(lanes.of(via).open).toBe(true);
  });

  test('a built-in action runs behind the same checks; what it throws in surprise is unknown', async () => {
    const output = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } as const;
    const spec = {
      title: 'T',
      about: 'T',
      effect: 'once',
      input: { type: 'object', properties: { how: { type: 'string' } } },
      output,
      sample: { n: 1 },
    } as const;
    builtIns.offer(
      { spec: { ...spec, name: 'core.fine' }, run: async () => ok({ n: 1 }) },
      { spec: { ...spec, name: 'core.lies' }, run: async () => ok({ n: 'one' }) },
      {
        spec: { ...spec, name: 'core.throws' },
        run: async () => {
          throw new TypeError('surprise');
        },
      },
      { spec: { ...spec, name: 'core.waits' }, run: () => new Promise(() => undefined) },
    );
    expect(await door.invoke(call('core.fine', undefined, {}))).toMatchObject({ kind: 'ok', value: { n: 1 } });
    const news = { events: ['payment.completed'], path: 'payment.id', value: 'pay_1' };
    builtIns.offer({ spec: { ...spec, name: 'core.goes-on' }, run: async () => stillWaiting('Not yet', 6_000, news) });
    const goesOn = await door.invoke(call('core.goes-on', undefined, {}));
    expect([goesOn, awaitedNews(goesOn)]).toEqual([expect.objectContaining({ code: 'action.waiting', retryAfterMs: 6_000 }), news]);
    expect(await door.invoke(call('core.fine', undefined, { no: 1 }))).toMatchObject({ kind: 'failed', reason: 'input' });
    expect(await door.invoke(call('core.lies', undefined, {}))).toMatchObject({ kind: 'unknown' });
    expect(await door.invoke(call('core.throws', undefined, {}))).toMatchObject({ kind: 'unknown' });
    expect(await door.invoke(call('core.waits', undefined, {}, 100))).toMatchObject({ kind: 'unknown' });
    expect(await door.resolveConnection(db.tenantId, 'core.fine', undefined)).toBeUndefined();
  });
});

describe('a connection', () => {
  test('keeps its secrets sealed in the table and out of what is shown', async () => {
    const via = await good();
    expect(JSON.stringify([via, await connections.list(db.tenantId)])).not.toContain(SECRET);
    const { rows } = await db.ownerPool.query('select settings, secrets from connection where id = $1', [via.id]);
    expect(rows[0].settings).toEqual({ region: 'eu' });
    expect(Buffer.from(rows[0].secrets).includes(SECRET)).toBe(false);
  });

  test('is changed without giving its secrets again', async () => {
    const via = await good();
    await connections.update(db.tenantId, via.id, { settings: { region: 'us' } }, 'test');
    expect(await connections.open(db.tenantId, via.id)).toMatchObject({
      settings: { region: 'us' },
      allSettings: { region: 'us', apiKey: SECRET, webhookSecrets: ['whsec_one_two'] },
      version: 2,
    });
  });

  test.each([
    ['a name with a capital', { name: 'Big', plugin: 'good', settings: { apiKey: 'x' } }, 'connection.name'],
    ['a name that is taken', { name: 'taken', plugin: 'good', settings: { apiKey: 'x' } }, 'connection.name-taken'],
    ['an unknown plugin', { name: 'n', plugin: 'goood', settings: {} }, 'connection.unknown-plugin'],
    ['a missing setting', { name: 'n', plugin: 'good', settings: {} }, 'connection.settings'],
    ['a setting that is not declared', { name: 'n', plugin: 'good', settings: { apiKey: 'x', other: 1 } }, 'connection.settings'],
    ['a setting of the wrong type', { name: 'n', plugin: 'good', settings: { apiKey: 7 } }, 'connection.settings'],
  ])('is refused with %s, and nothing is stored', async (_what, wanted, code) => {
    await connections
      .add(db.tenantId, { name: 'taken', plugin: 'http', mode: 'test', settings: { baseUrl: 'https://api.example.com' } }, 'test')
      .catch(() => undefined);
    const before = (await connections.list(db.tenantId)).length;
    await expect(connections.add(db.tenantId, { ...wanted, mode: 'test' }, 'test')).rejects.toMatchObject({ code });
    expect((await connections.list(db.tenantId)).length).toBe(before);
  });

  test('belongs to its tenant', async () => {
    const via = await good();
    const other = await db.addTenant(`other-${count}`);
    expect(await connections.open(other, via.id)).toBeUndefined();
    expect(await door.invoke({ ...call('good.send', via, { text: 'a' }), tenantId: other })).toMatchObject({
      kind: 'failed',
      code: 'connection.unknown',
    });
    await expect(door.resolveConnection(other, 'good.send', via.name)).rejects.toMatchObject({ code: 'connection.unknown' });
  });

  test('is chosen by name, else as the only one, else as the default', async () => {
    const tenant = await db.addTenant('chooser');
    const add = (name: string, isDefault = false) =>
      connections.add(tenant, { name, plugin: 'good', mode: 'test', settings: { apiKey: 'x' }, isDefault }, 'test');
    await expect(door.resolveConnection(tenant, 'good.send', undefined)).rejects.toMatchObject({ code: 'connection.missing' });
    const one = await add('one');
    expect(await door.resolveConnection(tenant, 'good.send', undefined)).toEqual({ id: one.id, plugin: 'good' });
    const two = await add('two');
    await expect(door.resolveConnection(tenant, 'good.send', undefined)).rejects.toMatchObject({ code: 'connection.ambiguous' });
    expect(await door.resolveConnection(tenant, 'good.send', 'two')).toEqual({ id: two.id, plugin: 'good' });
    await expect(door.resolveConnection(tenant, 'bad.do', 'two')).rejects.toMatchObject({ code: 'connection.does-not-fit' });
    await connections.update(tenant, one.id, { isDefault: true }, 'test');
    expect(await door.resolveConnection(tenant, 'good.send', undefined)).toEqual({ id: one.id, plugin: 'good' });
  });
});

test('the memory for keys is what the plugin says, and none where it takes no payments or is not there', async () => {
  expect(await calls.keyTtlMs((await bad()).id)).toBe(0);
  expect(await calls.keyTtlMs('01900000-0000-7000-8000-0000000000ff')).toBe(0);
  expect(await calls.keyTtlMs((await good()).id)).toBe(3_600_000);
});

describe('a webhook', () => {
  const delivery = (headers: Record<string, string>) => ({
    method: 'POST',
    url: 'https://x/',
    headers,
    body: new TextEncoder().encode('evt_ü'),
    receivedAt: 1,
  });

  test('is verified on its bytes and translated by the plugin of its connection', async () => {
    const via = await calls.findWebhookConnection('good', (await good()).id);
    if (!via) throw new Error('not found');
    expect(await calls.verify(via, delivery({ 'x-signature': 'right' }))).toEqual({ ok: true, eventId: 'evt_ü' });
    expect(await calls.verify(via, delivery({}))).toEqual({ ok: false, reason: 'signature-mismatch' });
    expect(await calls.translate(via, delivery({}))).toEqual([{ kind: 'payment', type: 'paid', providerId: 'p1' }]);
  });

  test('may not call out while it is verified', async () => {
    const via = await calls.findWebhookConnection('good', (await good()).id);
    if (!via) throw new Error('not found');
    await expect(calls.verify(via, delivery({ 'x-call-out': '1', 'x-signature': 'right' }))).rejects.toMatchObject({
      code: 'plugin.unavailable',
    });
    expect(requests).toHaveLength(0);
  });

  test('may call out while it is translated, and what goes wrong then is said without secrets', async () => {
    const via = await calls.findWebhookConnection('good', (await good()).id);
    if (!via) throw new Error('not found');
    expect(await calls.translate(via, delivery({ 'x-call-out': '1' }))).toHaveLength(1);
    expect(requests.map(({ url }) => url)).toEqual(['/look-up']);
    answer = (_request, response) => response.writeHead(500).end();
    const wrong = calls.translate(via, delivery({ 'x-call-out': '1' }));
    await expect(wrong).rejects.toMatchObject({ code: 'plugin.unavailable', message: expect.stringMatching(/looked up with .*: 500/) });
    await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining(SECRET) });
  });

  test('finds no connection of another plugin, a disabled one, or one that is not there', async () => {
    const via = await good();
    expect(await calls.findWebhookConnection('bad', via.id)).toBeUndefined();
    expect(await calls.findWebhookConnection('good', '01900000-0000-7000-8000-0000000000ff')).toBeUndefined();
    expect(await calls.findWebhookConnection('good', 'nonsense')).toBeUndefined();
    await connections.update(db.tenantId, via.id, { state: 'disabled' }, 'test');
    expect(await calls.findWebhookConnection('good', via.id)).toBeUndefined();
  });
});
