/** `/v1/events`: portals send events, and read back what was recorded. */
import { Body, Controller, Get, Headers, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { idErrors } from '../kernel/ids.ts';
import { Requires } from '../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../platform/auth/caller.ts';
import { CLOCK } from '../platform/clock.ts';
import { pageFields, pageOf, readCursor, type Page } from '../platform/http/page.ts';
import { Paged } from '../platform/http/paged.ts';
import { LimitsItself } from '../platform/http/rate-limit.ts';
import { requestErrors } from '../platform/http/request-errors.ts';
import { parseStrictJson } from '../platform/http/strict-json.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { eventSchemas, catalogue, isCustomType } from './catalogue/catalogue.ts';
import { cloudEventSchema, readCloudEvent, toCloudEvent, wireType, type CloudEvent } from './cloud-event.ts';
import { EventIntake } from './event-intake.ts';
import { EventReader } from './event-reader.ts';
import { batchAnswer, receiptAnswer, type BatchItem, type TakenIn } from './intake-answers.ts';
import { eventErrors } from './event-errors.ts';

const BATCH_TYPE = 'application/cloudevents-batch+json';
type SchemaObject = Extract<Parameters<typeof ApiBody>[0], { schema: unknown }>['schema'];

const MOST_IN_BATCH = 500;
const NOTHING = Buffer.alloc(0);

/** One event or a list of them; OpenAPI 3.1 takes a JSON Schema as it is, the decorator's type knows only 3.0. */
const BODY_SCHEMA = z.toJSONSchema(z.union([cloudEventSchema, z.array(cloudEventSchema).max(MOST_IN_BATCH)])) as SchemaObject;

const listQuery = z.strictObject({
  ...pageFields,
  type: z.string().max(128).optional().meta({ description: 'Events of this type only, in its short form', example: 'payment.completed' }),
  subject: z
    .string()
    .max(256)
    .optional()
    .meta({ description: 'Events about this only', example: 'payment/pay_01jd3k4m5n6p7q8r9s0t1v2w3z' }),
});

@ApiTags('events')
@Controller('v1')
export class EventsController {
  constructor(
    private readonly intake: EventIntake,
    private readonly reader: EventReader,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The body is parsed here and not by a pipe, because its media type says whether it is one event or many. How many events
   * come in is bounded by what the intake takes, not by requests per minute.
   */
  @Post('events')
  @LimitsItself()
  @Requires('events:write')
  @ApiOperation({
    summary: 'Send one event, or up to 500 in a batch',
    description: 'Answered once the events are on disk. Sending one again under the same id is harmless.',
  })
  @ApiConsumes('application/cloudevents+json', 'application/json', BATCH_TYPE)
  @ApiBody({ schema: BODY_SCHEMA })
  async send(
    @CurrentCaller() caller: Caller,
    @Headers('content-type') contentType: string | undefined,
    @Body() body: Buffer | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TakenIn | { readonly items: readonly BatchItem[] }> {
    const input = parseStrictJson(body ?? NOTHING);
    const many = contentType?.toLowerCase().startsWith(BATCH_TYPE) === true;
    const answer = many ? await this.#takeBatch(input, caller) : await this.#take(input, caller);
    reply.status(answer.status);
    return answer.body;
  }

  @Get('events')
  @Requires('events:read')
  @Paged()
  @ApiOperation({ summary: 'List events, newest first' })
  async list(
    @CurrentCaller() { tenantId }: Caller,
    @Query({ schema: listQuery }) query: z.infer<typeof listQuery>,
  ): Promise<Page<CloudEvent>> {
    const filter = {
      ...(query.type !== undefined && { type: query.type }),
      ...(query.subject !== undefined && { subject: query.subject }),
    };
    const [before] = readCursor(query.cursor, filter) ?? [];
    const range = { newestFirst: true, limit: query.limit + 1, ...(before !== undefined && { before: BigInt(before) }) };
    const events = await this.reader.list(tenantId, filter, range);
    return pageOf(events, { limit: query.limit, filter }, ({ seq }) => [seq.toString()], toCloudEvent);
  }

  @Get('events/:id')
  @Requires('events:read')
  @ApiOperation({ summary: 'One event by its eventid' })
  async find(@CurrentCaller() { tenantId }: Caller, @Param('id') id: string): Promise<CloudEvent> {
    const event = await this.reader.find(tenantId, id);
    if (!event) throw idErrors.format({ expected: 'evt_…' });
    return toCloudEvent(event);
  }

  @Get('event-types')
  @Requires('events:read')
  @ApiOperation({ summary: 'The catalogue: every event type with the schema of its data and an example' })
  types(): Page<object> {
    const schemas = eventSchemas();
    const items = [...catalogue.values()].map(({ type, version, summary, portal, example }) => {
      return {
        name: type,
        type: wireType({ type, version }),
        version,
        summary,
        sentBy: portal ? 'portal' : 'kassaflow',
        schema: schemas.get(type),
        example,
      };
    });
    return { items, nextCursor: null };
  }

  async #take(input: unknown, caller: Caller): Promise<ReturnType<typeof receiptAnswer>> {
    try {
      const event = readCloudEvent(input, caller.tenantId, this.clock.now());
      const receipt = await this.intake.accept(event);
      const answer = receiptAnswer(receipt);
      if (receipt.kind === 'accepted') this.metrics.eventsAccepted.inc({ type: isCustomType(event.type) ? 'custom' : event.type });
      return answer;
    } catch (error) {
      this.metrics.eventsRefused.inc({ code: isKassaflowError(error) ? error.code : 'internal.unexpected' });
      throw error;
    }
  }

  async #takeBatch(input: unknown, caller: Caller): Promise<ReturnType<typeof batchAnswer>> {
    if (!Array.isArray(input)) throw requestErrors.type({ expected: `a list of events, as ${BATCH_TYPE} says` });
    if (input.length > MOST_IN_BATCH) throw eventErrors['batch-too-large']({ events: input.length, limit: MOST_IN_BATCH });
    return batchAnswer(await Promise.allSettled(input.map((item: unknown) => this.#take(item, caller))));
  }
}
