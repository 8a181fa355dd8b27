/** The routes of the event log: `/v1/events`, `/v1/event-types`, `/v1/stream`, `/v1/stream-tokens`, and `/v1/payments/{id}/events` and its like. */
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { EventIntake } from './event-intake.ts';
import { EventsController } from './events.controller.ts';
import { LiveStatusController } from './live-status.controller.ts';
import { LogIntake } from './log-intake.ts';
import { StreamController } from './stream.controller.ts';
import { StreamTokensController } from './stream-tokens.controller.ts';

/** Exports the `EventIntake` that only appends: for a process without a run engine. */
@Module({
  providers: [LogIntake, { provide: EventIntake, useExisting: LogIntake }],
  exports: [EventIntake],
})
export class LogIntakeModule {}

/** Needs `EventsModule` and `StreamTokens` from global modules. */
@Module({})
export class EventsHttpModule {
  /** @param intake a module that exports `EventIntake`: that of the run engine, or {@link LogIntakeModule} */
  static takingEventsBy(intake: Type | DynamicModule): DynamicModule {
    return {
      module: EventsHttpModule,
      imports: [intake],
      controllers: [EventsController, StreamController, StreamTokensController, LiveStatusController],
    };
  }
}
