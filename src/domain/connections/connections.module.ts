import { Module } from '@nestjs/common';
import { ConnectionEvents } from './connection-events.ts';

/** Needs `ConnectionNews` and `EventLog` from global modules. */
@Module({ providers: [ConnectionEvents] })
export class ConnectionsModule {}
