/** `docs/openapi.json`: what a running Kassaflow answers at `/openapi.json`, made without running one. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { compiled } from './compiled.ts';

/** In preview Nest builds the graph of modules and makes no provider: no database is opened and no plugin started. */
export async function openApiDocument(): Promise<string> {
  const [{ AppModule }, { readConfig }, { MasterKeys }, { createLog }, { Door }, { OpenApi }, { VERSION }] = await Promise.all([
    compiled<typeof import('../../src/app.module.ts')>('app.module.js'),
    compiled<typeof import('../../src/platform/config/read-config.ts')>('platform/config/read-config.js'),
    compiled<typeof import('../../src/platform/secrets/master-keys.ts')>('platform/secrets/master-keys.js'),
    compiled<typeof import('../../src/platform/observability/log.ts')>('platform/observability/log.js'),
    compiled<typeof import('../../src/platform/http/door.ts')>('platform/http/door.js'),
    compiled<typeof import('../../src/platform/http/openapi.ts')>('platform/http/openapi.js'),
    compiled<typeof import('../../src/version.ts')>('version.js'),
  ]);
  const module = AppModule.of({
    config: readConfig({}, '/'),
    address: { host: 'nowhere.invalid', port: 5432, database: 'none' },
    masterKeys: new MasterKeys(Buffer.alloc(32)),
    log: createLog('silent'),
  });
  const app = await NestFactory.create(module, new Door(), { preview: true, logger: ['error'] });
  const openApi = new OpenApi();
  openApi.describe(app, VERSION);
  return JSON.stringify(openApi.document);
}
