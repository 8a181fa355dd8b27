/** `GET /v1/payments/{id}/events` and its like: one thing, live. */
import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { idErrors, idOf, uuidOf, type IdPrefix } from '../kernel/ids.ts';
import { Requires } from '../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../platform/auth/caller.ts';
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

  @Get('payments/:id/events')
  @Requires('payments:read')
  @ApiOperation({ summary: 'Follow a payment: its state, then its events; send Last-Event-ID to go on' })
  @ApiProduces('text/event-stream')
  payment(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.#follow(caller, 'payment', 'pay', id, last, reply);
  }

  @Get('orders/:id/events')
  @Requires('orders:read')
  @ApiOperation({ summary: 'Follow an order: its state, then its events; send Last-Event-ID to go on' })
  @ApiProduces('text/event-stream')
  order(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.#follow(caller, 'order', 'ord', id, last, reply);
  }

  @Get('invoices/:id/events')
  @Requires('invoices:read')
  @ApiOperation({ summary: 'Follow an invoice: its state, then its events; send Last-Event-ID to go on' })
  @ApiProduces('text/event-stream')
  invoice(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.#follow(caller, 'invoice', 'inv', id, last, reply);
  }

  /** @throws id.format for what is not there or another tenant's: the same answer as for an id that is none */
  async #follow(
    { tenantId }: Caller,
    name: SubjectName,
    prefix: IdPrefix,
    given: string,
    lastEventId: string | undefined,
    reply: FastifyReply,
  ): Promise<void> {
    const id = idOf(prefix, uuidOf(prefix, given));
    const state = async () => (await this.readers.read(name, tenantId, [id])).get(id);
    const isThere = await this.status.follow(reply, { tenantId, name, subject: `${name}/${id}`, state }, positionOf(lastEventId));
    if (!isThere) throw idErrors.format({ expected: `${prefix}_…` });
  }
}
