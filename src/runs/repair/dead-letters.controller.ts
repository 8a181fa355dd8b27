import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { pageFields, type Page } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { DeadLetters, type DeadLetterView, type DeadRunView } from './dead-letters.service.ts';

const listLetters = z.strictObject({
  ...pageFields,
  flow: z.string().max(64).optional().meta({ description: 'Failures of this flow only' }),
});
const listRuns = z.strictObject(pageFields);
const fingerprintParam = z.string().regex(/^[0-9a-f]{16}$/);

@ApiTags('repair')
@Controller('v1/dead-letters')
export class DeadLettersController {
  constructor(private readonly letters: DeadLetters) {}

  @Get()
  @Paged()
  @Requires('runs:read')
  @ApiOperation({ summary: 'Failed runs and runs that need a person, grouped by what went wrong' })
  list(
    @CurrentCaller() { tenantId }: Caller,
    @Query({ schema: listLetters }) { limit, cursor, flow }: z.infer<typeof listLetters>,
  ): Promise<Page<DeadLetterView>> {
    return this.letters.list(tenantId, { flow }, { limit, cursor });
  }

  @Get(':fingerprint/runs')
  @Paged()
  @Requires('runs:read')
  @ApiOperation({ summary: 'The runs of one group, newest first' })
  runs(
    @CurrentCaller() { tenantId }: Caller,
    @Param('fingerprint', { schema: fingerprintParam }) fingerprint: string,
    @Query({ schema: listRuns }) { limit, cursor }: z.infer<typeof listRuns>,
  ): Promise<Page<DeadRunView>> {
    return this.letters.runs(tenantId, fingerprint, { limit, cursor });
  }
}
