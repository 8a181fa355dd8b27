/** `/v1/webhook-endpoints`. Making one and changing its secret are not idempotent on purpose: a stored answer would be a stored secret. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { CLOCK } from '../../platform/clock.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { Deliveries, type AttemptEntry, type DeliveryEntry } from './deliveries.ts';
import type { Endpoint, EndpointStatus } from './endpoint.ts';
import { ReplayDeliveries } from './replay-deliveries.ts';
import { SendWebhooks } from './send-webhooks.ts';
import { TryEndpoint } from './try-endpoint.ts';
import { WebhookEndpoints } from './webhook-endpoints.ts';

const url = z
  .string()
  .min(1)
  .max(2_000)
  .meta({ description: 'Where events are posted to; https', example: 'https://portal.example/kassaflow' });
const description = z.string().trim().max(200);
const types = z
  .array(z.string().min(1).max(128))
  .max(100)
  .meta({
    description: 'Event types in their short form, or payment.* for a group; an empty list is all',
    example: ['payment.*', 'invoice.paid'],
  });
const newEndpoint = z
  .strictObject({ url, description: description.default(''), types: types.default([]) })
  .meta({ id: 'NewWebhookEndpoint' });
const endpointChange = z
  .strictObject({
    url: url.optional(),
    description: description.optional(),
    types: types.optional(),
    status: z.enum(['active', 'paused']).optional(),
  })
  .meta({ id: 'WebhookEndpointChange' });
const rotation = z
  .strictObject({
    overlapHours: z.int().min(0).max(168).default(24).meta({ description: 'For how long the present secret signs too' }),
  })
  .meta({ id: 'SecretRotation' });
const testSend = z
  .strictObject({ type: z.string().max(128).default('payment.completed').meta({ description: 'Its example in the catalogue is sent' }) })
  .meta({ id: 'TestWebhook' });
const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const replayRange = z
  .strictObject({
    since: moment.meta({ description: 'Events of this moment and later' }),
    until: moment.optional().meta({ description: 'Events before this moment; default now' }),
    status: z
      .enum(['dead', 'all'])
      .default('dead')
      .meta({ description: 'dead: what was never taken; all: also what was, and what was before the endpoint' }),
  })
  .meta({ id: 'ReplayRange' });
const listDeliveries = z.strictObject({ ...pageFields, status: z.enum(['pending', 'delivered', 'dead']).optional() });

@ApiTags('webhook-endpoints')
@Controller('v1/webhook-endpoints')
export class WebhookEndpointsController {
  constructor(
    private readonly endpoints: WebhookEndpoints,
    private readonly deliveries: Deliveries,
    private readonly replays: ReplayDeliveries,
    private readonly tests: TryEndpoint,
    private readonly sender: SendWebhooks,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @Requires('webhooks:read')
  @ApiOperation({ summary: 'All endpoints, with how many deliveries wait for each; a tenant has at most 50' })
  async list(@CurrentCaller() caller: Caller) {
    return { items: (await this.endpoints.list(caller.tenantId)).map(wireStatus), nextCursor: null };
  }

  @Post()
  @Requires('webhooks:write')
  @ApiOperation({ summary: 'Add an endpoint; the answer holds its secret, this once' })
  async add(@CurrentCaller() caller: Caller, @Body({ schema: newEndpoint }) body: z.output<typeof newEndpoint>) {
    const { endpoint, secret } = await this.endpoints.add(caller.tenantId, body, caller.actor);
    return { ...wireEndpoint(endpoint), secret };
  }

  @Get(':id')
  @Requires('webhooks:read')
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return wireStatus(await this.endpoints.get(caller.tenantId, uuidOf('whk', id)));
  }

  @Patch(':id')
  @Requires('webhooks:write')
  @ApiOperation({ summary: 'Change an endpoint; active again, it goes on with what it missed' })
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: endpointChange }) body: z.output<typeof endpointChange>,
  ) {
    const { status, ...change } = body;
    const changed = await this.endpoints.update(caller.tenantId, uuidOf('whk', id), { ...change, state: status }, caller.actor);
    this.sender.wake();
    return wireStatus(changed);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('webhooks:write')
  async remove(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    await this.endpoints.remove(caller.tenantId, uuidOf('whk', id), caller.actor);
  }

  @Post(':id/rotate-secret')
  @HttpCode(200)
  @Requires('webhooks:write')
  @ApiOperation({ summary: 'Make a new secret, shown this once; messages are signed with both for a while' })
  async rotate(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body({ schema: rotation }) body: z.output<typeof rotation>) {
    const { endpoint, secret } = await this.endpoints.rotateSecret(caller.tenantId, uuidOf('whk', id), body.overlapHours, caller.actor);
    return { ...wireEndpoint(endpoint), secret };
  }

  @Post(':id/test')
  @HttpCode(200)
  @Requires('webhooks:write')
  @ApiOperation({ summary: 'Send an example now, marked as one, and say what the portal answered' })
  async test(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body({ schema: testSend }) body: z.output<typeof testSend>) {
    return this.tests.send(caller.tenantId, uuidOf('whk', id), body.type);
  }

  @Post(':id/replay')
  @HttpCode(200)
  @Requires('webhooks:write')
  @ApiOperation({
    summary: 'Send the events of a range of time again',
    description: 'At most 2,000; nextSince says where the next call begins.',
  })
  async replayRange(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: replayRange }) body: z.output<typeof replayRange>,
  ) {
    const range = { since: body.since, until: body.until ?? this.clock.now(), status: body.status };
    const { replayed, nextSince } = await this.replays.range(caller.tenantId, uuidOf('whk', id), range, caller.actor);
    this.sender.wake();
    return { replayed, nextSince: nextSince?.toISOString() ?? null };
  }

  @Get(':id/deliveries')
  @Requires('webhooks:read')
  @Paged()
  async listDeliveries(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query({ schema: listDeliveries }) query: z.infer<typeof listDeliveries>,
  ) {
    const filter = { endpoint: id, status: query.status };
    const after = readCursor(query.cursor, filter)?.[0];
    const { id: endpointId } = await this.endpoints.get(caller.tenantId, uuidOf('whk', id));
    const rows = await this.deliveries.list(caller.tenantId, endpointId, { limit: query.limit + 1, after, state: query.status });
    return pageOf(rows, { limit: query.limit, filter }, (row) => [row.id], wireDelivery);
  }

  @Get(':id/deliveries/:delivery')
  @Requires('webhooks:read')
  async getDelivery(@CurrentCaller() caller: Caller, @Param('id') id: string, @Param('delivery') delivery: string) {
    const { log, ...entry } = await this.deliveries.get(caller.tenantId, uuidOf('whk', id), uuidOf('whd', delivery));
    return { ...wireDelivery(entry), log: log.map(wireAttempt) };
  }

  @Post(':id/deliveries/:delivery/replay')
  @HttpCode(200)
  @Requires('webhooks:write')
  async replay(@CurrentCaller() caller: Caller, @Param('id') id: string, @Param('delivery') delivery: string) {
    const entry = await this.replays.one(caller.tenantId, uuidOf('whk', id), uuidOf('whd', delivery), caller.actor);
    this.sender.wake();
    return wireDelivery(entry);
  }
}

function wireEndpoint(endpoint: Endpoint) {
  return {
    id: idOf('whk', endpoint.id),
    url: endpoint.url,
    description: endpoint.description,
    types: endpoint.types,
    status: endpoint.state,
    problem: endpoint.problem,
    oldSecretUntil: endpoint.oldSecretUntil?.toISOString() ?? null,
    failures: endpoint.failures,
    heldUntil: endpoint.heldUntil?.toISOString() ?? null,
    deliveredAt: endpoint.deliveredAt?.toISOString() ?? null,
    createdAt: endpoint.createdAt.toISOString(),
  };
}

function wireStatus({ pending, dead, ...endpoint }: EndpointStatus) {
  return { ...wireEndpoint(endpoint), pending, dead };
}

function wireDelivery({ id, eventId, type, subject, state, attempts, nextAt, status, problem, deliveredAt }: DeliveryEntry) {
  return {
    id: idOf('whd', id),
    event: idOf('evt', eventId),
    type,
    subject,
    status: state,
    attempts,
    nextAt: nextAt?.toISOString() ?? null,
    answered: status,
    problem,
    deliveredAt: deliveredAt?.toISOString() ?? null,
  };
}

function wireAttempt({ number, at, tookMs, status, problem }: AttemptEntry) {
  return { number, at: at.toISOString(), tookMs, answered: status, problem };
}
