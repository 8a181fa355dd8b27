/** The application in this process: database, modules, ready line; and the way back when it is told to stop. */
import 'reflect-metadata';
import { flushCompileCache } from 'node:module';
import { hostname } from 'node:os';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.ts';
import { startDemo } from './demo/demo.ts';
import type { Config } from './platform/config/config.ts';
import { DatabaseHealth } from './platform/database/database-health.ts';
import { databaseErrors } from './platform/database/database-errors.ts';
import { DatabaseServer } from './platform/database/database-server.ts';
import type { EmbeddedPostgres } from './platform/database/embedded/embedded-postgres.ts';
import { postgresLog } from './platform/database/embedded/postgres-log.ts';
import { openPool } from './platform/database/engine-pool.ts';
import { FlowsDirectory } from './flows/flows-directory.ts';
import { Door } from './platform/http/door.ts';
import { prepareHttp } from './platform/http/prepare-http.ts';
import type { Log } from './platform/observability/log.ts';
import { Metrics } from './platform/observability/metrics.ts';
import { MetricsServer } from './platform/observability/metrics-server.ts';
import { NestLog } from './platform/observability/nest-log.ts';
import { Readiness } from './platform/observability/readiness.ts';
import type { Tracer } from './platform/observability/tracing.ts';
import { adoptDataKeys } from './platform/secrets/data-keys.ts';
import { MasterKeys } from './platform/secrets/master-keys.ts';
import { Tenants } from './platform/tenancy/tenants.ts';
import { PluginHost } from './plugin-host/plugin-host.ts';
import { routePretendProviders } from './plugin-host/pretend-provider-proxy.ts';
import { WarmPlugins } from './plugin-host/warm-plugins.ts';
import { VERSION } from './version.ts';

/**
 * Starts everything and resolves at the ready line. SIGINT and SIGTERM stop it cleanly: no new work, what is under way is finished, then
 * our own PostgreSQL.
 *
 * @param embedded our own PostgreSQL, which may be on its way up
 * @throws a {@link KassaflowError} that says what keeps it from starting and what to do
 */
export async function serve(config: Config, log: Log, embedded: Promise<EmbeddedPostgres> | undefined): Promise<void> {
  const server = await (embedded ? DatabaseServer.over(embedded) : DatabaseServer.start(config, postgresLog(log)));
  let app: NestFastifyApplication | undefined;
  try {
    const masterKeys = await openMasterKeys(config, server, log);
    app = await createApp(config, server, masterKeys, log);
    stopOnSignals(app, server, log);
    await app.listen({ host: config.host, port: config.port });
    if (config.metricsPort !== undefined) await app.get(MetricsServer).listen(config.metricsPort);
    const demo = config.demo ? await startDemo(app, config) : [];
    if (config.flows === 'files') await followFlowFiles(app, config, log);
    app.get(Metrics).collectProcess();
    app.get(Readiness).opened();
    // Otherwise it is written when this process ends well, and a killed one starts its successors 0.4 s later each time.
    flushCompileCache();
    process.stdout.write([`Kassaflow is ready at ${config.publicUrl}`, ...demo, ''].join('\n'));
    void app.get(WarmPlugins, { strict: false }).wake();
  } catch (error) {
    await app?.close();
    await server.stop();
    throw error;
  }
}

/** Publishes the files of the flows folder for their tenant, and follows changes of them. */
async function followFlowFiles(app: NestFastifyApplication, config: Config, log: Log): Promise<void> {
  const tenant = await app.get(Tenants, { strict: false }).find(config.flowsTenant);
  if (!tenant) {
    log.info({ tenant: config.flowsTenant }, 'the tenant of the flow files does not exist yet; flows are published through the API');
    return;
  }
  for (const refused of await app.get(FlowsDirectory, { strict: false }).follow(tenant.id, config.flowsDirectory)) {
    log.warn(refused, 'a flow file is not published');
  }
}

async function openMasterKeys(config: Config, server: DatabaseServer, log: Log): Promise<MasterKeys> {
  const masterKeys = MasterKeys.from(config);
  const owner = openPool(server.address, 'owner', 1);
  try {
    const rewrapped = await adoptDataKeys(owner, masterKeys);
    if (rewrapped > 0) log.info({ rewrapped }, 'data keys were wrapped with the current master key');
    return masterKeys;
  } finally {
    await owner.end();
  }
}

async function createApp(config: Config, server: DatabaseServer, masterKeys: MasterKeys, log: Log): Promise<NestFastifyApplication> {
  const tracer = await openTracerFor(config, log);
  const module = AppModule.of({ config, address: server.address, masterKeys, log, tracer });
  const app = await NestFactory.create<NestFastifyApplication>(module, new Door(), { bufferLogs: true, abortOnError: false });
  app.useLogger(app.get(NestLog));
  await prepareHttp(app, {
    requestsPerMinute: config.requestsPerMinute,
    streams: { perKey: config.streamsPerKey, perToken: config.streamsPerToken, perAddress: config.streamsPerAddress },
    version: VERSION,
  });
  const health = app.get(DatabaseHealth);
  app.get(Readiness).check('database', async () => {
    if (!(await health.isReachable())) throw databaseErrors.unavailable();
  });
  await app.init();
  routePretendProviders(app.getHttpAdapter().getInstance(), app.get(PluginHost));
  return app;
}

/** What sends traces is loaded only where somebody collects them. */
async function openTracerFor({ otlpEndpoint, otlpHeaders, otlpPercent }: Config, log: Log): Promise<Tracer | undefined> {
  if (otlpEndpoint === undefined) return undefined;
  const { openTracer } = await import('./platform/observability/open-telemetry.ts');
  return openTracer({
    endpoint: otlpEndpoint,
    headers: JSON.parse(otlpHeaders?.reveal() ?? '{}') as Record<string, string>, // made so by the settings
    ratio: otlpPercent / 100,
    version: VERSION,
    instance: `${hostname()}/${process.pid}`,
    onProblem: (message) => log.warn({ part: 'traces' }, message),
  });
}

function stopOnSignals(app: NestFastifyApplication, server: DatabaseServer, log: Log): void {
  let stopping = false;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    // A second Ctrl-C is impatience, not another command: what is being finished is somebody's money.
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    await app.close();
    await server.stop();
    process.exitCode = 0;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop(signal).catch((error: unknown) => {
        log.error({ err: error }, 'the stop was not clean');
        process.exit(1);
      });
    });
  }
}
