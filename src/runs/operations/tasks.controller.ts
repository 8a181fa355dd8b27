import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { pageFields, type Page } from '../../platform/http/page.ts';
import { CloseTasks } from './close-tasks.service.ts';
import type { TaskView } from './task-view.ts';
import { Tasks } from './tasks.service.ts';

const listTasks = z.strictObject({ ...pageFields, status: z.enum(['open', 'done', 'withdrawn']).optional() });
const note = z.string().trim().max(2_000).default('').meta({ description: 'What is worth knowing; later steps read it' });
const answerTask = z.strictObject({ choice: z.string().min(1).max(200), note }).meta({ id: 'AnswerTask' });
const closeTask = z.strictObject({ note }).meta({ id: 'CloseTask' });

@ApiTags('tasks')
@Controller('v1/tasks')
export class TasksController {
  constructor(
    private readonly tasks: Tasks,
    private readonly closing: CloseTasks,
  ) {}

  @Get()
  @Requires('tasks:read')
  @ApiOperation({ summary: 'List what flows asked staff to do, newest first' })
  list(@CurrentCaller() { tenantId }: Caller, @Query({ schema: listTasks }) query: z.infer<typeof listTasks>): Promise<Page<TaskView>> {
    return this.tasks.list(tenantId, query.status, { limit: query.limit, cursor: query.cursor });
  }

  @Post(':id/answer')
  @HttpCode(200)
  @Requires('tasks:write')
  @ApiOperation({ summary: 'Answer the question of a run, which goes on with it' })
  answer(
    @CurrentCaller() { tenantId, actor }: Caller,
    @Param('id') id: string,
    @Body({ schema: answerTask }) body: z.infer<typeof answerTask>,
  ): Promise<TaskView> {
    return this.closing.answer(tenantId, id, body, actor);
  }

  @Post(':id/done')
  @HttpCode(200)
  @Requires('tasks:write')
  @ApiOperation({ summary: 'Close a task that asks nothing' })
  done(
    @CurrentCaller() { tenantId, actor }: Caller,
    @Param('id') id: string,
    @Body({ schema: closeTask.prefault({}) }) body: z.infer<typeof closeTask>,
  ): Promise<TaskView> {
    return this.closing.done(tenantId, id, body.note, actor);
  }
}
