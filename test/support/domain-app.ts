/** The domain and the webhook door behind the real HTTP door, on a fresh database, with a scripted provider instead of plugins. */
import { EventEmitter2 } from '@nestjs/event-emitter';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { domainEntities } from '../../src/domain/domain.entities.ts';
import { DomainModule } from '../../src/domain/domain.module.ts';
import { EventLog } from '../../src/events/event-log.ts';
import { EventReader } from '../../src/events/event-reader.ts';
import { EventsHttpModule, LogIntakeModule } from '../../src/events/events-http.module.ts';
import { LiveEvents } from '../../src/events/live-events.ts';
import { LiveStatus } from '../../src/events/live-status.ts';
import { SubjectReaders } from '../../src/events/subject-readers.ts';
import { idOf, newUuid } from '../../src/kernel/ids.ts';
import { ApiKeys } from '../../src/platform/auth/api-keys.ts';
import { AuthModule } from '../../src/platform/auth/auth.module.ts';
import { CLOCK } from '../../src/platform/clock.ts';
import { Config } from '../../src/platform/config/config.ts';
import { EnginePool } from '../../src/platform/database/engine-pool.ts';
import { Database } from '../../src/platform/database/transaction.ts';
import { Door } from '../../src/platform/http/door.ts';
import { HttpModule } from '../../src/platform/http/http.module.ts';
import { prepareHttp } from '../../src/platform/http/prepare-http.ts';
import { createLog } from '../../src/platform/observability/log.ts';
import { ObservabilityModule } from '../../src/platform/observability/observability.module.ts';
import { MasterKeys } from '../../src/platform/secrets/master-keys.ts';
import { EnvelopeSealer, Sealer } from '../../src/platform/secrets/sealer.ts';
import { TenancyModule } from '../../src/platform/tenancy/tenancy.module.ts';
import { BuiltInActions } from '../../src/plugin-host/built-in-actions.ts';
import { ConnectionNews } from '../../src/plugin-host/connections/connection-news.ts';
import { ConnectionUses } from '../../src/plugin-host/connections/connection-uses.ts';
import { DeliveryReaders } from '../../src/plugin-host/delivery-readers.ts';
import { ProviderCalls } from '../../src/plugin-host/provider-calls.ts';
import { WebhooksModule } from '../../src/webhooks/webhooks.module.ts';
import { testDatabase, type TestDatabase } from './database.ts';
import { addConnection, TestClock } from './domain.ts';
import { ScriptedProvider } from './scripted-provider.ts';

@Global()
@Module({})
class SurroundingsModule {
  static around(db: TestDatabase, clock: TestClock, provider: ScriptedProvider): DynamicModule {
    const providers = [
      { provide: Database, useValue: db.database },
      { provide: EnginePool, useValue: db.enginePool },
      { provide: CLOCK, useValue: clock },
      // `web`: the workers are driven by the tests, so that each moment is theirs to choose.
      {
        provide: Config,
        useValue: { publicUrl: 'https://kassaflow.example', role: 'web', captureNoticeMs: 48 * 3_600_000, receiptPageDays: 800 },
      },
      { provide: EventEmitter2, useFactory: () => new EventEmitter2() },
      EventLog,
      { provide: ProviderCalls, useValue: provider },
      { provide: Sealer, useFactory: () => new EnvelopeSealer(db.database, new MasterKeys(Buffer.alloc(32, 7))) },
      EventReader,
      LiveEvents,
      LiveStatus,
      SubjectReaders,
      BuiltInActions,
      ConnectionNews,
      ConnectionUses,
      DeliveryReaders,
    ];
    const log = createLog('silent');
    return {
      module: SurroundingsModule,
      imports: [
        ObservabilityModule.forRoot({ level: 'silent', log }),
        TenancyModule,
        AuthModule,
        HttpModule,
        DomainModule,
        WebhooksModule,
        EventsHttpModule.takingEventsBy(LogIntakeModule),
      ],
      providers,
      exports: providers,
    };
  }
}

export type DomainApp = Awaited<ReturnType<typeof domainApp>>;

/** One connection `pay` of the plugin `acme` exists, and a key for everything. */
export async function domainApp() {
  const db = await testDatabase({ entities: domainEntities, poolSize: 10 });
  const clock = new TestClock();
  const provider = new ScriptedProvider(clock);
  const app = await NestFactory.create<NestFastifyApplication>(SurroundingsModule.around(db, clock, provider), new Door({}), {
    logger: false,
  });
  await prepareHttp(app, { requestsPerMinute: 0, version: '0.0.0' });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const connectionId = await addConnection(db, 'pay', 'acme');
  provider.connections.set(connectionId, { tenantId: db.tenantId, connectionId, plugin: 'acme', mode: 'test' });
  const { secret } = await app.get(ApiKeys).create(db.tenantId, { name: 'test', scopes: ['*'] }, 'test');
  /** A JSON request with the key, and with an Idempotency-Key of its own where none is given. */
  const send = async (method: 'GET' | 'POST' | 'PATCH' | 'PUT', url: string, payload?: object, headers: Record<string, string> = {}) => {
    const auth = { authorization: `Bearer ${secret}`, 'idempotency-key': newUuid() };
    const answer = await app.inject({ method, url, headers: { ...auth, ...headers }, ...(payload && { payload }) });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, unknown>>() };
  };
  /** A delivery at the webhook door, signed unless `headers` say otherwise. */
  const deliver = async (
    body: string | Buffer,
    headers: Record<string, string | string[]> = { 'x-signature': 'good' },
    path = `/webhooks/acme/${idOf('con', connectionId)}`,
  ) => {
    const answer = await app.inject({
      method: 'POST',
      url: path,
      payload: body,
      headers: { 'content-type': 'application/json', ...headers },
    });
    return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
  };
  const close = async () => {
    await app.close();
    await db.close();
  };
  return { app, db, clock, provider, connectionId, send, deliver, close };
}
