/** The event log and everything that reads it. */
import { Global, Module } from '@nestjs/common';
import { DeliveryMetrics } from './delivery-metrics.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventLog } from './event-log.ts';
import { EventReader } from './event-reader.ts';
import { LiveEvents } from './live-events.ts';
import { LiveStatus } from './live-status.ts';
import { SubjectReaders } from './subject-readers.ts';

/**
 * One for all, so that there is one dispatcher and one set of subject readers. Needs `Database`, `EnginePool`, `CLOCK`, `Metrics`, `SseStreams` and Nest's event emitter from global modules. The HTTP side is `EventsHttpModule`,
 * because it needs an `EventIntake`, and which one is decided by whoever composes the application.
 */
@Global()
@Module({
  providers: [EventLog, EventReader, Dispatcher, DeliveryMetrics, LiveEvents, LiveStatus, SubjectReaders],
  exports: [EventLog, EventReader, Dispatcher, LiveEvents, LiveStatus, SubjectReaders],
})
export class EventsModule {}
