/** `/v1/flows`: admins publish, look at and switch flows; editors check while somebody types. */
import { Body, Controller, Get, Headers, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { idOf } from '../kernel/ids.ts';
import { Requires } from '../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../platform/auth/caller.ts';
import { pageFields, pageOf, readCursor, type Page } from '../platform/http/page.ts';
import { flowErrors } from './flow-errors.ts';
import { FlowVocabulary } from './flow-vocabulary.ts';
import { FlowsDirectory } from './flows-directory.ts';
import { Flows, fieldProblem, type FlowSummary, type Published } from './flows.service.ts';
import { UpcomingSlots } from './upcoming-slots.ts';
import { vocabularyToWire, type WireVocabulary } from './wire-vocabulary.ts';
import { hasErrors, type Diagnostic } from './language/diagnostic.ts';
import { editorSchema } from './language/json-schema.ts';

const sourceSchema = z.strictObject({ source: z.string().max(262_144).meta({ description: 'The whole text of the flow file' }) });
const publishSchema = sourceSchema.extend({
  skipTests: z.boolean().optional().meta({ description: 'Publish although tests in the text fail; they are not run' }),
});
const nameSchema = z.string().regex(/^[a-z][a-z0-9-]{1,62}$/);
const listQuery = z.strictObject(pageFields);
const enabledSchema = z.strictObject({ enabled: z.boolean() });
const revisionSchema = z.strictObject({ revision: z.int().min(1) });
const NEXT_SLOTS = 10;
const revisionParam = z.coerce.number().int().min(1);

interface WireFlow {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly enabled: boolean;
  readonly revision: number;
  readonly hash: string;
  readonly updatedAt: string;
}

@ApiTags('flows')
@Controller('v1/flows')
export class FlowsController {
  constructor(
    private readonly flows: Flows,
    private readonly directory: FlowsDirectory,
    private readonly vocabulary: FlowVocabulary,
    private readonly upcoming: UpcomingSlots,
  ) {}

  @Get()
  @Requires('flows:read')
  @ApiOperation({ summary: 'List flows by name' })
  async list(
    @CurrentCaller() { tenantId }: Caller,
    @Query({ schema: listQuery }) { limit, cursor }: z.infer<typeof listQuery>,
  ): Promise<Page<WireFlow>> {
    const flows = await this.flows.list(tenantId, limit + 1, readCursor(cursor)?.[0]);
    return pageOf(flows, { limit }, ({ name }) => [name], wireFlow);
  }

  @Get('schema')
  @Requires('flows:read')
  @ApiOperation({ summary: 'The JSON Schema (draft-07) with which editors complete flow files' })
  schema(): Readonly<Record<string, unknown>> {
    return editorSchema(this.vocabulary.general());
  }

  @Get('vocabulary')
  @Requires('flows:read')
  @ApiOperation({ summary: 'What flows of this tenant can speak of, for checking them elsewhere' })
  async words(@CurrentCaller() { tenantId }: Caller): Promise<WireVocabulary> {
    return vocabularyToWire(await this.flows.vocabularyOf(tenantId));
  }

  @Post('check')
  @HttpCode(200)
  @Requires('flows:read')
  @ApiOperation({ summary: 'Find everything that is wrong with a text, without publishing it' })
  async check(
    @CurrentCaller() { tenantId }: Caller,
    @Body({ schema: sourceSchema }) { source }: z.infer<typeof sourceSchema>,
  ): Promise<{ readonly diagnostics: readonly Diagnostic[] }> {
    const diagnostics = await this.flows.check(tenantId, source);
    if (hasErrors(diagnostics)) throw flowErrors.invalid({ problems: diagnostics.length }).with(diagnostics.map(fieldProblem));
    return { diagnostics };
  }

  @Post()
  @HttpCode(200)
  @Requires('flows:write')
  @ApiOperation({ summary: 'Publish a flow under the name in its text, whatever was published before' })
  async publishAny(
    @CurrentCaller() caller: Caller,
    @Body({ schema: publishSchema }) { source, skipTests = false }: z.infer<typeof publishSchema>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.#answer(reply, await this.flows.publish(caller.tenantId, { source, by: caller.actor, skipTests }), caller, source);
  }

  @Get(':name')
  @Requires('flows:read')
  @ApiOperation({ summary: 'The newest revision of a flow, with its text' })
  async get(
    @CurrentCaller() { tenantId }: Caller,
    @Param('name', { schema: nameSchema }) name: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { source, publishedAt, publishedBy, ...flow } = await this.flows.revision(tenantId, name);
    reply.header('etag', `"${flow.hash}"`);
    return { ...wireFlow(flow), publishedAt: publishedAt.toISOString(), publishedBy, source };
  }

  @Get(':name/schedule')
  @Requires('flows:read')
  @ApiOperation({
    summary: 'The schedules of a flow, each with its next 10 moments, and its triggers',
    description: 'A disabled flow has none. The first moment may be over: it is fired within a second.',
  })
  async schedule(@CurrentCaller() { tenantId }: Caller, @Param('name', { schema: nameSchema }) name: string) {
    const { schedules, ...rest } = await this.upcoming.of(tenantId, name, NEXT_SLOTS);
    return {
      ...rest,
      schedules: schedules.map(({ next, ...schedule }) => ({ ...schedule, next: next.map((slot) => slot.toISOString()) })),
    };
  }

  @Get(':name/revisions/:revision')
  @Requires('flows:read')
  @ApiOperation({ summary: 'One revision of a flow, with its text' })
  async revision(
    @CurrentCaller() { tenantId }: Caller,
    @Param('name', { schema: nameSchema }) name: string,
    @Param('revision', { schema: revisionParam }) revision: number,
  ) {
    const { source, publishedAt, publishedBy, ...flow } = await this.flows.revision(tenantId, name, revision);
    return { ...wireFlow(flow), publishedAt: publishedAt.toISOString(), publishedBy, source };
  }

  @Put(':name')
  @Requires('flows:write')
  @ApiOperation({
    summary: 'Publish a new revision',
    description: 'If-Match carries the ETag of the revision that was changed; If-None-Match: * says that the flow is new.',
  })
  async publish(
    @CurrentCaller() caller: Caller,
    @Param('name', { schema: nameSchema }) name: string,
    @Headers('if-match') match: string | undefined,
    @Headers('if-none-match') noneMatch: string | undefined,
    @Body({ schema: publishSchema }) { source, skipTests = false }: z.infer<typeof publishSchema>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const expected = noneMatch === '*' ? null : /^(?:W\/)?"([0-9a-f]{64})"$/.exec(match ?? '')?.[1];
    if (expected === undefined) throw flowErrors.precondition();
    const publication = { source, by: caller.actor, name, expected, skipTests };
    return this.#answer(reply, await this.flows.publish(caller.tenantId, publication), caller, source);
  }

  @Post(':name/enabled')
  @HttpCode(200)
  @Requires('flows:write')
  @ApiOperation({ summary: 'Enable or disable a flow', description: 'A disabled flow starts no runs; those under way go on.' })
  async setEnabled(
    @CurrentCaller() caller: Caller,
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: enabledSchema }) { enabled }: z.infer<typeof enabledSchema>,
  ): Promise<WireFlow> {
    return wireFlow(await this.flows.setEnabled(caller.tenantId, name, enabled, caller.actor));
  }

  @Post(':name/rollback')
  @HttpCode(200)
  @Requires('flows:write')
  @ApiOperation({ summary: 'Publish the text of an old revision again' })
  async rollback(
    @CurrentCaller() caller: Caller,
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: revisionSchema }) { revision }: z.infer<typeof revisionSchema>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { source } = await this.flows.revision(caller.tenantId, name, revision);
    return this.#answer(reply, await this.flows.rollback(caller.tenantId, name, revision, caller.actor), caller, source);
  }

  async #answer(reply: FastifyReply, { warnings, changed, ...flow }: Published, { tenantId }: Caller, source: string) {
    if (changed && this.directory.isFollowing(tenantId)) await this.directory.save(flow.name, source);
    reply.header('etag', `"${flow.hash}"`);
    return { ...wireFlow(flow), changed, warnings };
  }
}

function wireFlow({ id, name, title, enabled, revision, hash, updatedAt }: FlowSummary): WireFlow {
  return { id: idOf('flw', id), name, title, enabled, revision, hash, updatedAt: updatedAt.toISOString() };
}
