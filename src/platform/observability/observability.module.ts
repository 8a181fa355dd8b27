import { Global, Module, type DynamicModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { HealthController } from './health.controller.ts';
import { createLog, LOG, type Log, type LogLevel } from './log.ts';
import { MetricsServer } from './metrics-server.ts';
import { Metrics } from './metrics.ts';
import { NestLog } from './nest-log.ts';
import { Readiness } from './readiness.ts';
import { Tracing, type Tracer } from './tracing.ts';

export interface ObservabilityOptions {
  readonly level: LogLevel;
  /** Default: a new one that writes to stdout. */
  readonly log?: Log;
  /** Absent where nobody collects traces. */
  readonly tracer?: Tracer | undefined;
}

/** Log, metrics, traces and health, for every module. After creation: `app.useLogger(app.get(NestLog))`. */
@Global()
@Module({})
export class ObservabilityModule {
  static forRoot({ level, log = createLog(level), tracer }: ObservabilityOptions): DynamicModule {
    return {
      module: ObservabilityModule,
      // No routes: pino-http's middleware costs more than a small event does. `http/request-log.ts` logs requests.
      imports: [LoggerModule.forRoot({ pinoHttp: { logger: log, autoLogging: false }, forRoutes: [] })],
      controllers: [HealthController],
      providers: [
        { provide: LOG, useValue: log },
        { provide: Tracing, useValue: new Tracing(tracer) },
        Metrics,
        MetricsServer,
        NestLog,
        Readiness,
      ],
      exports: [LOG, Metrics, MetricsServer, NestLog, Readiness, Tracing],
    };
  }
}
