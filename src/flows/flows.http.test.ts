import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { ActionDoor } from '../plugin-host/action-call.ts';
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
import { FlowsHttpModule } from './flows-http.module.ts';
import { fullVocabulary } from './test/full-vocabulary.ts';

/** The routes of flows behind the real door, with a list of actions in place of plugins. */
@Global()
@Module({})
class SurroundingsModule {
  static around({ database, enginePool }: TestDatabase): DynamicModule {
    const providers = [
      { provide: Database, useValue: database },
      { provide: EnginePool, useValue: enginePool },
      { provide: CLOCK, useValue: systemClock },
      { provide: ActionDoor, useValue: { manifests: () => fullVocabulary.actions } },
    ];
    const imports = [
      ObservabilityModule.forRoot({ level: 'silent', log: createLog('silent') }),
      TenancyModule,
      AuthModule,
      HttpModule,
      FlowsHttpModule,
    ];
    return { module: SurroundingsModule, imports, providers, exports: providers };
  }
}

const text = (name: string, reason = 'done') => `kassaflow: 1\nflow: ${name}\non: payment.completed\nsteps:\n  - stop: ${reason}\n`;

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

const keyOf = async (...scopes: GrantedScope[]) => (await app.get(ApiKeys).create(db.tenantId, { name: 'test', scopes }, 'test')).secret;

async function call(method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, headers: Record<string, string> = {}, secret = key) {
  const answer = await app.inject({ method, url, ...(payload && { payload }), headers: { authorization: `Bearer ${secret}`, ...headers } });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, unknown>>() };
}

describe('/v1/flows', () => {
  test('publishes a new flow, shows it, and publishes the next revision over its ETag', async () => {
    const first = await call('PUT', '/v1/flows/http-a', { source: text('http-a') }, { 'if-none-match': '*' });
    expect([first.status, first.body['revision'], first.body['changed']]).toEqual([200, 1, true]);
    const shown = await call('GET', '/v1/flows/http-a');
    expect([shown.body['source'], shown.headers.etag]).toEqual([text('http-a'), first.headers.etag]);
    const second = await call('PUT', '/v1/flows/http-a', { source: text('http-a', 'more') }, { 'if-match': String(shown.headers.etag) });
    expect([second.status, second.body['revision']]).toEqual([200, 2]);
    const late = await call('PUT', '/v1/flows/http-a', { source: text('http-a', 'late') }, { 'if-match': String(shown.headers.etag) });
    expect([late.status, late.body['code']]).toEqual([412, 'flow.changed']);
    expect((await call('GET', '/v1/flows/http-a/revisions/1')).body['source']).toBe(text('http-a'));
    expect((await call('POST', '/v1/flows/http-a/rollback', { revision: 1 })).body['revision']).toBe(3);
  });

  test.each<[what: string, method: 'POST' | 'PUT', url: string, payload: object, status: number, code: string]>([
    ['a change without saying of what', 'PUT', '/v1/flows/http-b', { source: text('http-b') }, 428, 'flow.precondition'],
    ['a text with mistakes', 'POST', '/v1/flows', { source: text('http-b').replace('payment', 'paymnt') }, 422, 'flow.invalid'],
    ['a body with another field', 'POST', '/v1/flows', { source: text('http-b'), force: true }, 422, 'request.unknown-field'],
    ['no text', 'POST', '/v1/flows', {}, 422, 'request.required'],
  ])('refuses %s, and stores nothing', async (_, method, url, payload, status, code) => {
    const answer = await call(method, url, payload);
    const problems = answer.body['errors'] as { code: string }[] | undefined;
    expect([answer.status, [answer.body['code'], ...(problems ?? []).map((problem) => problem.code)].includes(code)]).toEqual([
      status,
      true,
    ]);
    expect((await call('GET', '/v1/flows/http-b')).status).toBe(404);
  });

  test('a text is checked without being published; each problem has its place and a suggestion', async () => {
    const { status, body } = await call('POST', '/v1/flows/check', { source: text('http-c').replace('completed', 'compleeted') });
    expect([status, body['code']]).toEqual([422, 'flow.invalid']);
    expect(body['errors']).toEqual([
      {
        pointer: '/source#line=2',
        code: 'flow.unknown-event',
        detail: 'line 3, column 5: There is no event "payment.compleeted".',
        help: 'did you mean payment.completed?',
      },
    ]);
    expect((await call('POST', '/v1/flows/check', { source: text('http-c') })).body).toEqual({ diagnostics: [] });
    expect((await call('GET', '/v1/flows/http-c')).status).toBe(404);
  });

  test('lists in pages, enables and disables', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) await call('POST', '/v1/flows', { source: text(name) });
    const first = await call('GET', '/v1/flows?limit=2');
    const second = await call('GET', `/v1/flows?limit=200&cursor=${String(first.body['nextCursor'])}`);
    const names = [first, second].flatMap(({ body }) => (body['items'] as { name: string }[]).map(({ name }) => name));
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(['page-a', 'page-b', 'page-c']));
    expect((await call('POST', '/v1/flows/page-a/enabled', { enabled: false })).body['enabled']).toBe(false);
  });

  test('the next ten moments of each schedule can be asked for', async () => {
    const scheduled = text('http-e').replace(
      'on: payment.completed',
      'on: [{ schedule: every 1 h }, { cron: "0 6 * * *", timezone: UTC, missed: skip }]',
    );
    expect((await call('POST', '/v1/flows', { source: scheduled })).status).toBe(200);
    const { body } = await call('GET', '/v1/flows/http-e/schedule');
    expect(body).toEqual({
      enabled: true,
      triggers: [],
      schedules: expect.arrayContaining([
        { cron: '0 * * * *', timeZone: 'Europe/Amsterdam', missed: 'run-once', next: expect.any(Array) },
        { cron: '0 6 * * *', timeZone: 'UTC', missed: 'skip', next: expect.any(Array) },
      ]),
    });
    const [, daily] = (body['schedules'] as { cron: string; next: string[] }[]).toSorted((a, b) => (a.cron < b.cron ? -1 : 1));
    expect(daily?.next).toHaveLength(10);
    expect(daily?.next.every((slot) => slot.endsWith('T06:00:00.000Z'))).toBe(true);
    await call('POST', '/v1/flows/http-e/enabled', { enabled: false });
    expect((await call('GET', '/v1/flows/http-e/schedule')).body).toEqual({ enabled: false, schedules: [], triggers: [] });
    expect((await call('GET', '/v1/flows/no-such-flow/schedule')).status).toBe(404);
  });

  test('a key that may only read cannot publish', async () => {
    const reader = await keyOf('flows:read');
    expect((await call('POST', '/v1/flows', { source: text('http-d') }, {}, reader)).status).toBe(403);
    expect((await call('GET', '/v1/flows/schema', undefined, {}, reader)).status).toBe(200);
  });
});
