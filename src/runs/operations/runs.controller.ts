import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { CurrentFollower, requireSight, TakesStreamToken, type Follower } from '../../platform/auth/follower.ts';
import { StreamPreflight } from '../../platform/auth/page-origins.ts';
import { teamsOf } from '../../platform/auth/scopes.ts';
import { pageFields, type Page } from '../../platform/http/page.ts';
import { LiveRuns } from './live-runs.ts';
import { Runs, type RunCount, type RunDetails, type RunView } from './runs.service.ts';

const filterFields = {
  flow: z.string().max(64).optional().meta({ description: 'Runs of this flow only' }),
  status: z.enum(['queued', 'running', 'waiting', 'attention', 'completed', 'stopped', 'failed', 'cancelled']).optional(),
  since: z.iso.datetime({ offset: true }).optional().meta({ description: 'Runs that started at this moment or later' }),
  until: z.iso.datetime({ offset: true }).optional().meta({ description: 'Runs that started before this moment' }),
  onePer: z.string().max(1_000).optional().meta({ description: "Runs with this value of their flow's one-per" }),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional()
    .meta({ description: 'Dead letters of this group' }),
};
const listRuns = z.strictObject({ ...pageFields, ...filterFields });
const countRuns = z.strictObject(filterFields);
const startRun = z
  .strictObject({ flow: z.string().min(1).max(64), inputs: z.record(z.string().max(64), z.json()).default({}) })
  .meta({ id: 'StartRun' });
@ApiTags('runs')
@Controller('v1/runs')
export class RunsController {
  constructor(
    private readonly runs: Runs,
    private readonly live: LiveRuns,
  ) {}

  @Get()
  @Requires('runs:read')
  @ApiOperation({ summary: 'List runs, newest first' })
  list(@CurrentCaller() { tenantId }: Caller, @Query({ schema: listRuns }) query: z.infer<typeof listRuns>): Promise<Page<RunView>> {
    const { limit, cursor, ...filter } = query;
    return this.runs.list(tenantId, filter, { limit, cursor });
  }

  @Get('count')
  @Requires('runs:read')
  @ApiOperation({ summary: 'How many runs there are, exact up to 10,000' })
  count(@CurrentCaller() { tenantId }: Caller, @Query({ schema: countRuns }) filter: z.infer<typeof countRuns>): Promise<RunCount> {
    return this.runs.count(tenantId, filter);
  }

  @Get(':id')
  @Requires('runs:read')
  @ApiOperation({ summary: 'One run with what each of its steps did' })
  get(@CurrentCaller() { tenantId }: Caller, @Param('id') id: string): Promise<RunDetails> {
    return this.runs.get(tenantId, id);
  }

  @StreamPreflight(':id/events')
  preflight(): void {}

  @Get(':id/events')
  @Requires('runs:read')
  @TakesStreamToken()
  @ApiOperation({ summary: 'Follow a run: the whole of it, and again whenever it has changed; send Last-Event-ID to go on' })
  @ApiProduces('text/event-stream')
  follow(
    @CurrentFollower() follower: Follower,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireSight(follower, `run/${id}`);
    return this.live.follow(reply, follower.tenantId, id, last);
  }

  @Post()
  @HttpCode(201)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Start a flow by hand' })
  start(@CurrentCaller() { tenantId, scopes }: Caller, @Body({ schema: startRun }) body: z.infer<typeof startRun>): Promise<RunView> {
    return this.runs.start(tenantId, body.flow, body.inputs, teamsOf(scopes));
  }
}
