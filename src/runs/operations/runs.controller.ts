import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { pageFields, type Page } from '../../platform/http/page.ts';
import { Runs, type CommandView, type RunDetails, type RunView } from './runs.service.ts';

const listRuns = z.strictObject({
  ...pageFields,
  flow: z.string().max(64).optional().meta({ description: 'Runs of this flow only' }),
  status: z.enum(['running', 'waiting', 'attention', 'completed', 'stopped', 'failed', 'cancelled']).optional(),
  since: z.iso.datetime({ offset: true }).optional().meta({ description: 'Runs that started at this moment or later' }),
});
const startRun = z
  .strictObject({ flow: z.string().min(1).max(64), inputs: z.record(z.string().max(64), z.json()).default({}) })
  .meta({ id: 'StartRun' });
const resolution = z.discriminatedUnion('decision', [
  z.strictObject({ decision: z.literal('done'), output: z.record(z.string().max(64), z.json()).default({}) }),
  z.strictObject({ decision: z.literal('not-done') }),
  z.strictObject({ decision: z.literal('fail') }),
]);
const resolveRun = z.strictObject({ step: z.string().max(256).optional(), resolution }).meta({ id: 'ResolveRun' });

@ApiTags('runs')
@Controller('v1/runs')
export class RunsController {
  constructor(private readonly runs: Runs) {}

  @Get()
  @Requires('runs:read')
  @ApiOperation({ summary: 'List runs, newest first' })
  list(@CurrentCaller() { tenantId }: Caller, @Query({ schema: listRuns }) query: z.infer<typeof listRuns>): Promise<Page<RunView>> {
    const { limit, cursor, ...filter } = query;
    return this.runs.list(tenantId, filter, { limit, cursor });
  }

  @Get(':id')
  @Requires('runs:read')
  @ApiOperation({ summary: 'One run with what each of its steps did' })
  get(@CurrentCaller() { tenantId }: Caller, @Param('id') id: string): Promise<RunDetails> {
    return this.runs.get(tenantId, id);
  }

  @Post()
  @HttpCode(201)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Start a flow by hand' })
  start(@CurrentCaller() { tenantId }: Caller, @Body({ schema: startRun }) body: z.infer<typeof startRun>): Promise<RunView> {
    return this.runs.start(tenantId, body.flow, body.inputs);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'End a run: no further step begins; a call under way is finished and recorded' })
  cancel(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<CommandView> {
    return this.runs.command(caller.tenantId, id, { kind: 'cancel' }, caller.actor);
  }

  @Post(':id/retry')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Run a failed run again from the steps that failed' })
  retry(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<CommandView> {
    return this.runs.command(caller.tenantId, id, { kind: 'retry' }, caller.actor);
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Say what became of a step whose outcome is unknown' })
  resolve(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: resolveRun }) body: z.infer<typeof resolveRun>,
  ): Promise<CommandView> {
    const { step, resolution: decision } = body;
    return this.runs.command(
      caller.tenantId,
      id,
      { kind: 'resolve', ...(step !== undefined && { step }), resolution: decision },
      caller.actor,
    );
  }
}
