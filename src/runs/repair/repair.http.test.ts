import type { AddressInfo } from 'node:net';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { failed } from '@kassaflow/plugin-sdk';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { followed } from '../../events/events.test-support.ts';
import { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import { systemClock } from '../../kernel/clock.ts';
import { idOf, newId } from '../../kernel/ids.ts';
import { ApiKeys } from '../../platform/auth/api-keys.ts';
import { AuthModule } from '../../platform/auth/auth.module.ts';
import { StreamTokens } from '../../platform/auth/stream-tokens.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Door } from '../../platform/http/door.ts';
import { HttpModule } from '../../platform/http/http.module.ts';
import { prepareHttp } from '../../platform/http/prepare-http.ts';
import { createLog } from '../../platform/observability/log.ts';
import { ObservabilityModule } from '../../platform/observability/observability.module.ts';
import { TenancyModule } from '../../platform/tenancy/tenancy.module.ts';
import { ActionDoor } from '../../plugin-host/action-call.ts';
import { call, flow, literal, waitUntil } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { LiveRuns } from '../operations/live-runs.ts';
import { RunCommandsController } from '../operations/run-commands.controller.ts';
import { RunsController } from '../operations/runs.controller.ts';
import { Runs } from '../operations/runs.service.ts';
import { incoming, testEngine, type TestEngine } from '../postgres/engine.test-support.ts';
import { PostgresRunEngine } from '../postgres/postgres-run-engine.ts';
import { RunEngine } from '../run-engine.ts';
import { RepairModule } from './repair.module.ts';

@Module({})
class EngineModule {
  static of(its: TestEngine): DynamicModule {
    const providers = [
      { provide: RunEngine, useValue: new PostgresRunEngine(its.engine) },
      { provide: FlowCatalogue, useValue: its.catalogue },
    ];
    return {
      module: EngineModule,
      controllers: [RunsController, RunCommandsController],
      providers: [...providers, LiveRuns, Runs],
      exports: providers,
    };
  }
}

/** The routes of runs and of repair behind the real door, over an engine of their own. */
@Global()
@Module({})
class SurroundingsModule {
  static around({ database, enginePool }: TestDatabase, its: TestEngine, door: Provider): DynamicModule {
    const providers = [
      { provide: Database, useValue: database },
      { provide: EnginePool, useValue: enginePool },
      { provide: CLOCK, useValue: systemClock },
      { provide: Config, useValue: { publicUrl: 'http://localhost:4400' } },
      { provide: ActionDoor, useValue: door },
    ];
    const imports = [
      ObservabilityModule.forRoot({ level: 'silent', log: createLog('silent') }),
      EventEmitterModule.forRoot(),
      TenancyModule,
      AuthModule,
      HttpModule,
      RepairModule.over([EngineModule.of(its)], { engine: true }),
    ];
    return { module: SurroundingsModule, imports, providers, exports: providers };
  }
}

let db: TestDatabase;
let provider: Provider;
let its: TestEngine;
let app: NestFastifyApplication;
let key: string;

beforeAll(async () => {
  db = await testDatabase({ poolSize: 8 });
  provider = new Provider();
  its = testEngine(db, provider);
  await its.engine.start();
  app = await NestFactory.create<NestFastifyApplication>(SurroundingsModule.around(db, its, provider), new Door({}), { logger: false });
  await prepareHttp(app, { requestsPerMinute: 0, version: '0.0.0' });
  await app.listen(0, '127.0.0.1');
  key = (await app.get(ApiKeys).create(db.tenantId, { name: 'test', scopes: ['*'] }, 'test')).secret;
}, 30_000);
afterAll(async () => {
  await app.close();
  await its.engine.stop();
  await db.close();
});

async function request(method: 'GET' | 'POST', url: string, payload?: object, headers: Record<string, string> = {}) {
  const answer = await app.inject({ method, url, ...(payload && { payload }), headers: { authorization: `Bearer ${key}`, ...headers } });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

/** Starts a run and waits for its status. @returns `run_…` */
async function start(name: string, steps: Parameters<typeof flow>[0], status: string): Promise<string> {
  const published = its.catalogue.add(db.tenantId, flow(steps, { name, triggers: [{ kind: 'event', event: `custom.${name}` }] }));
  await db.ownerPool.query('insert into flow (id, tenant_id, name, title, revision) values ($1, $2, $3, $3, 1)', [
    published.flowId,
    db.tenantId,
    name,
  ]);
  await db.ownerPool.query(
    `insert into flow_revision (flow_id, revision, tenant_id, source, hash, published_by) values ($1, 1, $2, $3, '', 'test')`,
    [published.flowId, db.tenantId, `flow: ${name}, which calls test.keyed`],
  );
  await its.intake.accept(incoming(db.tenantId, { customer: 'Kim' }, { type: `custom.${name}` }));
  let id = '';
  await until(
    async () => {
      const { rows } = await db.ownerPool.query<{ id: string }>('select id from run where flow_id = $1 and status = $2', [
        published.flowId,
        status,
      ]);
      id = rows[0]?.id ?? '';
      return id !== '' && its.engine.load === 0;
    },
    () => `the run of ${name} did not become ${status}`,
  );
  return idOf('run', id);
}

const closed = () => provider.script('test.keyed', () => failed('permanent', 'Journal 90 is closed'));

describe('/v1/runs/:id/…', () => {
  test('a command is given once per Idempotency-Key, is in the audit, and its reason in the timeline', async () => {
    closed();
    const id = await start('skipped', [call('test.keyed')], 'failed');
    const body = { reason: 'booked by hand', output: { by: 'hand' } };
    const once = { 'idempotency-key': 'skip-1' };
    expect(await request('POST', `/v1/runs/${id}/skip`, body, once)).toMatchObject({ status: 200, body: { state: 'done' } });
    expect(await request('POST', `/v1/runs/${id}/skip`, body, once)).toMatchObject({ status: 200, body: { state: 'done' } });
    expect(await request('POST', `/v1/runs/${id}/skip`, { ...body, reason: 'another one', step: '0' }, once)).toMatchObject({
      status: 422,
    });
    await until(
      async () => (await request('GET', `/v1/runs/${id}`)).body['status'] === 'completed',
      () => 'the run did not complete',
    );
    const { body: run } = await request('GET', `/v1/runs/${id}`);
    expect(run['happenings']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ what: 'Skipped the step', why: 'booked by hand', by: expect.stringMatching(/^key\//) }),
      ]),
    );
    expect(run['steps']).toMatchObject([{ step: '0', status: 'skipped', notes: [expect.stringContaining('booked by hand')] }]);
    const { rows } = await db.ownerPool.query(`select action, subject, detail from audit_entry where action = 'run.skip'`);
    expect(rows).toEqual([{ action: 'run.skip', subject: `run/${id}`, detail: { reason: 'booked by hand' } }]);
  });

  test('a command that makes no sense is a 409 with a code and, where there is one, the particular reason', async () => {
    const id = await start('waits', [waitUntil(literal('2999-01-01T00:00:00Z'))], 'waiting');
    expect(await request('POST', `/v1/runs/${id}/retry`, {})).toMatchObject({ status: 409, body: { code: 'runs.not-failed' } });
    expect(await request('POST', `/v1/runs/${id}/move`, {})).toMatchObject({
      status: 409,
      body: { code: 'runs.not-movable', detail: expect.stringContaining('newest revision already') },
    });
    expect(await request('POST', `/v1/runs/${id}/skip`, {})).toMatchObject({ status: 422 });
    expect(await request('GET', `/v1/runs/${id}/movable`)).toMatchObject({ status: 200, body: { movable: false, revision: 1 } });
    expect(await request('GET', '/v1/flows/waits/movable-runs')).toMatchObject({ status: 200, body: { movable: 0, stay: 0 } });
    expect(await request('POST', `/v1/runs/${id}/cancel`, { reason: 'not wanted' })).toMatchObject({ status: 200 });
  });

  test('a run is exported and computed again; masked it says nothing of the customer', async () => {
    const id = await start('recorded', [call('test.keyed', literal({ to: 'Kim Jansen' }))], 'completed');
    expect(await request('POST', `/v1/runs/${id}/replay`, {})).toMatchObject({ status: 200, body: { differences: [], steps: 1 } });
    const open = await request('GET', `/v1/runs/${id}/recording`);
    expect(open.body).toMatchObject({
      format: 'kassaflow-recording/1',
      flow: 'recorded',
      actions: [{ name: 'test.keyed', effect: 'keyed' }],
    });
    expect(JSON.stringify(open.body)).toContain('Kim Jansen');
    const { body } = await request('GET', `/v1/runs/${id}/recording?mask=true`);
    expect(JSON.stringify(body)).not.toContain('Kim');
  });
});

describe('/v1/dead-letters and /v1/bulk-jobs', () => {
  test('an incident is found by what the runs have in common, and mended as one job', async () => {
    closed();
    const id = await start('books', [call('test.keyed')], 'failed');
    let fingerprint = '';
    await until(
      async () => {
        const { body } = await request('GET', '/v1/dead-letters?flow=books');
        fingerprint = (body['items'] as { fingerprint: string }[])[0]?.fingerprint ?? '';
        return fingerprint !== '';
      },
      () => 'the failure was not collected',
    );
    expect(await request('GET', `/v1/dead-letters/${fingerprint}/runs`)).toMatchObject({ status: 200, body: { items: [{ run: id }] } });
    expect(await request('GET', `/v1/runs?fingerprint=${fingerprint}`)).toMatchObject({ body: { items: [{ id }] } });
    expect(await request('GET', `/v1/runs/count?fingerprint=${fingerprint}`)).toMatchObject({ body: { count: 1, more: false } });
    const preview = await request('POST', '/v1/bulk-jobs/preview', { action: 'retry', selection: { fingerprint } });
    expect(preview).toMatchObject({ status: 200, body: { total: 1, plan: { runs: { safe: 1 } } } });
    const job = { preview: preview.body['id'], planVersion: preview.body['planVersion'], reason: 'the journal is open again', rate: 50 };
    expect(await request('POST', '/v1/bulk-jobs', { ...job, planVersion: 'other' }, { 'idempotency-key': 'job-0' })).toMatchObject({
      status: 409,
      body: { code: 'repair.plan-changed' },
    });
    expect(await request('POST', '/v1/bulk-jobs', job, { 'idempotency-key': 'job-1' })).toMatchObject({
      status: 201,
      body: { status: 'running' },
    });
    await until(
      async () => (await request('GET', `/v1/bulk-jobs/${String(preview.body['id'])}`)).body['status'] === 'completed',
      () => 'the job did not end',
    );
    expect(await request('GET', `/v1/bulk-jobs/${String(preview.body['id'])}/runs`)).toMatchObject({
      body: { items: [{ run: id, status: 'done' }] },
    });
  });

  test('a selection of nothing in particular is refused', async () => {
    expect((await request('POST', '/v1/bulk-jobs/preview', { action: 'retry', selection: {} })).status).toBe(422);
  });
});

describe('GET /v1/runs/{id}/events', () => {
  const follow = (id: string, credential = key, last?: string) =>
    followed((app.getHttpServer().address() as AddressInfo).port, `/v1/runs/${id}/events`, credential, last);

  test('gives the run as it is, and again when it has changed, and nothing to who comes back and has missed nothing', async () => {
    const id = await start('followed', [waitUntil(literal('2999-01-01T00:00:00Z'))], 'waiting');
    const first = await follow(id);
    await until(
      () => first.text().includes('"status":"waiting"'),
      () => first.text(),
    );
    const seen = first.lastId();
    const back = await follow(id, key, seen);
    expect((await request('POST', `/v1/runs/${id}/cancel`, { reason: 'not wanted' })).status).toBe(200);
    for (const line of [first, back])
      await until(
        () => line.text().includes('"status":"cancelled"'),
        () => line.text(),
      );
    expect(back.text().match(/event: state/g)).toHaveLength(1);
    expect(back.lastId()).not.toBe(seen);
    first.close();
    back.close();
  });

  test('takes a stream token for this run, and for no other', async () => {
    const [mine, other] = [await start('mine', [], 'completed'), await start('other', [], 'completed')];
    const { secret } = await app.get(StreamTokens).issue(db.tenantId, { purpose: 'follow', about: [`run/${mine}`], lifeMs: 60_000 });
    const line = await follow(mine, secret);
    await until(
      () => line.text().includes('"status":"completed"'),
      () => line.text(),
    );
    line.close();
    const refused = await app.inject({ url: `/v1/runs/${other}/events`, headers: { authorization: `Bearer ${secret}` } });
    expect(refused.statusCode).toBe(403);
    const unknown = await app.inject({ url: `/v1/runs/${newId('run')}/events`, headers: { authorization: `Bearer ${key}` } });
    expect(unknown.statusCode).toBe(404);
  });
});
