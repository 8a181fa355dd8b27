import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { until } from '../../../test/support/until.ts';
import { defineErrors } from '../../kernel/errors.ts';
import { sampleApp, type SampleApp } from '../http/test-app/sample-app.ts';
import { createLog } from './log.ts';
import { isLoopback } from './loopback.ts';
import { maskEmail, maskPhone } from './mask.ts';
import { Metrics } from './metrics.ts';
import { MetricsServer } from './metrics-server.ts';
import { Readiness } from './readiness.ts';

describe('health', () => {
  let sample: SampleApp;
  beforeAll(async () => {
    sample = await sampleApp();
  });
  afterAll(() => sample.close());

  test('live says nothing but that the process turns', async () => {
    expect((await sample.app.inject('/health/live')).json()).toEqual({ status: 'live' });
  });

  test('ready follows the start, its checks and the stop', async () => {
    const readiness = sample.app.get(Readiness);
    const ready = async () => (await sample.app.inject('/health/ready')).statusCode;
    expect(await ready()).toBe(503);
    readiness.opened();
    expect(await ready()).toBe(200);
    let works = true;
    readiness.check('part', () => (works ? Promise.resolve() : Promise.reject(new Error('away'))));
    works = false;
    const failing = await sample.app.inject('/health/ready');
    expect([failing.statusCode, failing.json()]).toEqual([503, { ready: false, state: 'ready', checks: { part: 'failing' } }]);
    works = true;
    expect(await ready()).toBe(200);
    readiness.stopping();
    readiness.opened();
    expect(await ready()).toBe(503);
  });

  test('metrics are served to this machine, and to nobody else at this port', async () => {
    await sample.app.inject('/health/live');
    const text = (await sample.app.inject('/metrics')).body;
    expect(text).toContain('kassaflow_http_request_duration_seconds_count{method="GET",route="/health/live",status="2xx"}');
    const remote = await sample.app.inject({ url: '/metrics', remoteAddress: '203.0.113.7' });
    expect([remote.statusCode, remote.json<{ code: string }>().code]).toEqual([404, 'request.not-found']);
  });

  test('metrics have a port of their own where it is asked for', async () => {
    const port = await sample.app.get(MetricsServer).listen(0);
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect([answer.status, (await answer.text()).includes('kassaflow_runs_started_total')]).toEqual([200, true]);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  });

  test('every metric has our prefix, a help text and only labels with few values', async () => {
    const all = await sample.app.get(Metrics).registry.getMetricsAsJSON();
    expect(all.length).toBeGreaterThan(10);
    for (const { name, help } of all) expect([name, help.length >= 10]).toEqual([expect.stringMatching(/^kassaflow_[a-z_]+$/), true]);
    const few = [
      'method',
      'route',
      'status',
      'type',
      'code',
      'flow',
      'action',
      'outcome',
      'provider',
      'state',
      'currency',
      'result',
      'connection',
    ];
    for (const metric of sample.app.get(Metrics).registry.getMetricsAsArray()) {
      const { labelNames } = metric as unknown as { labelNames: string[] };
      expect(few).toEqual(expect.arrayContaining(labelNames));
    }
  });
});

test('a stop lets a request under way end, refuses readiness meanwhile, and then closes', async () => {
  const sample = await sampleApp();
  let finish: (() => void) | undefined;
  let called = false;
  sample.state.handler = () => {
    called = true;
    return new Promise((resolve) => (finish = () => resolve({ done: true })));
  };
  await sample.app.listen(0, '127.0.0.1');
  sample.app.get(Readiness).opened();
  const { port } = sample.app.getHttpServer().address() as AddressInfo;
  const response = once(get({ port, path: '/v1/samples/slow' }), 'response') as Promise<[IncomingMessage]>;
  await until(
    () => called,
    () => 'the request did not arrive',
  );
  const closed = sample.close();
  await until(
    async () => !(await sample.app.get(Readiness).report()).ready,
    () => 'still ready',
  );
  finish?.();
  const [answer] = await response;
  expect(answer.statusCode).toBe(200);
  answer.resume();
  await closed;
});

describe('the log', () => {
  const errors = defineErrors('log-test', { bad: { status: 500, title: 'Bad', remedy: 'never' } });

  function lines(write: (log: ReturnType<typeof createLog>) => void): string {
    const written: string[] = [];
    write(createLog('info', { write: (line) => void written.push(line) }));
    return written.join('');
  }

  test('no planted secret gets through an object, an error or its cause', () => {
    const canary = 'canary-7f3a';
    const key = `kf_live_01jd3k4m5n6p7q8r9s0t1v2w3x_${'ab'.repeat(36)}`;
    const inner = Object.assign(new Error(`connect postgresql://kassa:${canary}@db/x`), { detail: `Key (email)=(${canary}) exists` });
    const text = lines((log) => {
      log.info(
        {
          password: canary,
          connection: { secrets: canary, settings: { token: canary } },
          req: { headers: { authorization: canary, cookie: canary } },
        },
        'x',
      );
      log.error({ err: errors.bad({}, { cause: inner }) }, 'y');
      log.error({ err: Object.assign(new Error('refused'), { config: { headers: { authorization: canary } } }) });
      log.warn({ err: new Error(`bad key ${key}`), customer: { email: canary, phone: canary } });
    });
    expect(text.split('\n')).toHaveLength(5);
    expect(text).not.toContain(canary);
    expect(text).not.toContain('abababab');
    expect(text).toContain('log-test.bad');
  });

  test('one entry is one line, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const text = lines((log) => log.info({ value }, value));
        expect(Buffer.from(text.slice(0, -1)).every((byte) => byte >= 0x20)).toBe(true);
      }),
    );
  });
});

test.each([
  ['+31612345678', '+31•••678'.replace('•••', '••••••')],
  ['0612345678', '061••••678'],
  ['12345', '•••'],
])('the phone number %s is shown as %s', (phone, shown) => {
  expect(maskPhone(phone)).toBe(shown);
});

test.each([
  ['jan.jansen@example.com', 'j•••@example.com'],
  ['nonsense', '•••'],
])('the mail address %s is shown as %s', (email, shown) => {
  expect(maskEmail(email)).toBe(shown);
});

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.0.0.1', false],
  ['::ffff:203.0.113.7', false],
  ['2001:db8::1', false],
  [undefined, false],
])('%s is this machine: %s', (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});
