/** What people want of a run. Every command says who, and why; with an Idempotency-Key a repeat gives the first one's answer. */
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { OptionalIdempotencyKey } from '../../platform/http/idempotent.ts';
import type { RunCommand } from '../run-engine.ts';
import { Runs, type CommandView } from './runs.service.ts';

const reason = z.string().trim().max(500).default('').meta({ description: 'Why; shown with the run and kept in the audit' });
const neededReason = z.string().trim().min(3).max(500).meta({ description: 'Why; shown with the run and kept in the audit' });
const step = z.string().min(1).max(256).optional().meta({ description: 'Path of the step; may be left out when only one is meant' });
const values = z.record(z.string().max(64), z.json());

const cancelRun = z.strictObject({ undo: z.boolean().default(false), reason }).meta({ id: 'CancelRun' });
const retryRun = z.strictObject({ revision: z.enum(['same', 'newest']).default('same'), reason }).meta({ id: 'RetryRun' });
const skipStep = z.strictObject({ step, output: values.optional(), reason: neededReason }).meta({ id: 'SkipStep' });
const resumeRun = z.strictObject({ step, data: values.optional(), reason }).meta({ id: 'ResumeRun' });
const editInput = z.strictObject({ step, input: values, reason: neededReason }).meta({ id: 'EditInput' });
const moveRun = z.strictObject({ reason }).meta({ id: 'MoveRun' });
const resolution = z.discriminatedUnion('decision', [
  z.strictObject({ decision: z.literal('done'), output: values.default({}) }),
  z.strictObject({ decision: z.literal('not-done') }),
  z.strictObject({ decision: z.literal('fail') }),
]);
const resolveRun = z.strictObject({ step, resolution, reason }).meta({ id: 'ResolveRun' });

@ApiTags('runs')
@ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Names this one command; the same for every repeat of it' })
@Controller('v1/runs/:id')
export class RunCommandsController {
  constructor(private readonly runs: Runs) {}

  @Post('cancel')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'End a run: no further step begins, a call under way is finished; with undo what was done is taken back' })
  cancel(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: cancelRun.prefault({}) }) { reason: why, ...detail }: z.infer<typeof cancelRun>,
    @OptionalIdempotencyKey() key: string | undefined,
  ): Promise<CommandView> {
    return this.#give(caller, id, { kind: 'cancel', ...detail }, why, key);
  }

  @Post('retry')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Run a failed run again from the steps that failed, on its own or the newest revision' })
  retry(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: retryRun.prefault({}) }) { reason: why, ...detail }: z.infer<typeof retryRun>,
    @OptionalIdempotencyKey() key: string | undefined,
  ): Promise<CommandView> {
    return this.#give(caller, id, { kind: 'retry', ...detail }, why, key);
  }

  @Post('skip')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Count the step that failed or waits as skipped, and go on behind it' })
  skip(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: skipStep }) { reason: why, step: path, output }: z.infer<typeof skipStep>,
    @OptionalIdempotencyKey() key: string | undefined,
  ): Promise<CommandView> {
    return this.#give(caller, id, { kind: 'skip', ...at(path), ...(output !== undefined && { output }) }, why, key);
  }

  @Post('resume')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'End a wait now; with data as if the event had come' })
  resume(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: resumeRun.prefault({}) }) { reason: why, step: path, data }: z.infer<typeof resumeRun>,
    @OptionalIdempotencyKey() key: string | undefined,
  ): Promise<CommandView> {
    return this.#give(caller, id, { kind: 'resume', ...at(path), ...(data !== undefined && { data }) }, why, key);
  }

  @Post('edit')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Give the step that failed or waits another input, and do it with that' })
  edit(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: editInput }) { reason: why, step: path, input }: z.infer<typeof editInput>,
    @OptionalIdempotencyKey() key: string | undefined,
  ): Promise<CommandView> {
    return this.#give(caller, id, { kind: 'edit', ...at(path), input }, why, key);
  }

  @Post('move')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Let a waiting run go on with the newest revision of its flow, if that can be proved to take the same way' })
  move(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: moveRun.prefault({}) }) { reason: why }: z.infer<typeof moveRun>,
    @OptionalIdempotencyKey() key: string | undefined,
  ): Promise<CommandView> {
    return this.#give(caller, id, { kind: 'move' }, why, key);
  }

  @Post('resolve')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiOperation({ summary: 'Say what became of a step whose outcome is unknown' })
  resolve(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: resolveRun }) { reason: why, step: path, resolution: decision }: z.infer<typeof resolveRun>,
    @OptionalIdempotencyKey() key: string | undefined,
  ): Promise<CommandView> {
    return this.#give(caller, id, { kind: 'resolve', ...at(path), resolution: decision }, why, key);
  }

  #give({ tenantId, actor }: Caller, id: string, command: RunCommand, why: string, key: string | undefined): Promise<CommandView> {
    return this.runs.command(tenantId, id, command, { by: actor, reason: why, key });
  }
}

function at(path: string | undefined): { readonly step?: string } {
  return path === undefined ? {} : { step: path };
}
