import { Module } from '@nestjs/common';
import { Deliveries } from './deliveries.ts';
import { EndpointEvents } from './endpoint-events.ts';
import { EndpointSecrets } from './endpoint-secrets.ts';
import { OutgoingGauges } from './outgoing-gauges.ts';
import { QueueEvents } from './queue-events.ts';
import { ReplayDeliveries } from './replay-deliveries.ts';
import { SendMessage } from './send-message.ts';
import { SendWebhooks } from './send-webhooks.ts';
import { TryEndpoint } from './try-endpoint.ts';
import { WebhookEndpoints } from './webhook-endpoints.ts';
import { WebhookEndpointsController } from './webhook-endpoints.controller.ts';

/** Needs `Database`, `EnginePool`, `EventLog`, `EventReader`, `PluginHost` (for its way out), `Sealer`, `Audit`, `Metrics`, `Config` and `CLOCK` from global modules. */
@Module({
  controllers: [WebhookEndpointsController],
  providers: [
    WebhookEndpoints,
    EndpointSecrets,
    Deliveries,
    EndpointEvents,
    QueueEvents,
    SendMessage,
    SendWebhooks,
    ReplayDeliveries,
    TryEndpoint,
    OutgoingGauges,
  ],
})
export class OutgoingModule {}
