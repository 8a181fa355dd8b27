import { Module } from '@nestjs/common';
import { PaymentsModule } from '../domain/payments/index.ts';
import { SettlementsModule } from '../domain/settlements/index.ts';
import { InboxController } from './inbox.controller.ts';
import { InboxGauges } from './inbox-gauges.ts';
import { Inbox } from './inbox.ts';
import { ProviderWebhooksController } from './provider-webhooks.controller.ts';
import { StoreDeliveries } from './store-deliveries.ts';
import { TranslateInbox } from './translate-inbox.ts';

@Module({
  imports: [PaymentsModule, SettlementsModule],
  controllers: [ProviderWebhooksController, InboxController],
  providers: [Inbox, InboxGauges, StoreDeliveries, TranslateInbox],
  exports: [Inbox, TranslateInbox],
})
export class WebhooksModule {}
