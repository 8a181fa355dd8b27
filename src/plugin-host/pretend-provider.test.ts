import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { fastify, type FastifyInstance } from 'fastify';
import { until } from '../../test/support/until.ts';
import { EgressRules } from './egress/egress-rules.ts';
import { PretendProvider } from './pretend-provider.ts';
import { routePretendProviders } from './pretend-provider-proxy.ts';
import { TEST_PLUGINS } from './test-host.ts';

const folder = join(TEST_PLUGINS, 'pretend');
const rules = new EgressRules();
let dataDir: string;
let provider: PretendProvider;
let app: FastifyInstance;
let address: string;

beforeAll(async () => {
  Logger.overrideLogger(false);
  dataDir = mkdtempSync(join(tmpdir(), 'kassaflow-pretend-'));
  provider = new PretendProvider(
    'pretend',
    folder,
    { host: 'pretend.kassaflow.test', serve: join(folder, 'serve.ts'), path: '/pretend' },
    { dataDir },
    rules,
  );
  await provider.start();
  app = fastify();
  routePretendProviders(app, { pretendProviders: [provider] });
  address = await app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await app.close();
  await provider.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test('a pretend provider is where plugins find their provider’s host', () => {
  expect(rules.destinationOf(new URL('https://pretend.kassaflow.test/x'))).toEqual({
    origin: provider.origin,
    host: 'pretend.kassaflow.test',
    guarded: false,
  });
});

test.each([
  ['GET', '/pretend', undefined, 'GET /pretend '],
  ['POST', '/pretend/pay/1?a=b', 'x=1', 'POST /pretend/pay/1?a=b x=1'],
])('people reach its pages on our address: %s %s', async (method, path, body, expected) => {
  const response = await fetch(address + path, { method, ...(body === undefined ? {} : { body }) });
  expect([response.status, await response.text()]).toEqual([201, expected]);
});

test('it is started again when it ends, and meanwhile its pages say so', async () => {
  const before = (await fetch(`${address}/pretend`)).headers.get('x-pid');
  expect((await fetch(`${address}/pretend/exit`)).status).toBe(502);
  await until(
    async () => (await fetch(`${address}/pretend`)).status === 201,
    () => 'it is not back',
  );
  expect((await fetch(`${address}/pretend`)).headers.get('x-pid')).not.toBe(before);
});
