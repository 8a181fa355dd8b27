import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { pageFields, type Page } from '../../platform/http/page.ts';
import { Tasks, type TaskView } from './tasks.service.ts';

const listTasks = z.strictObject({ ...pageFields, status: z.enum(['open', 'done']).optional() });

@ApiTags('tasks')
@Controller('v1/tasks')
export class TasksController {
  constructor(private readonly tasks: Tasks) {}

  @Get()
  @Requires('tasks:read')
  @ApiOperation({ summary: 'List what flows asked staff to do, newest first' })
  list(@CurrentCaller() { tenantId }: Caller, @Query({ schema: listTasks }) query: z.infer<typeof listTasks>): Promise<Page<TaskView>> {
    return this.tasks.list(tenantId, query.status, { limit: query.limit, cursor: query.cursor });
  }
}
