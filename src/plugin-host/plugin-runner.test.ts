import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../../test/support/until.ts';
import { DEFAULT_LIMITS } from './plugin-process.ts';
import type { PluginRunner } from './plugin-runner.ts';
import { actionCall, testRunner, type TestRunner } from './test-host.ts';

let provider: Server;
let requests = 0;
let origin = '';
const open: TestRunner[] = [];

beforeAll(async () => {
  provider = createServer((request, response) => {
    requests += 1;
    request
      .resume()
      .on('end', () => response.end(`${request.method} ${request.url} ${request.headers.host} ${request.headers.authorization ?? ''}`));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => provider.once('listening', resolve));
  origin = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
});
afterAll(() => {
  provider.close();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop()));
});

async function start(id: string, options: Parameters<typeof testRunner>[1] = {}): Promise<TestRunner> {
  const started = await testRunner(id, { map: { 'https://api.good.test': origin, 'https://api.bad.test': origin }, ...options });
  open.push(started);
  return started;
}

const doBad = (runner: PluginRunner, how: string, after = false, timeoutMs?: number) =>
  runner.call(actionCall('bad.do', { how, after }, timeoutMs));
/** A process that fills memory does not answer either: on a busy machine it must not be taken for hung before it has filled it. */
const patient = { ...DEFAULT_LIMITS, pingEveryMs: 3_000 };
const isAnswer = ({ kind }: { readonly kind: string }) => kind === 'answer';

describe('a plugin that behaves', () => {
  test('says what it is, and its fetch reaches the provider through the gateway with the provider’s host name', async () => {
    const { runner } = await start('good');
    expect(runner.state).toBe('ready');
    expect(runner.manifest).toMatchObject({
      id: 'good',
      capabilities: ['payments', 'webhook'],
      actions: [{ name: 'good.send', effect: 'lookup' }],
    });
    const result = await runner.call(actionCall('good.send', { text: 'hi' }));
    expect(result).toMatchObject({
      kind: 'answer',
      left: true,
      value: { kind: 'ok', value: { echo: '200 POST /echo?how=fetch api.good.test Bearer key-that-is-secret' } },
    });
  });

  test('reaches the provider through its agent too', async () => {
    const { runner } = await start('good');
    expect(await runner.call(actionCall('good.send', { text: 'hi', how: 'agent' }))).toMatchObject({
      kind: 'answer',
      left: true,
      value: { value: { echo: '200 POST /echo api.good.test ' } },
    });
  });

  test.each([
    ['https://other.example/', 'egress.host-not-listed'],
    ['https://127.0.0.1/', 'egress.host-not-listed'],
    ['https://169.254.169.254/latest/meta-data', 'egress.host-not-listed'],
    ['http://api.good.test/', 'egress.scheme'],
  ])('cannot call %s', async (address, code) => {
    const before = requests;
    const { runner } = await start('good');
    const result = await runner.call(actionCall('good.send', { text: 'hi', how: address }));
    expect(result).toMatchObject({ kind: 'answer', left: false, value: { value: { echo: expect.stringContaining(code) } } });
    expect(requests).toBe(before);
  });

  test('carries a hundred calls at once, each with its own answer', async () => {
    const { runner } = await start('good');
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, index) => runner.call(actionCall('good.send', { text: `t${index}`, how: 'quiet' }))),
    );
    expect(
      results.map((result) => (result.kind === 'answer' ? (result.value as { value: { echo: string } }).value.echo : result.kind)),
    ).toEqual(Array.from({ length: 100 }, (_, index) => `t${index}`));
  });

  test('has no network at all in strict isolation, and still its gateway', async () => {
    const { runner } = await start('good', { isolation: 'strict' });
    expect(await runner.call(actionCall('good.send', { text: 'hi' }))).toMatchObject({ kind: 'answer', left: true });
    const bad = await start('bad', { isolation: 'strict' });
    expect(await doBad(bad.runner, 'call out')).toMatchObject({ value: { value: { echo: 'ENETUNREACH' } } });
  });
});

describe('a plugin that cannot be loaded', () => {
  test.each([
    ['F09 throws', 'throws', 'plugin.load', 'Error: no'],
    ['F09 never resolves', 'hangs', 'plugin.load', 'did not say what it is in time'],
    ['F09 exits', 'exits', 'plugin.load', 'exited with code 4'],
    ['F01 exports something else', 'notplugin', 'plugin.load', 'not made by definePlugin'],
  ])('%s: it is refused, and says why', async (_row, id, code, why) => {
    const { runner } = await start(id, { loadMs: 1_500 });
    expect(runner.state).toBe('refused');
    expect(runner.refusal).toMatchObject({ code });
    expect(runner.refusal?.message).toContain(why);
    expect(await runner.call(actionCall('x.y', {}))).toMatchObject({ kind: 'unavailable' });
  });
});

describe('a plugin that misbehaves in a call', () => {
  test.each([
    ['F09 throws', 'throw', 'threw', 'plugin.threw'],
    ['F10 returns a function', 'function', 'invalid', 'plugin.result'],
    ['F10 returns a cycle', 'cycle', 'invalid', 'plugin.result'],
    ['F10 returns a bigint', 'bigint', 'invalid', 'plugin.result'],
    ['F10 returns 1 MiB and a byte', 'huge', 'invalid', 'plugin.result'],
    ['F14 starts a process', 'spawn', 'threw', 'plugin.denied'],
    ['F14 reads a file of the machine', 'read', 'threw', 'plugin.denied'],
    ['F14 writes a file', 'write', 'threw', 'plugin.denied'],
  ])('%s: the call says so and the process goes on', async (_row, how, kind, code) => {
    const { runner } = await start('bad');
    const pid = runner.pid;
    expect(await doBad(runner, how)).toMatchObject({ kind, code, left: false });
    expect(await doBad(runner, how, true)).toMatchObject({ kind, code, left: true });
    expect(runner.pid).toBe(pid);
  });

  test.each([
    ['F09 exits', 'exit', 'plugin.exit'],
    ['F09 aborts', 'abort', 'plugin.exit'],
    ['F12 blocks its event loop', 'hang', 'plugin.hung'],
    ['F12 fills its heap', 'heap', 'plugin.memory'],
    ['F12 fills memory outside its heap', 'buffers', 'plugin.memory'],
    ['F15 rejects in a timer', 'reject in a timer', 'plugin.exit'],
  ])(
    '%s: the call is answered, a new process follows, and the next call works',
    async (_row, how, code) => {
      const { runner } = await start('bad', how === 'heap' || how === 'buffers' ? { limits: patient } : {});
      const pid = runner.pid;
      expect(await doBad(runner, how, true, 60_000)).toMatchObject({ kind: 'died', code, left: true });
      // On a busy machine the new process may be slow enough to be taken for hung itself: then another one follows.
      let answer: Awaited<ReturnType<typeof doBad>> | undefined;
      await until(
        async () => runner.state === 'ready' && isAnswer((answer = await doBad(runner, 'fine'))),
        () => `it is ${runner.state} and says ${JSON.stringify(answer)}`,
        60_000,
      );
      expect(runner.pid).not.toBe(pid);
    },
    120_000,
  );

  test('a call that never ends is late after its time, and says whether a request left', async () => {
    const { runner } = await start('bad');
    expect(await doBad(runner, 'never', false, 200)).toEqual({ kind: 'late', left: false });
    expect(await doBad(runner, 'never', true, 1_000)).toEqual({ kind: 'late', left: true });
  });

  test('F13 100 MB on its output is cut to 64 KiB a second', async () => {
    const { runner, logged } = await start('bad');
    expect(await doBad(runner, 'print')).toMatchObject({ kind: 'answer' });
    const printed = logged.filter(({ message }) => message === 'plugin output').map(({ facts }) => String(facts['output']).length);
    expect(printed.reduce((sum, one) => sum + one, 0)).toBeLessThan(2 * 1024 * 1024);
  });

  test('it sees no environment of ours', async () => {
    const { runner } = await start('bad');
    expect(await doBad(runner, 'environment')).toMatchObject({ value: { value: { echo: '{}' } } });
  });

  test('five deaths in ten minutes give it a rest', async () => {
    const { runner } = await start('bad');
    for (let death = 1; death <= 5; death += 1) {
      await until(
        () => runner.state === 'ready',
        () => `it is ${runner.state}`,
      );
      await doBad(runner, 'exit');
    }
    expect(runner.state).toBe('broken');
    expect(await doBad(runner, 'fine')).toMatchObject({ kind: 'unavailable', retryAfterMs: expect.any(Number) });
  });
});
