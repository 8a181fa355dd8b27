/** Runs: the engine, when this process has one, and what people see of runs. */
import {
  Inject,
  Module,
  type DynamicModule,
  type ModuleMetadata,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import type { Clock } from '../kernel/clock.ts';
import { CLOCK } from '../platform/clock.ts';
import { Config } from '../platform/config/config.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { Tracing } from '../platform/observability/tracing.ts';
import { Gate } from '../guards/gate.ts';
import { Parking } from '../guards/parking.ts';
import { ActionDoor } from '../plugin-host/action-call.ts';
import { BuiltInActions } from '../plugin-host/built-in-actions.ts';
import { Dispatcher } from '../events/dispatcher.ts';
import { EVENTS_RECORDED } from '../events/event-hints.ts';
import { EventIntake } from '../events/event-intake.ts';
import { SubjectReaders } from '../events/subject-readers.ts';
import { FlowCatalogue } from '../flows/flow-catalogue.ts';
import { PublishTests } from '../flows/publish-tests.ts';
import { TriggerIndex } from '../flows/trigger-index.ts';
import { AbsentRunEngine } from './absent-run-engine.ts';
import { DryRunController } from './flow-tests/dry-run.controller.ts';
import { DryRuns } from './flow-tests/dry-run.service.ts';
import { testsOfAText } from './flow-tests/tests-of-a-text.ts';
import { LiveRuns } from './operations/live-runs.ts';
import { RunCommandsController } from './operations/run-commands.controller.ts';
import { RunsController } from './operations/runs.controller.ts';
import { BothWatch } from './observability/both-watch.ts';
import { CountedGate } from './observability/counted-gate.ts';
import { gaugesOfEngine, RunCounts } from './observability/run-counts.ts';
import { RunGauges } from './observability/run-gauges.ts';
import { StatusController } from './observability/status.controller.ts';
import { Status } from './observability/status.service.ts';
import { TracedDoor, TracedRuns } from './observability/traced-runs.ts';
import { Runs } from './operations/runs.service.ts';
import { staffTask } from './operations/staff-task.action.ts';
import { TasksController } from './operations/tasks.controller.ts';
import { CloseTasks } from './operations/close-tasks.service.ts';
import { Tasks } from './operations/tasks.service.ts';
import { PostgresEngine } from './postgres/engine.ts';
import { PostgresIntake } from './postgres/intake.ts';
import { PostgresRunEngine } from './postgres/postgres-run-engine.ts';
import { StartFromLog } from './postgres/start-from-log.ts';
import { RunEngine } from './run-engine.ts';
import { FireSchedules } from './schedules/fire-schedules.ts';
import { PollTriggers } from './schedules/poll-triggers.ts';
import { ReadDeliveries } from './schedules/read-deliveries.ts';
import { TriggerItems } from './schedules/trigger-items.ts';
import { DEFAULT_RUN_SETTINGS, type RunSettings } from './run-settings.ts';

/** Starts the engine when everything it calls is there, and stops it before what it calls goes away. */
@Module({})
class RunEngineModule implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    private readonly engine: PostgresEngine,
    private readonly dispatcher: Dispatcher,
  ) {}

  onModuleInit(): void {
    this.dispatcher.subscribe(new StartFromLog(this.engine));
  }

  /** Runs may wait for what another part of this process has recorded. */
  @OnEvent(EVENTS_RECORDED)
  eventsRecorded(): void {
    this.engine.eventsRecorded();
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.engine.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.engine.drain();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.engine.stop();
  }
}

@Module({})
export class RunsModule implements OnModuleInit {
  constructor(
    @Inject(BuiltInActions) private readonly actions: BuiltInActions,
    private readonly tasks: Tasks,
    private readonly publishTests: PublishTests,
  ) {}

  /**
   * @param imports modules that export `Dispatcher`, `SubjectReaders`, `EventLog`, `FlowCatalogue`, `TriggerIndex`, `Flows` and `PublishTests`
   * @param options.engine whether this process runs flows; then `EventIntake` is exported as well
   * @param options.settings in place of the defaults, for tests
   */
  static over(
    imports: NonNullable<ModuleMetadata['imports']>,
    options: { readonly engine: boolean; readonly settings?: Partial<RunSettings> },
  ): DynamicModule {
    const engine: DynamicModule = {
      module: RunEngineModule,
      imports,
      providers: [
        {
          provide: PostgresEngine,
          inject: [EnginePool, ActionDoor, SubjectReaders, TriggerIndex, FlowCatalogue, CLOCK, Config, Metrics, Gate, Parking, Tracing],
          useFactory: (
            pool: EnginePool,
            door: ActionDoor,
            subjects: SubjectReaders,
            index: TriggerIndex,
            catalogue: FlowCatalogue,
            clock: Clock,
            config: Config,
            metrics: Metrics,
            gate: Gate,
            parking: Parking,
            { tracer }: Tracing,
          ) => {
            const counts = new RunCounts(metrics, clock);
            const traces = tracer && new TracedRuns(tracer, clock);
            return observed(
              new PostgresEngine({
                pool,
                door: traces ? new TracedDoor(door, traces) : door,
                subjects,
                index,
                catalogue,
                clock,
                settings: { ...settingsFrom(config), ...options.settings },
                gate: new CountedGate(gate, metrics),
                parking,
                watch: traces ? new BothWatch(counts, traces) : counts,
              }),
              metrics,
            );
          },
        },
        PostgresIntake,
        FireSchedules,
        TriggerItems,
        PollTriggers,
        ReadDeliveries,
        { provide: EventIntake, useExisting: PostgresIntake },
        { provide: RunEngine, useClass: PostgresRunEngine },
      ],
      exports: [PostgresEngine, EventIntake, RunEngine],
    };
    return {
      module: RunsModule,
      imports: options.engine ? [...imports, engine] : imports,
      controllers: [RunsController, RunCommandsController, TasksController, DryRunController, StatusController],
      providers: [
        LiveRuns,
        Runs,
        Tasks,
        CloseTasks,
        DryRuns,
        RunGauges,
        Status,
        ...(options.engine ? [] : [{ provide: RunEngine, useClass: AbsentRunEngine }]),
      ],
      exports: options.engine ? [Runs, Tasks, engine] : [Runs, Tasks, RunEngine],
    };
  }

  onModuleInit(): void {
    this.actions.offer(staffTask(this.tasks));
    this.publishTests.offer(testsOfAText);
  }
}

function settingsFrom({ leaseMs, flushLanes, maxInFlight, publicUrl, askAgainMs }: Config): RunSettings {
  const { unknownScheduleMs: usual } = DEFAULT_RUN_SETTINGS;
  // The pauses after the first grow as they usually do.
  const unknownScheduleMs = usual.map((ms) => Math.round((ms * askAgainMs) / (usual[0] ?? askAgainMs)));
  return { ...DEFAULT_RUN_SETTINGS, leaseMs, lanes: flushLanes, maxInFlight, publicUrl, unknownScheduleMs };
}

function observed(engine: PostgresEngine, metrics: Metrics): PostgresEngine {
  gaugesOfEngine(metrics, engine);
  return engine;
}
