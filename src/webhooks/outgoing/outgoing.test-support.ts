/** Endpoints behind the real HTTP door on a fresh database, and a portal: a local server that answers as a test says. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { EventLog } from '../../events/event-log.ts';
import { EventsModule } from '../../events/events.module.ts';
import { systemClock } from '../../kernel/clock.ts';
import { ApiKeys } from '../../platform/auth/api-keys.ts';
import { AuthModule } from '../../platform/auth/auth.module.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Door } from '../../platform/http/door.ts';
import { HttpModule } from '../../platform/http/http.module.ts';
import { prepareHttp } from '../../platform/http/prepare-http.ts';
import { createLog } from '../../platform/observability/log.ts';
import { ObservabilityModule } from '../../platform/observability/observability.module.ts';
import { MasterKeys } from '../../platform/secrets/master-keys.ts';
import { EnvelopeSealer, Sealer } from '../../platform/secrets/sealer.ts';
import { TenancyModule } from '../../platform/tenancy/tenancy.module.ts';
import { EgressRules } from '../../plugin-host/egress/egress-rules.ts';
import { HttpClient } from '../../plugin-host/egress/http-client.ts';
import { PluginHost } from '../../plugin-host/plugin-host.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { TestClock } from '../../../test/support/domain.ts';
import { OutgoingModule } from './outgoing.module.ts';
import { SendWebhooks } from './send-webhooks.ts';

/** What a portal got. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: { readonly id: string; readonly subject?: string; readonly type: string; readonly data?: { readonly n?: number } };
}

/** The status to answer with, and headers; a promise is waited for, `never` holds the answer back for ever. */
export type Answer = (received: Received) => number | 'never' | Promise<number> | { status: number; headers: Record<string, string> };

@Global()
@Module({})
class SurroundingsModule {
  static around(db: TestDatabase, clock: TestClock, egress: { rules: EgressRules; client: HttpClient }): DynamicModule {
    const providers = [
      { provide: Database, useValue: db.database },
      { provide: EnginePool, useValue: db.enginePool },
      { provide: CLOCK, useValue: clock },
      // `web`: the worker is driven by the tests.
      { provide: Config, useValue: { publicUrl: 'https://kassaflow.example', role: 'web' } },
      { provide: Sealer, useValue: new EnvelopeSealer(db.database, new MasterKeys(Buffer.alloc(32, 7))) },
      { provide: PluginHost, useValue: { egress } },
    ];
    const imports = [
      ObservabilityModule.forRoot({ level: 'silent', log: createLog('silent') }),
      EventEmitterModule.forRoot(),
      TenancyModule,
      AuthModule,
      HttpModule,
      EventsModule,
    ];
    return { module: SurroundingsModule, imports: [...imports, OutgoingModule], providers, exports: providers };
  }
}

export type OutgoingApp = Awaited<ReturnType<typeof outgoingApp>>;

export async function outgoingApp() {
  const db = await testDatabase({ poolSize: 20 });
  const clock = new TestClock();
  // The official verifier reads the machine's clock.
  clock.advance(systemClock.now().getTime() - clock.now().getTime());
  const portal = await aPortal();
  const client = new HttpClient();
  const rules = new EgressRules(new Map([1, 2, 3, 4].map((n) => [`https://portal-${n}.example`, portal.origin])));
  const start = async () => {
    const app = await NestFactory.create<NestFastifyApplication>(SurroundingsModule.around(db, clock, { rules, client }), new Door({}), {
      logger: false,
    });
    await prepareHttp(app, { requestsPerMinute: 0, version: '0.0.0' });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return app;
  };
  const app = await start();
  const { secret: key } = await app.get(ApiKeys).create(db.tenantId, { name: 'test', scopes: ['*'] }, 'test');
  const send = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) => {
    const answer = await app.inject({
      method,
      url: `/v1/webhook-endpoints${url}`,
      headers: { authorization: `Bearer ${key}` },
      ...(payload && { payload }),
    });
    const body: Record<string, unknown> = answer.body === '' ? {} : answer.json();
    return { status: answer.statusCode, body };
  };
  const record = async (subject: string, n: number, type = 'custom.sent', extra: object = {}) => {
    await db.database.transact(db.tenantId, (tx) => app.get(EventLog).append(tx, { type, subject, data: { n, ...extra } }));
    await db.allShown();
  };
  const close = async () => {
    await portal.close();
    await app.close();
    await client.close();
    await db.close();
  };
  /** Another process. */
  const another = async () => {
    const second = await start();
    return { sendDue: () => second.get(SendWebhooks).sendDue(), close: () => second.close() };
  };
  return {
    app,
    db,
    clock,
    portal,
    send,
    record,
    another,
    close,
    sendDue: () => app.get(SendWebhooks).sendDue(),
    sweep: () => app.get(SendWebhooks).sweep(),
  };
}

async function aPortal() {
  const received: Received[] = [];
  const state = { answer: (() => 200) as Answer };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const one: Received = { path: request.url ?? '', headers: request.headers, body, event: JSON.parse(body) as Received['event'] };
      received.push(one);
      void Promise.resolve(state.answer(one)).then((answer) => {
        if (answer === 'never') return;
        const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer;
        response.writeHead(status, headers).end();
      });
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answers: (answer: Answer) => (state.answer = answer),
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
