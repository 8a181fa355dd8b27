/** The parts of the conformance kit, each for itself; that it finds what it should is shown in `test/conformance`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { definePlugin, type Plugin, type Schema } from '../src/index.ts';
import { changesBetween, faceOf, isStep } from '../src/testing/manifest-diff.ts';
import { CONFORMANCE_TESTS, openDoor, runConformance, type LocalProvider } from '../src/testing/index.ts';
import { misfit, outsideOfSubset, unmarkedPersonal, unmarkedSecrets } from '../src/testing/schema-rules.ts';
import { Wire, type WireFault } from '../src/testing/wire.ts';

const settings = { type: 'object', required: ['apiKey'], properties: { apiKey: { type: 'string', 'x-secret': true } } } as const;

function pluginWith(more: Partial<Plugin> = {}): Plugin {
  return definePlugin({
    id: 'acme',
    title: 'Acme',
    about: 'x',
    version: '1.4.0',
    api: 1,
    hosts: [],
    connection: { settings, check: async () => ({ ok: true, account: 'Acme', mode: 'test' }) },
    ...more,
  });
}

test('there are 66 tests, in order, each with a sentence', () => {
  const ids = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
  const groups = [ids('M', 12), ids('C', 6), ids('P', 22), ids('W', 12), ids('S', 4), ids('A', 6), ids('T', 4)];
  expect(CONFORMANCE_TESTS.map(({ id }) => id)).toEqual(groups.flat());
  expect(CONFORMANCE_TESTS.filter(({ title }) => title.length < 15)).toEqual([]);
});

describe('schemas', () => {
  const schema = (properties: Schema['properties'], required: readonly string[] = []): Schema => ({ type: 'object', required, properties });

  test.each<[what: string, schema: unknown, problem: string]>([
    ['a keyword of JSON Schema that forms do not know', schema({ a: { type: 'string', oneOf: [] } as never }), '/a has “oneOf”'],
    ['a type that is none', schema({ a: { type: 'text' as never } }), '/a has the type “text”'],
    ['a list of anything', schema({ a: { type: 'array' } }), '/a is a list without items'],
    ['a required field that is not there', schema({}, ['b']), '/ requires “b”, which it does not declare'],
    ['no object', { type: 'string' }, 'the whole is not an object with properties'],
  ])('with %s is outside of the subset', (_what, given, problem) => {
    expect(outsideOfSubset(given as Schema)).toBe(problem);
  });

  test.each<[value: unknown, problem: string | undefined]>([
    [{ to: '+31612345678', amount: { amount: '1.00', currency: 'EUR' }, kind: 'a' }, undefined],
    [{ to: '0612345678' }, '/to is no phone number with its plus'],
    [{}, '/to is missing'],
    [{ to: '+31612345678', kind: 'c' }, '/kind is none of a, b'],
    [{ to: '+31612345678', amount: 1 }, '/amount is no object'],
    [{ to: '+31612345678', more: 1 }, '/more is not declared'],
  ])('find out whether %j fits', (value, problem) => {
    const properties: Schema['properties'] = {
      to: { type: 'string', format: 'phone' },
      amount: { type: 'object', format: 'money' },
      kind: { type: 'string', enum: ['a', 'b'] },
    };
    expect(misfit(schema(properties, ['to']), value)).toBe(problem);
  });

  test('show secrets and personal data by their names', () => {
    const properties: Schema['properties'] = {
      apiKey: { type: 'string' },
      publicKey: { type: 'string' },
      keyId: { type: 'string' },
      webhookSecrets: { type: 'array', items: { type: 'string' }, 'x-secret': true },
      refresh_token: { type: 'string' },
      email: { type: 'string' },
      to: { type: 'string', format: 'phone', 'x-personal': 'phone' },
    };
    expect(unmarkedSecrets(schema(properties))).toEqual(['/apiKey', '/refresh_token']);
    expect(unmarkedPersonal(schema(properties))).toEqual(['/email']);
  });
});

describe('two releases', () => {
  const changed = (more: Partial<Plugin>) => changesBetween(faceOf(pluginWith()), faceOf(pluginWith(more)));

  test('break what was built on the first when something is taken away or asked for anew', () => {
    const asks = { ...settings, required: ['apiKey', 'shop'], properties: { ...settings.properties, shop: { type: 'string' } } } as const;
    expect(changed({ connection: { settings: asks, check: async () => ({ ok: true, account: 'Acme', mode: 'test' }) } })).toEqual({
      breaking: ['settings: shop must be given now'],
      added: ['settings: shop is new'],
    });
    const webhook = { verify: () => ({ ok: false, reason: 'signature-missing' }) as const, translate: () => [] };
    expect(changed({ webhook })).toEqual({ breaking: [], added: ['webhook.translate is new', 'webhook.verify is new'] });
    expect(changesBetween(faceOf(pluginWith({ webhook })), faceOf(pluginWith())).breaking).toHaveLength(2);
  });

  test.each([
    ['1.4.0', '2.0.0', 'major', true],
    ['1.4.0', '1.5.0', 'major', false],
    ['0.4.0', '0.5.0', 'major', true],
    ['1.4.0', '1.5.0', 'minor', true],
    ['1.4.0', '1.4.1', 'minor', false],
    ['1.4.0', '1.4.0', 'none', true],
    ['1.4.0', '1.3.9', 'none', false],
  ] as const)('%s → %s is enough for %s: %s', (before, now, size, enough) => {
    expect(isStep(before, now, size)).toBe(enough);
  });
});

describe('the wire', () => {
  let server: Server | undefined;
  let wire: Wire | undefined;
  let seen = 0;
  afterEach(async () => {
    await wire?.close();
    server?.close();
  });

  async function open(): Promise<Wire> {
    seen = 0;
    server = createServer((_request, response) => {
      seen += 1;
      response.end('{"done":true}');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server?.once('listening', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    wire = new Wire({ 'https://api.acme.test': origin }, /^\/token$/);
    await wire.open();
    return wire;
  }

  const post = (path = '/v1/things') =>
    fetch(`${wire?.url ?? ''}${path}`, { method: 'POST', headers: { 'x-conformance-host': 'api.acme.test' }, body: '{}' }).then(
      async (answer) => `${answer.status} ${await answer.text()}`,
      () => 'broken',
    );

  test.each<[fault: WireFault, answer: string | RegExp, effects: number]>([
    ['drop-before', 'broken', 0],
    ['drop-after', 'broken', 1],
    ['503-before', /^503 /, 0],
    ['500-after', /^500 /, 1],
    ['429', /^429 /, 0],
    ['html-after', /^200 <!doctype html>/, 1],
    ['truncated-after', '200 {"done', 1],
  ])('%s: what comes back is %s, and %i requests reach the provider', async (fault, answer, effects) => {
    const line = await open();
    line.script(fault);
    const came = await post();
    if (typeof answer === 'string') expect(came).toBe(answer);
    else expect(came).toMatch(answer);
    expect(seen).toBe(effects);
    line.mend();
    expect(await post()).toBe('200 {"done":true}');
  });

  test('spares requests for a token, and lets nobody reach a host that is not mapped', async () => {
    const line = await open();
    line.script('drop-before');
    expect(await post('/token')).toBe('200 {"done":true}');
    expect([line.tokens.length, line.changes.length]).toEqual([1, 0]);
    const answer = await fetch(line.url, { headers: { 'x-conformance-host': 'evil.test' } });
    expect(answer.status).toBe(502);
    expect([...line.strangers]).toEqual(['evil.test']);
  });
});

describe('a run', () => {
  const local: LocalProvider = { origins: {}, settings: { apiKey: 'a-key-of-acme' }, close: async () => undefined };
  const subject = (plugin: Plugin) => ({ plugin, folder: import.meta.dirname, start: async () => local });

  test('fails a plugin that never answers, and goes on with the next test', async () => {
    const check = () => new Promise<never>(() => undefined);
    const results = await runConformance(subject(pluginWith({ connection: { settings, check } })), { only: ['C1', 'C4'] });
    expect(results).toMatchObject([
      { id: 'C1', result: 'failed', finding: { expected: 'an answer of connection.check within 4000 ms', came: 'none' } },
      { id: 'C4', result: 'left out', reason: expect.stringContaining('liveKey') },
    ]);
  });

  test('has an end: what comes after its time has failed', async () => {
    const results = await runConformance(subject(pluginWith()), { only: ['C1', 'M1'], budgetMs: 0 });
    expect(results.map(({ result, finding }) => [result, finding?.came])).toEqual([
      ['failed', 'the time was used up before this one'],
      ['failed', 'the time was used up before this one'],
    ]);
  });

  test('compares with the release before', async () => {
    const released = { conformance: 1, reports: [{ plugin: 'acme', face: faceOf(pluginWith()) }] };
    const webhook = { verify: () => ({ ok: false, reason: 'signature-missing' }) as const, translate: () => [] };
    const run = async (more: Partial<Plugin>) => (await runConformance({ ...subject(pluginWith(more)), released }, { only: ['M12'] }))[0];
    expect(await run({})).toMatchObject({ result: 'passed' });
    expect(await run({ webhook, version: '1.5.0' })).toMatchObject({ result: 'passed' });
    expect(await run({ webhook })).toMatchObject({ result: 'failed', finding: { expected: 'a minor step from 1.4.0' } });
  });

  test.each([
    ['<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>', 'passed'],
    ['<svg onload="alert(1)"/>', 'failed'],
    ['<svg><script>1</script></svg>', 'failed'],
    ['<svg><image href="https://evil.test/x.png"/></svg>', 'failed'],
    [`<svg>${' '.repeat(21_000)}</svg>`, 'failed'],
  ])('looks at the icon: %.40s has %s', async (icon, result) => {
    const folder = mkdtempSync(join(tmpdir(), 'kassaflow-kit-icon-'));
    writeFileSync(join(folder, 'icon.svg'), icon);
    const results = await runConformance({ ...subject(pluginWith()), folder }, { only: ['M2'] });
    rmSync(folder, { recursive: true });
    expect(results).toMatchObject([{ result }]);
  });

  test('blames the levers when they throw', async () => {
    const start = () => Promise.reject(new TypeError('no server'));
    const results = await runConformance({ ...subject(pluginWith()), start }, { only: ['C1'] });
    expect(results).toMatchObject([{ result: 'failed', finding: { came: 'TypeError: no server' } }]);
  });
});

test('an open door keeps what is delivered, byte for byte', async () => {
  const door = await openDoor();
  await fetch(door.url, { method: 'POST', headers: { 'x-signature': 's' }, body: '{"a" : "ü"}' });
  const [delivery] = await door.atLeast(1);
  expect(Buffer.from(delivery?.body ?? []).toString('utf8')).toBe('{"a" : "ü"}');
  expect(delivery).toMatchObject({ method: 'POST', url: door.url, headers: { 'x-signature': 's' } });
  await door.close();
});
