/** Connections behind the real HTTP door, with real plugins in their processes and their providers on this machine. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
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
import { NestLog } from '../../platform/observability/nest-log.ts';
import { ObservabilityModule } from '../../platform/observability/observability.module.ts';
import { MasterKeys } from '../../platform/secrets/master-keys.ts';
import { EnvelopeSealer, Sealer } from '../../platform/secrets/sealer.ts';
import { TenancyModule } from '../../platform/tenancy/tenancy.module.ts';
import { PluginHostModule } from '../plugin-host.module.ts';
import type { ConnectionView } from './connection-view.ts';

const PLUGINS = join(import.meta.dirname, '../../../plugins');

/** The present, and later when a test says so. */
export class LateClock implements Clock {
  #later = 0;

  now(): Date {
    return new Date(Date.now() + this.#later);
  }

  elapsed(): number {
    return performance.now() + this.#later;
  }

  advance(ms: number): void {
    this.#later += ms;
  }
}

@Global()
@Module({})
class Surroundings {
  static around(db: TestDatabase, clock: Clock, config: object, lines: string[]): DynamicModule {
    const providers = [
      { provide: Database, useValue: db.database },
      { provide: EnginePool, useValue: db.enginePool },
      { provide: CLOCK, useValue: clock },
      { provide: Config, useValue: config },
      { provide: Sealer, useFactory: () => new EnvelopeSealer(db.database, new MasterKeys(Buffer.alloc(32, 7))) },
    ];
    const log = createLog('debug', { write: (line: string) => void lines.push(line) });
    return {
      module: Surroundings,
      imports: [ObservabilityModule.forRoot({ level: 'debug', log }), TenancyModule, AuthModule, HttpModule, PluginHostModule],
      providers,
      exports: providers,
    };
  }
}

export type ConnectionsApp = Awaited<ReturnType<typeof connectionsApp>>;

/** @param egressMap origins of providers → servers on this machine */
export async function connectionsApp(plugins: readonly string[], egressMap: Readonly<Record<string, string>>) {
  const pluginsDirectory = mkdtempSync(join(tmpdir(), 'kassaflow-plugins-'));
  for (const id of plugins) cpSync(join(PLUGINS, id), join(pluginsDirectory, id), { recursive: true });
  symlinkSync(join(PLUGINS, '../node_modules'), join(pluginsDirectory, 'node_modules'));
  const db = await testDatabase();
  const clock = new LateClock();
  const lines: string[] = [];
  const config = {
    publicUrl: 'https://kassaflow.example',
    role: 'web',
    pluginsDirectory,
    pluginPackages: [],
    pluginIsolation: 'basic',
    egressMap: new Map(Object.entries(egressMap)),
    egressAllow: [],
    environment: 'production',
    demo: false,
    dataDirectory: pluginsDirectory,
  };
  const app = await NestFactory.create<NestFastifyApplication>(Surroundings.around(db, clock, config, lines), new Door({}), {
    logger: false,
  });
  app.useLogger(app.get(NestLog));
  await prepareHttp(app, { requestsPerMinute: 0, version: '0.0.0' });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const { secret } = await app.get(ApiKeys).create(db.tenantId, { name: 'test', scopes: ['*'] }, 'test');
  const send = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) => {
    const headers = { authorization: `Bearer ${secret}`, 'idempotency-key': newUuid() };
    const answer = await app.inject({ method, url, headers, ...(payload && { payload }) });
    // Whoever asks knows what the route answers.
    return { status: answer.statusCode, text: answer.body, body: (answer.body === '' ? {} : answer.json()) as ConnectionView & Problem };
  };
  const close = async () => {
    await app.close();
    await db.close();
    rmSync(pluginsDirectory, { recursive: true, force: true });
  };
  return { app, db, clock, config, lines, send, close };
}

interface Problem {
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string }[];
}
