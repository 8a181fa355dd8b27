/** A small application behind the real door, for the tests of `http`, `auth` and `observability`: real Fastify, real PostgreSQL. */
import { jest } from '@jest/globals';
import { Body, Controller, Get, Global, Module, Param, Post, Query, Res, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { Logger } from 'nestjs-pino';
import { z } from 'zod';
import { testDatabase, type TestDatabase } from '../../../../test/support/database.ts';
import { systemClock, type Clock } from '../../../kernel/clock.ts';
import { toWire, type Money } from '../../../kernel/money.ts';
import { Public, Requires } from '../../auth/access.ts';
import { ApiKeys } from '../../auth/api-keys.ts';
import { AuthModule } from '../../auth/auth.module.ts';
import { CurrentCaller, type Caller } from '../../auth/caller.ts';
import type { GrantedScope } from '../../auth/scopes.ts';
import { CLOCK } from '../../clock.ts';
import { Database } from '../../database/transaction.ts';
import { createLog } from '../../observability/log.ts';
import { ObservabilityModule } from '../../observability/observability.module.ts';
import { TenancyModule } from '../../tenancy/tenancy.module.ts';
import { Door, type DoorOptions } from '../door.ts';
import { HttpModule } from '../http.module.ts';
import { Idempotent, IdempotencyKeyValue } from '../idempotent.ts';
import { moneySchema } from '../money-schema.ts';
import { pageFields, pageOf, readCursor, type Page } from '../page.ts';
import { Paged } from '../paged.ts';
import { prepareHttp } from '../prepare-http.ts';
import { TakesRawBody } from '../raw-body.ts';
import { SseStreams } from '../sse.ts';

// The first file of a run starts PostgreSQL and Nest together, which takes longer than Jest's five seconds on a busy machine.
jest.setTimeout(30_000);

const sampleSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/),
  type: z.enum(['payment.completed', 'payment.failed']),
  amount: moneySchema.optional(),
  note: z.string().max(500).optional(),
  data: z
    .strictObject({ invoice: z.string().optional(), lines: z.array(z.strictObject({ quantity: z.number().int().min(1) })).optional() })
    .optional(),
});
const listSchema = z.strictObject({ ...pageFields, state: z.enum(['open', 'done']).optional() });

/** What the sample routes did, and how the next idempotent request goes. */
export class SampleState {
  readonly stored: unknown[] = [];
  handler: (key: string) => Promise<unknown> = async (key) => ({ key });
}

@Controller('v1/samples')
export class SampleController {
  constructor(
    private readonly state: SampleState,
    private readonly streams: SseStreams,
  ) {}

  @Post()
  @Requires('events:write')
  create(@Body({ schema: sampleSchema }) sample: z.output<typeof sampleSchema>): { id: string; amount: unknown } {
    this.state.stored.push(sample);
    const amount: Money | undefined = sample.amount;
    return { id: sample.id, amount: amount ? toWire(amount) : null };
  }

  @Get()
  @Requires('events:read')
  @Paged()
  list(@Query({ schema: listSchema }) query: z.output<typeof listSchema>): Page<number> {
    const filter = { state: query.state };
    const start = Number(readCursor(query.cursor, filter)?.[0] ?? 0);
    const rows = Array.from({ length: 7 }, (_, index) => index + 1).filter((row) => row > start);
    return pageOf(
      rows.slice(0, query.limit + 1),
      { limit: query.limit, filter },
      (row) => [String(row)],
      (row) => row,
    );
  }

  @Post('once')
  @Requires('payments:write')
  @Idempotent()
  once(@IdempotencyKeyValue() key: string, @Body({ schema: z.strictObject({ n: z.number() }) }) _body: { n: number }): Promise<unknown> {
    return this.state.handler(key);
  }

  @Post('bytes')
  @Public()
  @TakesRawBody()
  bytes(@Body() body: Buffer | undefined): { length: number } {
    this.state.stored.push(body);
    return { length: body?.length ?? 0 };
  }

  @Get('me')
  @Requires('events:read')
  me(@CurrentCaller() caller: Caller): Caller {
    return caller;
  }

  @Get('broken')
  @Public()
  broken(): never {
    throw new Error('password=hunter2 in row 7');
  }

  @Get('slow')
  @Public()
  slow(): Promise<unknown> {
    return this.state.handler('slow');
  }

  @Get('stream')
  @Requires('stream:read')
  stream(@Res() reply: FastifyReply): void {
    const client = this.streams.open(reply);
    client.send({ id: '1', event: 'payment.completed', data: { name: 'a\ndata: forged' } });
  }

  @Get(':id')
  @Requires('events:read')
  one(@Param('id') id: string): { id: string } {
    return { id };
  }
}

/** What the rest of the platform gives in the real application. */
@Global()
@Module({})
class SampleModule {
  static around(database: Database, clock: Clock, logged: string[]): DynamicModule {
    const log = createLog('debug', { write: (line) => void logged.push(line) });
    return {
      module: SampleModule,
      imports: [ObservabilityModule.forRoot({ level: 'debug', log }), TenancyModule, AuthModule, HttpModule],
      controllers: [SampleController],
      providers: [SampleState, { provide: Database, useValue: database }, { provide: CLOCK, useValue: clock }],
      exports: [Database, CLOCK],
    };
  }
}

export interface SampleApp {
  readonly app: NestFastifyApplication;
  readonly db: TestDatabase;
  readonly state: SampleState;
  /** Every line of the log. */
  readonly logged: string[];
  /** Makes a key of the test tenant. */
  key(...scopes: GrantedScope[]): Promise<string>;
  close(): Promise<void>;
}

export async function sampleApp(options: DoorOptions & { clock?: Clock; requestsPerMinute?: number } = {}): Promise<SampleApp> {
  const db = await testDatabase();
  const logged: string[] = [];
  const module = SampleModule.around(db.database, options.clock ?? systemClock, logged);
  const app = await NestFactory.create<NestFastifyApplication>(module, new Door(options), { logger: false });
  app.useLogger(app.get(Logger));
  await prepareHttp(app, { requestsPerMinute: options.requestsPerMinute ?? 0, version: '0.0.0' });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return {
    app,
    db,
    logged,
    state: app.get(SampleState),
    key: async (...scopes) => (await app.get(ApiKeys).create(db.tenantId, { name: 'test', scopes }, 'test')).secret,
    close: async () => {
      await app.close();
      await db.close();
    },
  };
}
