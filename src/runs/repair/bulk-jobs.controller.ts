import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Idempotent } from '../../platform/http/idempotent.ts';
import { pageFields, type Page } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { BulkJobs, type BulkJobView, type BulkResultView } from './bulk-jobs.service.ts';
import { selectionSchema } from './bulk-selection.ts';

const output = z.record(z.string().max(64), z.json());
const step = z.string().max(256).optional();
const selection = selectionSchema;
const previewJob = z
  .discriminatedUnion('action', [
    z.strictObject({ action: z.literal('retry'), selection, revision: z.enum(['same', 'newest']).default('same') }),
    z.strictObject({ action: z.literal('cancel'), selection, undo: z.boolean().default(false) }),
    z.strictObject({ action: z.literal('skip'), selection, step, output: output.default({}) }),
    z.strictObject({ action: z.literal('resume'), selection, step }),
    z.strictObject({ action: z.literal('move'), selection }),
  ])
  .meta({ id: 'PreviewBulkJob' });
const startJob = z
  .strictObject({
    preview: z.string().max(40).meta({ description: 'The id that the preview answered' }),
    planVersion: z.string().max(64).meta({ description: 'As the preview answered it' }),
    reason: z.string().trim().min(3).max(500),
    rate: z.int().min(1).max(200).default(5).meta({ description: 'Runs per second' }),
    confirm: z.boolean().default(false).meta({ description: 'What may happen twice is meant' }),
  })
  .meta({ id: 'StartBulkJob' });
const listJobs = z.strictObject(pageFields);
const listResults = z.strictObject({ ...pageFields, status: z.enum(['pending', 'sent', 'done', 'refused', 'changed', 'left']).optional() });

@ApiTags('repair')
@Controller('v1/bulk-jobs')
export class BulkJobsController {
  constructor(private readonly jobs: BulkJobs) {}

  @Post('preview')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Fix a selection of runs and say what one command for all of them would do' })
  preview(@CurrentCaller() caller: Caller, @Body({ schema: previewJob }) body: z.infer<typeof previewJob>): Promise<BulkJobView> {
    const { action, selection: selected, ...detail } = body;
    return this.jobs.preview(caller.tenantId, { action, detail, selection: selected }, caller.actor);
  }

  @Post()
  @HttpCode(201)
  @Idempotent()
  @Requires('runs:write')
  @ApiOperation({ summary: 'Start a previewed job; refused when the runs are no longer what the preview showed' })
  start(@CurrentCaller() caller: Caller, @Body({ schema: startJob }) body: z.infer<typeof startJob>): Promise<BulkJobView> {
    const { preview, ...start } = body;
    return this.jobs.start(caller.tenantId, preview, start, caller.actor);
  }

  @Get()
  @Paged()
  @Requires('runs:read')
  @ApiOperation({ summary: 'Bulk jobs, newest first' })
  list(
    @CurrentCaller() { tenantId }: Caller,
    @Query({ schema: listJobs }) { limit, cursor }: z.infer<typeof listJobs>,
  ): Promise<Page<BulkJobView>> {
    return this.jobs.list(tenantId, { limit, cursor });
  }

  @Get(':id')
  @Requires('runs:read')
  @ApiOperation({ summary: 'One bulk job with its plan and its progress' })
  get(@CurrentCaller() { tenantId }: Caller, @Param('id') id: string): Promise<BulkJobView> {
    return this.jobs.get(tenantId, id);
  }

  @Get(':id/runs')
  @Paged()
  @Requires('runs:read')
  @ApiOperation({ summary: 'What became of each run of a bulk job' })
  results(
    @CurrentCaller() { tenantId }: Caller,
    @Param('id') id: string,
    @Query({ schema: listResults }) { limit, cursor, status }: z.infer<typeof listResults>,
  ): Promise<Page<BulkResultView>> {
    return this.jobs.results(tenantId, id, status, { limit, cursor });
  }

  @Post(':id/pause')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Take no further run until it is resumed' })
  pause(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<BulkJobView> {
    return this.jobs.pause(caller.tenantId, id, caller.actor);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Go on with a paused job' })
  resume(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<BulkJobView> {
    return this.jobs.resume(caller.tenantId, id, caller.actor);
  }

  @Post(':id/abort')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'End a job; runs that have no command yet are left alone' })
  abort(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<BulkJobView> {
    return this.jobs.abort(caller.tenantId, id, caller.actor);
  }
}
