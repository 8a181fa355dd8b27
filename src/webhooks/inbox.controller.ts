import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { idOf, uuidOf } from '../kernel/ids.ts';
import { Requires } from '../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../platform/auth/caller.ts';
import { CLOCK } from '../platform/clock.ts';
import { pageFields, pageOf, readCursor } from '../platform/http/page.ts';
import { Paged } from '../platform/http/paged.ts';
import { Inbox, type InboxEntry } from './inbox.ts';
import { TranslateInbox } from './translate-inbox.ts';

const listDeliveries = z.strictObject({
  ...pageFields,
  status: z
    .enum(['failed', 'orphan', 'received'])
    .optional()
    .meta({ description: 'failed wants a person; orphan and received are tried again. Default: all three' }),
});

/** `/v1/inbox`: deliveries of providers that could not be applied, and the way to apply them after all. */
@ApiTags('webhooks')
@Controller('v1/inbox')
export class InboxController {
  constructor(
    private readonly inbox: Inbox,
    private readonly translateInbox: TranslateInbox,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @Requires('webhooks:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listDeliveries }) query: z.infer<typeof listDeliveries>) {
    const filter = { status: query.status };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.inbox.troubled(caller.tenantId, { limit: query.limit + 1, after, state: query.status });
    return pageOf(rows, { limit: query.limit, filter }, ({ id }) => [id], wireEntry);
  }

  /** Looks at a delivery again, at once. Repeating it does no harm. */
  @Post(':id/replay')
  @HttpCode(200)
  @Requires('webhooks:write')
  async replay(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    const entry = await this.inbox.replay(caller.tenantId, uuidOf('dlv', id), this.clock.now(), caller.actor);
    this.translateInbox.wake();
    return wireEntry(entry);
  }
}

function wireEntry({ id, connectionId, eventKey, state, attempts, receivedAt, nextAt, problem }: InboxEntry) {
  return {
    id: idOf('dlv', id),
    connection: idOf('con', connectionId),
    eventId: eventKey,
    status: state,
    attempts,
    receivedAt: receivedAt.toISOString(),
    nextAt: nextAt?.toISOString() ?? null,
    problem,
  };
}
