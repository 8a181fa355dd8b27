import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import type { MoveAnswer } from './can-move.ts';
import { MovableRuns, type MovableView } from './movable-runs.ts';

const nameParam = z.string().regex(/^[a-z][a-z0-9-]{1,62}$/);

@ApiTags('repair')
@Controller('v1')
export class MovableController {
  constructor(private readonly movable: MovableRuns) {}

  @Get('flows/:name/movable-runs')
  @Requires('runs:read')
  @ApiOperation({ summary: 'How many waiting runs can go on with the newest revision of their flow, and why the others cannot' })
  preview(@CurrentCaller() { tenantId }: Caller, @Param('name', { schema: nameParam }) name: string): Promise<MovableView> {
    return this.movable.preview(tenantId, name);
  }

  @Get('runs/:id/movable')
  @Requires('runs:read')
  @ApiOperation({ summary: 'Whether a run can go on with the newest revision of its flow, and if not, why' })
  check(@CurrentCaller() { tenantId }: Caller, @Param('id') id: string): Promise<MoveAnswer & { readonly revision: number }> {
    return this.movable.checkId(tenantId, id);
  }
}
