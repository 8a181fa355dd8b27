import { createHash } from 'node:crypto';
import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { uuidOf } from '../kernel/ids.ts';
import { Public } from '../platform/auth/access.ts';
import { CLOCK } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { LimitsItself } from '../platform/http/rate-limit.ts';
import { TakesRawBody } from '../platform/http/raw-body.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { ProviderCalls, type WebhookConnection } from '../plugin-host/provider-calls.ts';
import { WebhookAddresses } from '../domain/payments/index.ts';
import { StoreDeliveries } from './store-deliveries.ts';
import { TranslateInbox } from './translate-inbox.ts';
import { webhookErrors } from './webhook-errors.ts';

/** Ids of provider events are short; a longer one is stored by its hash. */
const LONGEST_KEY = 255;

/**
 * The door for providers. The connection is in the address, so the secret is known before anything is parsed. Verified bytes go
 * to the inbox and the answer is 200 at once; what they mean is found out afterwards.
 */
@Controller('webhooks')
export class ProviderWebhooksController {
  constructor(
    private readonly calls: ProviderCalls,
    private readonly deliveries: StoreDeliveries,
    private readonly translateInbox: TranslateInbox,
    private readonly addresses: WebhookAddresses,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws webhooks.unknown-address, webhooks.signature-…, webhooks.timestamp-…, webhooks.mode-mismatch */
  @Post(':plugin/:connection')
  @HttpCode(200)
  @Public()
  // A provider sends thousands from a few addresses, or all of it through one proxy.
  @LimitsItself()
  @TakesRawBody()
  async receive(
    @Param('plugin') plugin: string,
    @Param('connection') connectionId: string,
    @Req() request: FastifyRequest,
    @Body() body: Buffer | undefined,
  ) {
    const connection = await this.#find(plugin, connectionId);
    const delivery: RawWebhook = {
      method: request.method,
      url: this.addresses.of(connection.plugin, connection.connectionId),
      headers: headersOf(request),
      body: body ?? Buffer.alloc(0),
      receivedAt: this.clock.now().getTime(),
    };
    const verdict = await this.calls.verify(connection, delivery);
    if (!verdict.ok) {
      this.metrics.webhooksReceived.inc({ provider: connection.plugin, result: 'refused' });
      throw webhookErrors[verdict.reason]({ hint: verdict.hint });
    }
    crashPoint('webhook.stored.before');
    const stored = await this.deliveries.store(connection.tenantId, {
      connectionId: connection.connectionId,
      delivery,
      eventKey: eventKeyOf(verdict.eventId),
    });
    crashPoint('webhook.stored.after');
    if (stored === 'duplicate') this.metrics.webhooksReceived.inc({ provider: connection.plugin, result: 'duplicate' });
    else this.translateInbox.wake();
    return { received: true, duplicate: stored === 'duplicate' };
  }

  async #find(plugin: string, connectionId: string): Promise<WebhookConnection> {
    const found = await this.calls.findWebhookConnection(plugin, uuidOrNone(connectionId));
    if (!found) throw webhookErrors['unknown-address']();
    return found;
  }
}

/** An id that cannot be one gets the same answer as one that does not exist. */
function uuidOrNone(connectionId: string): string {
  try {
    return uuidOf('con', connectionId);
  } catch (error) {
    if (isKassaflowError(error)) throw webhookErrors['unknown-address']();
    throw error;
  }
}

/** Lower-case names; a header that was sent twice stays a list, because joining them would hide the second signature. */
function headersOf({ raw }: FastifyRequest): RawWebhook['headers'] {
  const headers: Record<string, string | string[]> = {};
  for (let index = 0; index < raw.rawHeaders.length; index += 2) {
    const name = raw.rawHeaders[index]?.toLowerCase() ?? '';
    const value = raw.rawHeaders[index + 1] ?? '';
    headers[name] = Object.hasOwn(headers, name) ? [headers[name] ?? '', value].flat() : value;
  }
  return headers;
}

function eventKeyOf(eventId: string): string {
  return eventId.length <= LONGEST_KEY ? eventId : `sha256:${createHash('sha256').update(eventId).digest('hex')}`;
}
