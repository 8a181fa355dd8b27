/** `GET /v1/stream`: the tenant's events as they happen, as server-sent events. */
import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Requires } from '../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../platform/auth/caller.ts';
import { SseStreams } from '../platform/http/sse.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { toCloudEvent } from './cloud-event.ts';
import { LiveEvents } from './live-events.ts';
import { positionOf } from './stream-position.ts';

const streamQuery = z.strictObject({
  type: z
    .string()
    .max(500)
    .optional()
    .meta({ description: 'Event types in their short form, separated by commas', example: 'payment.completed,payment.failed' }),
  subject: z
    .string()
    .max(256)
    .optional()
    .meta({ description: 'Events about this only', example: 'payment/pay_01jd3k4m5n6p7q8r9s0t1v2w3z' }),
});

@ApiTags('events')
@Controller('v1/stream')
export class StreamController {
  constructor(
    private readonly live: LiveEvents,
    private readonly streams: SseStreams,
    private readonly metrics: Metrics,
  ) {}

  /** Each message is one CloudEvent; its `id:` is the position to come back with. Without one, it begins with the next event. */
  @Get()
  @Requires('stream:read')
  @ApiOperation({
    summary: 'Follow events as they happen',
    description: 'Server-sent events. Send Last-Event-ID to go on where a connection broke.',
  })
  @ApiProduces('text/event-stream')
  async follow(
    @CurrentCaller() { tenantId }: Caller,
    @Query({ schema: streamQuery }) { type, subject }: z.infer<typeof streamQuery>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const after = positionOf(lastEventId);
    const client = this.streams.open(reply);
    this.metrics.streamClients.inc();
    client.signal.addEventListener('abort', () => this.metrics.streamClients.dec(), { once: true });
    const watcher = {
      deliver: (event: Parameters<typeof toCloudEvent>[0]) => client.send({ id: event.seq.toString(), data: toCloudEvent(event) }),
      tooSlow: () => client.end('too slow: come back with Last-Event-ID'),
    };
    const types = new Set(
      type
        ?.split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    );
    await this.live
      .watch({ tenantId, types, subject, after }, watcher, client.signal)
      .catch(() => client.end('come back with Last-Event-ID'));
  }
}
