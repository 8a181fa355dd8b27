/** `/v1/flows/dry-run`: what a flow would do, and what a changed one would do differently, without effects. */
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { CLOCK } from '../../platform/clock.ts';
import type { Comparison } from './compare-revisions.ts';
import type { DryRun } from './dry-run.ts';
import { DryRuns, MOST_EVENTS, type FlowChoice } from './dry-run.service.ts';

const name = z.string().regex(/^[a-z][a-z0-9-]{1,62}$/);
const data = z.record(z.string().max(64), z.json());
const flowChoice = z
  .union([
    z.strictObject({ source: z.string().max(262_144).meta({ description: 'The whole text of a flow file' }) }),
    z.strictObject({ flow: name, revision: z.int().min(1).optional().meta({ description: 'Default: the newest' }) }),
  ])
  .meta({ id: 'FlowChoice' });
const eventChoice = z.union([
  z.strictObject({ id: z.string().max(64).meta({ description: 'A recorded event: evt_…' }) }),
  z.strictObject({ type: z.string().max(128), data, time: z.iso.datetime({ offset: true }).optional() }),
]);
const dryRunBody = z
  .union([z.strictObject({ flow: flowChoice, event: eventChoice }), z.strictObject({ flow: flowChoice, inputs: data })])
  .meta({ id: 'DryRunRequest' });
const compareBody = z
  .strictObject({
    before: flowChoice,
    after: flowChoice,
    last: z
      .int()
      .min(1)
      .max(MOST_EVENTS)
      .default(MOST_EVENTS)
      .meta({ description: 'Over how many of the last events that start the flow' }),
  })
  .meta({ id: 'DryRunComparison' });

@ApiTags('flows')
@Controller('v1/flows/dry-run')
export class DryRunController {
  constructor(
    private readonly dryRuns: DryRuns,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @Requires('runs:read')
  @ApiOperation({
    summary: 'What a flow would do for an event, without doing it',
    description: 'Every action succeeds and nothing else happens meanwhile; waits are over when their time is.',
  })
  try(@CurrentCaller() { tenantId }: Caller, @Body({ schema: dryRunBody }) body: z.infer<typeof dryRunBody>): Promise<DryRun> {
    const flow = choiceOf(body.flow);
    if ('inputs' in body) return this.dryRuns.tryInputs(tenantId, flow, body.inputs, this.clock.now());
    const { event } = body;
    if ('id' in event) return this.dryRuns.tryEvent(tenantId, flow, event);
    const at = event.time === undefined ? this.clock.now() : new Date(event.time);
    return this.dryRuns.tryEvent(tenantId, flow, { type: event.type, data: event.data, at });
  }

  @Post('compare')
  @HttpCode(200)
  @Requires('runs:read')
  @ApiOperation({ summary: 'What a changed flow would do differently for the last events that start it' })
  compare(@CurrentCaller() { tenantId }: Caller, @Body({ schema: compareBody }) body: z.infer<typeof compareBody>): Promise<Comparison> {
    return this.dryRuns.compare(tenantId, choiceOf(body.before), choiceOf(body.after), body.last);
  }
}

/** Without the revision where none is named. */
function choiceOf(choice: z.infer<typeof flowChoice>): FlowChoice {
  return choice;
}
