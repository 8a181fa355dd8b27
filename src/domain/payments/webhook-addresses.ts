import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { webhookAddress } from '../../plugin-host/connections/webhook-address.ts';

/** The address of each connection for its provider's webhooks, as registered there. Some providers sign it. */
@Injectable()
export class WebhookAddresses {
  constructor(private readonly config: Config) {}

  /** The origin under which people and providers reach us. */
  get own(): string {
    return this.config.publicUrl;
  }

  of(plugin: string, connectionId: string): string {
    return webhookAddress(this.config.publicUrl, plugin, connectionId);
  }
}
