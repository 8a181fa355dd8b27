/** Work that keeps tables small. Nothing that a promise rests on: timers of this kind live in one process and may be missed. */
import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { IdempotencyRetention } from './idempotency-retention.ts';

@Module({ imports: [ScheduleModule.forRoot()], providers: [IdempotencyRetention] })
export class HousekeepingModule {}
