import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { AllowedMethods } from './allowed-methods.ts';
import { DocsController } from './docs.controller.ts';
import { GracefulStop } from './graceful-stop.ts';
import { IdempotencyInterceptor } from './idempotency.interceptor.ts';
import { IdempotencyRecords } from './idempotency-records.ts';
import { OpenApi } from './openapi.ts';
import { NextLink } from './paged.ts';
import { ProblemFilter } from './problem.filter.ts';
import { SchemaPipe } from './schema.pipe.ts';
import { SseStreams } from './sse.ts';

/** Problems, schemas, idempotency, event streams and the documentation, for every module. Needs `Database` from a global module. */
@Global()
@Module({
  controllers: [DocsController],
  providers: [
    AllowedMethods,
    GracefulStop,
    IdempotencyInterceptor,
    IdempotencyRecords,
    NextLink,
    OpenApi,
    SseStreams,
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useClass: SchemaPipe },
  ],
  exports: [AllowedMethods, IdempotencyInterceptor, IdempotencyRecords, NextLink, OpenApi, SseStreams],
})
export class HttpModule {}
