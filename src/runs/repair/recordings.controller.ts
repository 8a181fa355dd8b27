import { Controller, Get, Param, Post, HttpCode, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import { masked, recordingFile, type RecordingFile } from './recording-file.ts';
import { Recordings } from './recordings.ts';
import { replayRun, type ReplayReport } from './replay.ts';

const exportQuery = z.strictObject({
  mask: z.enum(['true', 'false']).default('false').meta({ description: 'Replace what may be personal; such a file cannot be replayed' }),
});

@ApiTags('repair')
@Controller('v1/runs')
export class RecordingsController {
  constructor(
    private readonly recordings: Recordings,
    private readonly catalogue: FlowCatalogue,
  ) {}

  @Get(':id/recording')
  @Requires('runs:read')
  @ApiOperation({ summary: 'A run as a file: facts, text of the flow, journal' })
  async export(
    @CurrentCaller() { tenantId }: Caller,
    @Param('id') id: string,
    @Query({ schema: exportQuery }) { mask }: z.infer<typeof exportQuery>,
  ): Promise<RecordingFile> {
    const file = recordingFile(await this.recordings.read(tenantId, uuidOf('run', id)));
    return mask === 'true' ? masked(file) : file;
  }

  @Post(':id/replay')
  @HttpCode(200)
  @Requires('runs:read')
  @ApiOperation({ summary: 'Compute a recorded run again, without effects, and compare every step byte for byte' })
  async replay(@CurrentCaller() { tenantId }: Caller, @Param('id') id: string): Promise<ReplayReport> {
    const recording = await this.recordings.read(tenantId, uuidOf('run', id));
    return replayRun(await this.catalogue.compiled(recording.facts.flowId, recording.facts.revision), recording);
  }
}
