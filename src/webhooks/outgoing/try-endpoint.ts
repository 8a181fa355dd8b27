import { Inject, Injectable } from '@nestjs/common';
import { wireType } from '../../events/cloud-event.ts';
import { definitionOf } from '../../events/catalogue/catalogue.ts';
import { OWN_SOURCE } from '../../events/event-log.ts';
import type { Clock } from '../../kernel/clock.ts';
import { newId } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { EndpointSecrets } from './endpoint-secrets.ts';
import { messageOf } from './message.ts';
import { SendMessage } from './send-message.ts';
import { WebhookEndpoints } from './webhook-endpoints.ts';

/** What came of a test. */
export interface TestResult {
  /** The `webhook-id` that the portal got. */
  readonly id: string;
  readonly delivered: boolean;
  readonly answered: number | null;
  readonly problem: string | null;
  readonly tookMs: number;
}

/**
 * Sends the example of an event type to an endpoint, signed as any other. It says of itself that it is a test (`kassaflowtest`), is in
 * no log and no queue, and is sent once, also to an endpoint that is paused.
 */
@Injectable()
export class TryEndpoint {
  constructor(
    private readonly endpoints: WebhookEndpoints,
    private readonly secrets: EndpointSecrets,
    private readonly messages: SendMessage,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws webhook-endpoint.unknown, events.unknown-type */
  async send(tenantId: string, endpointId: string, type: string): Promise<TestResult> {
    const definition = definitionOf(type);
    const { url } = await this.endpoints.get(tenantId, endpointId);
    const now = this.clock.now();
    const id = newId('evt');
    const body = JSON.stringify({
      specversion: '1.0',
      id,
      eventid: id,
      source: OWN_SOURCE,
      type: wireType(definition),
      time: now.toISOString(),
      datacontenttype: 'application/json',
      kassaflowtest: true,
      data: definition.example,
    });
    const message = messageOf(id, body, await this.secrets.signing(tenantId, endpointId, now), now);
    const { kind, status, problem, tookMs } = await this.messages.send(url, message, AbortSignal.timeout(GIVES_UP_MS));
    return {
      id,
      delivered: kind === 'delivered',
      answered: status,
      problem: kind === 'interrupted' ? 'The portal did not answer in time' : problem,
      tookMs,
    };
  }
}

/** Somebody waits for the answer. */
const GIVES_UP_MS = 15_000;
