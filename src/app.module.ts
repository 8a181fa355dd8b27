/** The composition root: the only file that names every module. */
import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { systemClock } from './kernel/clock.ts';
import { AuthModule } from './platform/auth/auth.module.ts';
import { CLOCK } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import { CHAINED_LOGS } from './chained-logs.ts';
import { ChainModule } from './platform/chain/chain.module.ts';
import { ConfigModule } from './platform/config/config.module.ts';
import type { DatabaseAddress } from './platform/database/database-address.ts';
import { DatabaseModule } from './platform/database/database.module.ts';
import { HousekeepingModule } from './platform/housekeeping/housekeeping.module.ts';
import { HttpModule } from './platform/http/http.module.ts';
import type { Log } from './platform/observability/log.ts';
import { ObservabilityModule } from './platform/observability/observability.module.ts';
import type { Tracer } from './platform/observability/tracing.ts';
import type { MasterKeys } from './platform/secrets/master-keys.ts';
import { StorageModule } from './platform/storage/storage.module.ts';
import { SecretsModule } from './platform/secrets/secrets.module.ts';
import { TenancyModule } from './platform/tenancy/tenancy.module.ts';
import { EventsHttpModule, LogIntakeModule } from './events/events-http.module.ts';
import { EventsModule } from './events/events.module.ts';
import { GuardsModule } from './guards/guards.module.ts';
import { PluginHostModule } from './plugin-host/plugin-host.module.ts';
import { FlowsHttpModule } from './flows/flows-http.module.ts';
import { FlowsModule } from './flows/flows.module.ts';
import { PublishedFlows } from './flows/published-flows.ts';
import { housekeepingTasks, PARTITIONED_TABLES } from './retention.ts';
import { RepairModule } from './runs/repair/repair.module.ts';
import { RunsModule } from './runs/runs.module.ts';
import { domainEntities } from './domain/domain.entities.ts';
import { DomainModule } from './domain/domain.module.ts';
import { OutgoingModule } from './webhooks/outgoing/outgoing.module.ts';
import { WebhooksModule } from './webhooks/webhooks.module.ts';

/** What exists before the application does. */
export interface AppParts {
  readonly config: Config;
  readonly address: DatabaseAddress;
  readonly masterKeys: MasterKeys;
  readonly log: Log;
  /** Absent where nobody collects traces. */
  readonly tracer?: Tracer | undefined;
}

/** The system's clock for every module; tests of single modules bring their own. */
@Module({ providers: [{ provide: CLOCK, useValue: systemClock }], exports: [CLOCK] })
class ClockModule {}

@Module({})
export class AppModule implements OnModuleInit {
  constructor(private readonly publishedFlows: PublishedFlows) {}

  /** The root comes last: plugins and built-in actions are there, and no event has been taken or delivered yet. */
  async onModuleInit(): Promise<void> {
    await this.publishedFlows.start();
  }

  /** `web` answers requests and only appends events, `worker` also moves runs, `all` is both. */
  static of({ config, address, masterKeys, log, tracer }: AppParts): DynamicModule {
    const engine = config.role !== 'web';
    const runs = RunsModule.over([FlowsModule], { engine });
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config),
        { module: ClockModule, global: true },
        ObservabilityModule.forRoot({ level: config.logLevel, log, tracer }),
        EventEmitterModule.forRoot(),
        DatabaseModule.on({
          address,
          entities: [...domainEntities],
          poolSize: config.databasePool,
          onConnectionError: (error) => log.warn({ err: error }, 'a database connection was lost'),
        }),
        SecretsModule.with(masterKeys),
        TenancyModule,
        AuthModule,
        HttpModule,
        ChainModule.over({ address, directory: config.dataDirectory, logs: CHAINED_LOGS }),
        StorageModule.watching(config.database ? undefined : config.dataDirectory),
        HousekeepingModule.doing({ address, tables: PARTITIONED_TABLES, tasks: housekeepingTasks(config) }),
        EventsModule,
        PluginHostModule,
        GuardsModule,
        FlowsModule,
        FlowsHttpModule,
        runs,
        RepairModule.over([FlowsModule, runs], { engine }),
        DomainModule,
        WebhooksModule,
        OutgoingModule,
        EventsHttpModule.takingEventsBy(engine ? runs : LogIntakeModule),
      ],
    };
  }
}
