/** Repair: dead letters, bulk jobs, replay, and runs that go on with another revision. */
import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { BulkJobsController } from './bulk-jobs.controller.ts';
import { BulkJobs } from './bulk-jobs.service.ts';
import { BulkPlanner } from './bulk-planner.ts';
import { BulkWorker } from './bulk-worker.ts';
import { DeadLettersController } from './dead-letters.controller.ts';
import { DeadLetters } from './dead-letters.service.ts';
import { FailureCollector } from './failure-collector.ts';
import { MovableController } from './movable.controller.ts';
import { MovableRuns } from './movable-runs.ts';
import { Recordings } from './recordings.ts';
import { RecordingsController } from './recordings.controller.ts';

@Module({})
export class RepairModule {
  /**
   * Needs `Database`, `EnginePool`, `ActionDoor`, `Audit`, `Config` and `CLOCK` from global modules.
   *
   * @param imports modules that export `FlowCatalogue` and `RunEngine`
   * @param options.engine whether this process works on bulk jobs and collects failures
   */
  static over(imports: NonNullable<ModuleMetadata['imports']>, options: { readonly engine: boolean }): DynamicModule {
    return {
      module: RepairModule,
      imports,
      controllers: [DeadLettersController, BulkJobsController, MovableController, RecordingsController],
      providers: [DeadLetters, BulkJobs, BulkPlanner, MovableRuns, Recordings, ...(options.engine ? [BulkWorker, FailureCollector] : [])],
      exports: [MovableRuns],
    };
  }
}
