import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { ApiKeys } from '../platform/auth/api-keys.ts';
import { AuthModule } from '../platform/auth/auth.module.ts';
import type { GrantedScope } from '../platform/auth/scopes.ts';
import { CLOCK } from '../platform/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { Database } from '../platform/database/transaction.ts';
import { Door } from '../platform/http/door.ts';
import { HttpModule } from '../platform/http/http.module.ts';
import { prepareHttp } from '../platform/http/prepare-http.ts';
import { createLog } from '../platform/observability/log.ts';
import { ObservabilityModule } from '../platform/observability/observability.module.ts';
import { TenancyModule } from '../platform/tenancy/tenancy.module.ts';
import { GuardBook } from './guard-book.ts';
import { GuardSettings } from './guard-settings.ts';
import { GuardsController } from './guards.controller.ts';
import { Switches } from './switches.ts';

/** The routes of guards behind the real door. */
@Global()
@Module({})
class SurroundingsModule {
  static around({ database, enginePool }: TestDatabase): DynamicModule {
    const shared = [
      { provide: Database, useValue: database },
      { provide: EnginePool, useValue: enginePool },
      { provide: CLOCK, useValue: systemClock },
    ];
    const imports = [ObservabilityModule.forRoot({ level: 'silent', log: createLog('silent') }), TenancyModule, AuthModule, HttpModule];
    const providers = [...shared, GuardBook, GuardSettings, Switches];
    return { module: SurroundingsModule, imports, controllers: [GuardsController], providers, exports: shared };
  }
}

let db: TestDatabase;
let app: NestFastifyApplication;
let key: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await NestFactory.create<NestFastifyApplication>(SurroundingsModule.around(db), new Door({}), { logger: false });
  await prepareHttp(app, { requestsPerMinute: 0, version: '0.0.0' });
  await app.init();
  key = await keyOf('*');
}, 30_000);
afterAll(async () => {
  await app.close();
  await db.close();
});

async function keyOf(...scopes: GrantedScope[]): Promise<string> {
  return (await app.get(ApiKeys).create(db.tenantId, { name: 'test', scopes }, 'cli')).secret;
}

function send(method: 'GET' | 'PUT' | 'DELETE', url: string, payload?: object, headers: Record<string, string> = {}) {
  return app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${key}`, ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
}

test('guards are read with their defaults, and replaced by whoever has read them', async () => {
  const before = await send('GET', '/v1/guards');
  expect(before.headers['etag']).toBe('"0"');
  expect(before.json()).toMatchObject({
    own: {},
    rules: { messages: { perReceiver: { cap: 5 } }, charges: { perMethod: { cap: 10, days: 30 } } },
  });
  const change = { messages: { perReceiver: { cap: 3 } } };
  expect((await send('PUT', '/v1/guards', change)).statusCode).toBe(428);
  const changed = await send('PUT', '/v1/guards', change, { 'if-match': '"0"' });
  expect([changed.statusCode, changed.headers['etag']]).toEqual([200, '"1"']);
  expect(changed.json()).toMatchObject({ rules: { messages: { perReceiver: { cap: 3, whenReached: 'stop' } } } });
  expect((await send('PUT', '/v1/guards', change, { 'if-match': '"0"' })).statusCode).toBe(412);
});

test.each([
  [{ budgets: [{ name: 'a', per: 'day' }] }],
  [{ budgets: [{ name: 'a', per: 'day', calls: 1, money: { amount: '1.00', currency: 'EUR' } }] }],
  [{ budgets: [{ name: 'a', per: 'day', money: { amount: '1.001', currency: 'EUR' } }] }],
  [{ budgets: [{ name: 'a', of: 'flow', per: 'day', calls: 1 }] }],
  [{ messages: { perReceiver: { cap: -1 } } }],
  [{ mesages: {} }],
])('what cannot be meant is refused: %j', async (rules) => {
  expect((await send('PUT', '/v1/guards', rules, { 'if-match': '"1"' })).statusCode).toBe(422);
});

test('switches are set, listed in pages and released; a second time changes nothing', async () => {
  for (const target of ['a', 'b']) expect((await send('PUT', `/v1/switches/flow/${target}`, { reason: 'why' })).statusCode).toBe(200);
  expect((await send('PUT', '/v1/switches/tenant', {})).json()).toMatchObject({ level: 'tenant', target: '', parked: 0 });
  expect((await send('PUT', '/v1/switches/flow/a', { reason: 'another' })).json()).toMatchObject({ reason: 'why' });
  const first = (await send('GET', '/v1/switches?limit=2')).json<{ items: { target: string }[]; nextCursor: string }>();
  const second = (await send('GET', `/v1/switches?limit=2&cursor=${first.nextCursor}`)).json<{ items: object[]; nextCursor: null }>();
  expect([...first.items, ...second.items]).toMatchObject([{ target: 'a' }, { target: 'b' }, { level: 'tenant' }]);
  expect((await send('DELETE', '/v1/switches/flow/a')).statusCode).toBe(204);
  expect((await send('DELETE', '/v1/switches/flow/a')).statusCode).toBe(404);
  expect((await send('DELETE', '/v1/switches/tenant')).statusCode).toBe(204);
});

test('whoever may only read guards sets no switch', async () => {
  const reader = { authorization: `Bearer ${await keyOf('guards:read')}` };
  expect((await send('GET', '/v1/guards', undefined, reader)).statusCode).toBe(200);
  expect((await send('PUT', '/v1/switches/tenant', {}, reader)).statusCode).toBe(403);
});
