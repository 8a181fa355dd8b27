/** Flows: the language, publishing, and what the run engine needs of them. */
import { Module } from '@nestjs/common';
import { FlowCatalogue } from './flow-catalogue.ts';
import { FlowVocabulary } from './flow-vocabulary.ts';
import { FlowsDirectory } from './flows-directory.ts';
import { Flows } from './flows.service.ts';
import { PublishTests } from './publish-tests.ts';
import { UpcomingSlots } from './upcoming-slots.ts';
import { PublishedFlows } from './published-flows.ts';
import { TriggerIndex } from './trigger-index.ts';

/**
 * Needs `Database`, `EnginePool`, `CLOCK`, `Audit` and `ActionDoor` from global modules. Whoever starts the application
 * calls `PublishedFlows.start()` once the plugins are loaded, then `FlowsDirectory.follow(tenant, folder)` when flows are
 * files. The routes are in `FlowsHttpModule`.
 */
@Module({
  providers: [
    FlowVocabulary,
    TriggerIndex,
    PublishedFlows,
    { provide: FlowCatalogue, useExisting: PublishedFlows },
    PublishTests,
    Flows,
    FlowsDirectory,
    UpcomingSlots,
  ],
  exports: [FlowVocabulary, TriggerIndex, PublishedFlows, FlowCatalogue, PublishTests, Flows, FlowsDirectory, UpcomingSlots],
})
export class FlowsModule {}
