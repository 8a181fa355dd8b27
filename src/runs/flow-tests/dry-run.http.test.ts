import { EventEmitter2 } from '@nestjs/event-emitter';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { systemClock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { ApiKeys } from '../../platform/auth/api-keys.ts';
import { AuthModule } from '../../platform/auth/auth.module.ts';
import { CLOCK } from '../../platform/clock.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Door } from '../../platform/http/door.ts';
import { HttpModule } from '../../platform/http/http.module.ts';
import { prepareHttp } from '../../platform/http/prepare-http.ts';
import { createLog } from '../../platform/observability/log.ts';
import { ObservabilityModule } from '../../platform/observability/observability.module.ts';
import { TenancyModule } from '../../platform/tenancy/tenancy.module.ts';
import { ActionDoor } from '../../plugin-host/action-call.ts';
import { EventLog } from '../../events/event-log.ts';
import { EventReader } from '../../events/event-reader.ts';
import { FlowsHttpModule } from '../../flows/flows-http.module.ts';
import { FlowsModule } from '../../flows/flows.module.ts';
import { PublishTests } from '../../flows/publish-tests.ts';
import { fullVocabulary } from '../../flows/test/full-vocabulary.ts';
import { DryRunController } from './dry-run.controller.ts';
import { DryRuns } from './dry-run.service.ts';
import { testsOfAText } from './tests-of-a-text.ts';
import { sampleOf } from './samples/samples.ts';

/** The routes behind the real door, with the log and the published flows of a real database, and a list of actions in place of plugins. */
@Global()
@Module({})
class SurroundingsModule {
  static around({ database, enginePool }: TestDatabase): DynamicModule {
    const providers = [
      { provide: Database, useValue: database },
      { provide: EnginePool, useValue: enginePool },
      { provide: CLOCK, useValue: systemClock },
      { provide: ActionDoor, useValue: { manifests: () => fullVocabulary.actions } },
      EventReader,
    ];
    const imports = [
      ObservabilityModule.forRoot({ level: 'silent', log: createLog('silent') }),
      TenancyModule,
      AuthModule,
      HttpModule,
      FlowsModule,
      FlowsHttpModule,
    ];
    return { module: SurroundingsModule, imports, controllers: [DryRunController], providers: [...providers, DryRuns], exports: providers };
  }
}

const flow = (text: string) => `kassaflow: 1
flow: receipt
on: payment.completed
one-per: payment.id
steps:
  - if: customer.phone != ""
    do: sms.send
    with: { to: =customer.phone, text: "${text}" }
tests:
  - name: a text
    given: { event: payment.completed, sample: invoice-paid }
    expect: { status: completed, steps: [sms.send], with: { sms.send: { text: Thanks } } }
`;

let db: TestDatabase;
let app: NestFastifyApplication;
let key: string;
let recorded: readonly string[];

beforeAll(async () => {
  db = await testDatabase();
  app = await NestFactory.create<NestFastifyApplication>(SurroundingsModule.around(db), new Door({}), { logger: false });
  await prepareHttp(app, { requestsPerMinute: 0, version: '0.0.0' });
  await app.init();
  app.get(PublishTests, { strict: false }).offer(testsOfAText);
  key = (await app.get(ApiKeys).create(db.tenantId, { name: 'test', scopes: ['*'] }, 'test')).secret;
  const log = new EventLog(systemClock, new EventEmitter2());
  const drafts = Array.from({ length: 100 }, (_, index) => ({
    type: 'payment.completed',
    subject: '',
    data: sampleOf('payment.completed', index % 4 === 0 ? 'no-phone' : 'invoice-paid') ?? {},
  }));
  recorded = (await db.database.transact(db.tenantId, (tx) => log.append(tx, ...drafts))).map(({ id }) => idOf('evt', id));
}, 30_000);
afterAll(async () => {
  await app.close();
  await db.close();
});

async function post(url: string, payload: object) {
  const answer = await app.inject({ method: 'POST', url, payload, headers: { authorization: `Bearer ${key}` } });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

test('publishing answers with what failed in the tests, each with its place', async () => {
  const refused = await post('/v1/flows', { source: flow('Bye') });
  expect([refused.status, refused.body['code']]).toEqual([422, 'flow.tests-failed']);
  expect(refused.body['errors']).toMatchObject([
    { pointer: '/source#line=11', code: 'flow.test-failed', help: 'text\n- "Thanks"\n+ "Bye"' },
  ]);
  expect((await post('/v1/flows', { source: flow('Bye'), skipTests: true })).status).toBe(200);
  expect((await post('/v1/flows', { source: flow('Thanks') })).body['revision']).toBe(2);
});

describe('/v1/flows/dry-run', () => {
  test('tries a text for a recorded event, and for one that is made up', async () => {
    const { body } = await post('/v1/flows/dry-run', { flow: { source: flow('Hi') }, event: { id: recorded[1] } });
    expect(body).toMatchObject({ flow: 'receipt', status: 'completed', steps: [{ step: 'sms.send', input: { text: 'Hi' }, afterMs: 0 }] });
    const made = { type: 'payment.completed', data: sampleOf('payment.completed', 'no-phone') };
    expect((await post('/v1/flows/dry-run', { flow: { flow: 'receipt' }, event: made })).body).toMatchObject({
      status: 'completed',
      steps: [],
    });
  });

  test.each<[what: string, body: () => object, status: number, code: string]>([
    [
      'an event that is none',
      () => ({ flow: { flow: 'receipt' }, event: { type: 'payment.completed', data: {} } }),
      422,
      'dry-run.event-invalid',
    ],
    [
      'an event that is not there',
      () => ({ flow: { flow: 'receipt' }, event: { id: 'evt_01jd3k4m5n6p7q8r9s0t1v2w3z' } }),
      404,
      'id.format',
    ],
    ['a flow that is not there', () => ({ flow: { flow: 'no-such-flow' }, event: { id: recorded[0] } }), 404, 'flow.not-found'],
    ['a text with mistakes', () => ({ flow: { source: 'flow: x' }, event: { id: recorded[0] } }), 422, 'flow.invalid'],
  ])('refuses %s', async (_, body, status, code) => {
    const answer = await post('/v1/flows/dry-run', body());
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  test('a changed flow is compared with the published one over the last hundred events', async () => {
    const { status, body } = await post('/v1/flows/dry-run/compare', {
      before: { flow: 'receipt' },
      after: { source: flow('Thank you') },
      last: 100,
    });
    expect([status, body['events'], body['same']]).toEqual([200, 100, 25]);
    expect(body['differences']).toMatchObject([{ count: 75, changes: [{ kind: 'input', step: 'sms.send' }] }]);
  });
});
