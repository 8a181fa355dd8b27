/** The routes of the event log behind the real door, on a fresh database: for tests. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { ApiKeys } from '../platform/auth/api-keys.ts';
import { AuthModule } from '../platform/auth/auth.module.ts';
import type { GrantedScope } from '../platform/auth/scopes.ts';
import { CLOCK } from '../platform/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { Database } from '../platform/database/transaction.ts';
import { Door } from '../platform/http/door.ts';
import { HttpModule } from '../platform/http/http.module.ts';
import { prepareHttp } from '../platform/http/prepare-http.ts';
import type { SseLimits } from '../platform/http/sse.ts';
import { createLog } from '../platform/observability/log.ts';
import { ObservabilityModule } from '../platform/observability/observability.module.ts';
import { TenancyModule } from '../platform/tenancy/tenancy.module.ts';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { EventsHttpModule, LogIntakeModule } from './events-http.module.ts';
import { EventsModule } from './events.module.ts';

/** The routes of the event log behind the real door, as in a process without a run engine. */
@Global()
@Module({})
class SurroundingsModule {
  static around({ database, enginePool }: TestDatabase, clock: Clock): DynamicModule {
    const providers = [
      { provide: Database, useValue: database },
      { provide: EnginePool, useValue: enginePool },
      { provide: CLOCK, useValue: clock },
    ];
    const log = createLog('silent');
    const imports = [
      ObservabilityModule.forRoot({ level: 'silent', log }),
      EventEmitterModule.forRoot(),
      TenancyModule,
      AuthModule,
      HttpModule,
    ];
    return {
      module: SurroundingsModule,
      imports: [...imports, EventsModule, EventsHttpModule.takingEventsBy(LogIntakeModule)],
      providers,
      exports: providers,
    };
  }
}

export type EventsApp = Awaited<ReturnType<typeof eventsApp>>;

/** Listens on a port of its own, as in a process without a run engine. */
export async function eventsApp({ clock = systemClock, streams }: { readonly clock?: Clock; readonly streams?: SseLimits } = {}) {
  const db = await testDatabase({ poolSize: 8 });
  const app = await NestFactory.create<NestFastifyApplication>(SurroundingsModule.around(db, clock), new Door({}), { logger: false });
  await prepareHttp(app, { requestsPerMinute: 0, version: '0.0.0', ...(streams && { streams }) });
  await app.listen(0, '127.0.0.1');
  const keyOf = async (tenantId: string, ...scopes: GrantedScope[]) =>
    (await app.get(ApiKeys).create(tenantId, { name: 'test', scopes }, 'test')).secret;
  const stream = (query: string, secret: string, lastEventId?: string, path = '/v1/stream') =>
    followed((app.getHttpServer().address() as AddressInfo).port, path + query, secret, lastEventId);
  const close = async () => {
    await app.close();
    await db.close();
  };
  return { db, app, keyOf, stream, close };
}

/** An open event stream, once its headers have come. */
export async function followed(port: number, path: string, secret: string, lastEventId?: string) {
  const headers = { authorization: `Bearer ${secret}`, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
  const client = httpRequest({ host: '127.0.0.1', port, path, headers });
  let text = '';
  const response = await new Promise<IncomingMessage>((resolve, reject) => client.on('response', resolve).on('error', reject).end());
  response.setEncoding('utf8').on('data', (part) => (text += String(part)));
  response.on('error', () => undefined);
  let isOver = false;
  response.on('close', () => (isOver = true));
  await until(
    () => text.includes('retry:'),
    () => text,
  );
  return {
    text: () => text,
    isOver: () => isOver,
    numbers: () => [...text.matchAll(/^data: (.*)$/gm)].map(([, json]): unknown => JSON.parse(json ?? '').data.n),
    lastId: () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '',
    close: () => void client.destroy(),
  };
}
