/** `GET /v1/stream`: the tenant's events as they happen, as server-sent events. */
import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Requires } from '../platform/auth/access.ts';
import { CurrentFollower, requireSight, TakesStreamToken, type Follower } from '../platform/auth/follower.ts';
import { StreamPreflight } from '../platform/auth/page-origins.ts';
import { LiveStatus } from './live-status.ts';
import { positionOf } from './stream-position.ts';

/** As many as a stream token may name. */
const MOST_SUBJECTS = 100;

const streamQuery = z.strictObject({
  type: z
    .string()
    .max(500)
    .optional()
    .meta({ description: 'Event types in their short form, separated by commas', example: 'payment.completed,payment.failed' }),
  subject: z.string().max(4_000).optional().meta({
    description: 'Events about these only, separated by commas; payment/* for all payments',
    example: 'payment/pay_01jd3k4m5n6p7q8r9s0t1v2w3z',
  }),
});

@ApiTags('stream')
@Controller('v1/stream')
export class StreamController {
  constructor(private readonly status: LiveStatus) {}

  @StreamPreflight('')
  preflight(): void {}

  /**
   * Each message is one CloudEvent; its `id:` is the position to come back with. Without one, it begins with the next event. A stream
   * token sees what it is for, or what of that is asked for.
   */
  @Get()
  @Requires('stream:read')
  @TakesStreamToken()
  @ApiOperation({
    summary: 'Follow events as they happen',
    description: 'Server-sent events. Send Last-Event-ID to go on where a connection broke.',
  })
  @ApiProduces('text/event-stream')
  follow(
    @CurrentFollower() follower: Follower,
    @Query({ schema: streamQuery }) { type, subject }: z.infer<typeof streamQuery>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const asked = subject === undefined ? undefined : listed(subject).slice(0, MOST_SUBJECTS);
    for (const one of asked ?? []) requireSight(follower, one);
    return this.status.stream(reply, {
      tenantId: follower.tenantId,
      types: new Set(listed(type ?? '')),
      about: asked ?? follower.about,
      after: positionOf(lastEventId),
    });
  }
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
