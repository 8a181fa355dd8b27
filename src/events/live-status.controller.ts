/** `GET /v1/payments/{id}/events` and its like: one thing, live. */
import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { idErrors, idOf, uuidOf, type IdPrefix } from '../kernel/ids.ts';
import { Requires } from '../platform/auth/access.ts';
import { CurrentFollower, requireSight, TakesStreamToken, type Follower } from '../platform/auth/follower.ts';
import { StreamPreflight } from '../platform/auth/page-origins.ts';
import type { SubjectName } from './catalogue/subjects.ts';
import { LiveStatus } from './live-status.ts';
import { positionOf } from './stream-position.ts';
import { SubjectReaders } from './subject-readers.ts';

@ApiTags('stream')
@Controller('v1')
export class LiveStatusController {
  constructor(
    private readonly status: LiveStatus,
    private readonly readers: SubjectReaders,
  ) {}

  @StreamPreflight('payments/:id/events', 'payment-requests/:id/events', 'orders/:id/events', 'invoices/:id/events')
  preflight(): void {}

  @Get('payments/:id/events')
  @Requires('payments:read')
  @TakesStreamToken()
  @ApiOperation({ summary: 'Follow a payment: its state, then its events; send Last-Event-ID to go on' })
  @ApiProduces('text/event-stream')
  payment(
    @CurrentFollower() follower: Follower,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.#follow(follower, 'payment', 'pay', id, last, reply);
  }

  @Get('payment-requests/:id/events')
  @Requires('payments:read')
  @TakesStreamToken()
  @ApiOperation({ summary: 'Follow a payment request: its state, then its events; send Last-Event-ID to go on' })
  @ApiProduces('text/event-stream')
  request(
    @CurrentFollower() follower: Follower,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.#follow(follower, 'request', 'req', id, last, reply);
  }

  @Get('orders/:id/events')
  @Requires('orders:read')
  @TakesStreamToken()
  @ApiOperation({ summary: 'Follow an order: its state, then its events; send Last-Event-ID to go on' })
  @ApiProduces('text/event-stream')
  order(
    @CurrentFollower() follower: Follower,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.#follow(follower, 'order', 'ord', id, last, reply);
  }

  @Get('invoices/:id/events')
  @Requires('invoices:read')
  @TakesStreamToken()
  @ApiOperation({ summary: 'Follow an invoice: its state, then its events; send Last-Event-ID to go on' })
  @ApiProduces('text/event-stream')
  invoice(
    @CurrentFollower() follower: Follower,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.#follow(follower, 'invoice', 'inv', id, last, reply);
  }

  /** @throws id.format for what is not there or another tenant's: the same answer as for an id that is none; auth.subject */
  async #follow(
    follower: Follower,
    name: SubjectName,
    prefix: IdPrefix,
    given: string,
    lastEventId: string | undefined,
    reply: FastifyReply,
  ): Promise<void> {
    const { tenantId } = follower;
    const id = idOf(prefix, uuidOf(prefix, given));
    const subject = `${name}/${id}`;
    requireSight(follower, subject);
    const state = async () => (await this.readers.read(name, tenantId, [id])).get(id);
    const isThere = await this.status.follow(reply, { tenantId, name, subject, state }, positionOf(lastEventId));
    if (!isThere) throw idErrors.format({ expected: `${prefix}_…` });
  }
}
