/** `/v1/guards` and `/v1/switches`: what a tenant allows its flows, and what it has stopped. */
import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Requires } from '../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../platform/auth/caller.ts';
import { pageFields, pageOf, readCursor, type Page } from '../platform/http/page.ts';
import { guardErrors } from './guard-errors.ts';
import { rulesSchema, type GuardRules, type GuardRulesDraft } from './guard-rules.ts';
import { GuardSettings, type TenantGuards } from './guard-settings.ts';
import { SWITCH_LEVELS, type SwitchLevel } from './switch-level.ts';
import { Switches, type KillSwitch } from './switches.ts';

const levelSchema = z.enum(SWITCH_LEVELS);
const targetSchema = z.string().regex(/^[a-z][a-z0-9.-]{0,99}$/);
const reasonSchema = z.strictObject({ reason: z.string().max(500).default('').meta({ description: 'For whoever asks why runs rest' }) });
const listQuery = z.strictObject(pageFields);

interface WireSwitch {
  readonly level: SwitchLevel;
  readonly target: string;
  readonly reason: string;
  readonly setBy: string;
  readonly setAt: string;
  /** Steps that rest because of it. */
  readonly parked: number;
}

interface WireGuards {
  readonly version: number;
  /** What the tenant has set itself. */
  readonly own: GuardRulesDraft;
  /** What holds. */
  readonly rules: GuardRules;
}

@ApiTags('guards')
@Controller('v1')
export class GuardsController {
  constructor(
    private readonly settings: GuardSettings,
    private readonly switches: Switches,
  ) {}

  @Get('guards')
  @Requires('guards:read')
  @ApiOperation({ summary: 'The caps and budgets of the tenant' })
  async guards(@CurrentCaller() { tenantId }: Caller, @Res({ passthrough: true }) reply: FastifyReply): Promise<WireGuards> {
    return answer(reply, await this.settings.read(tenantId));
  }

  @Put('guards')
  @Requires('guards:write')
  @ApiOperation({
    summary: 'Replace the caps and budgets of the tenant',
    description: 'If-Match carries the ETag that was read. What is left out is as the defaults have it.',
  })
  async replace(
    @CurrentCaller() { tenantId, actor }: Caller,
    @Headers('if-match') match: string | undefined,
    @Body({ schema: rulesSchema }) own: GuardRulesDraft,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WireGuards> {
    const expected = /^(?:W\/)?"(\d{1,9})"$/.exec(match ?? '')?.[1];
    if (expected === undefined) throw guardErrors.precondition();
    return answer(reply, await this.settings.replace(tenantId, own, Number(expected), actor));
  }

  @Get('switches')
  @Requires('guards:read')
  @ApiOperation({ summary: 'Kill switches that are on' })
  async list(
    @CurrentCaller() { tenantId }: Caller,
    @Query({ schema: listQuery }) { limit, cursor }: z.output<typeof listQuery>,
  ): Promise<Page<WireSwitch>> {
    const [level, target = ''] = readCursor(cursor) ?? [];
    const position = level === undefined ? undefined : { level: levelSchema.parse(level), target };
    const rows = await this.switches.list(tenantId, limit + 1, position);
    return pageOf(rows, { limit }, (row) => [row.level, row.target], wireSwitch);
  }

  @Put('switches/tenant')
  @Requires('guards:write')
  @ApiOperation({ summary: 'Stop every call of the tenant’s flows; their runs rest until it is released' })
  async stopAll(
    @CurrentCaller() { tenantId, actor }: Caller,
    @Body({ schema: reasonSchema }) { reason }: z.output<typeof reasonSchema>,
  ): Promise<WireSwitch> {
    return wireSwitch(await this.switches.turnOn(tenantId, { level: 'tenant', target: '' }, reason, actor));
  }

  @Put('switches/:level/:target')
  @Requires('guards:write')
  @ApiOperation({ summary: 'Stop the calls of a flow, connection, action or plugin; runs that come to one rest until it is released' })
  async stop(
    @CurrentCaller() { tenantId, actor }: Caller,
    @Param('level', { schema: levelSchema }) level: SwitchLevel,
    @Param('target', { schema: targetSchema }) target: string,
    @Body({ schema: reasonSchema }) { reason }: z.output<typeof reasonSchema>,
  ): Promise<WireSwitch> {
    if (level === 'tenant') throw guardErrors['switch-target']();
    return wireSwitch(await this.switches.turnOn(tenantId, { level, target }, reason, actor));
  }

  @Delete('switches/tenant')
  @HttpCode(204)
  @Requires('guards:write')
  @ApiOperation({ summary: 'Release the switch of the tenant' })
  async releaseAll(@CurrentCaller() { tenantId, actor }: Caller): Promise<void> {
    await this.switches.release(tenantId, { level: 'tenant', target: '' }, actor);
  }

  @Delete('switches/:level/:target')
  @HttpCode(204)
  @Requires('guards:write')
  @ApiOperation({ summary: 'Release a switch; what rests because of it goes on within a second' })
  async release(
    @CurrentCaller() { tenantId, actor }: Caller,
    @Param('level', { schema: levelSchema }) level: SwitchLevel,
    @Param('target', { schema: targetSchema }) target: string,
  ): Promise<void> {
    if (level === 'tenant') throw guardErrors['switch-target']();
    await this.switches.release(tenantId, { level, target }, actor);
  }
}

function answer(reply: FastifyReply, guards: TenantGuards): WireGuards {
  reply.header('etag', `"${guards.version}"`);
  return guards;
}

function wireSwitch({ setAt, ...one }: KillSwitch): WireSwitch {
  return { ...one, setAt: setAt.toISOString() };
}
