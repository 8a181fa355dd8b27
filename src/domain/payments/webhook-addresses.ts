import { Injectable } from '@nestjs/common';
import { idOf } from '../../kernel/ids.ts';
import { Config } from '../../platform/config/config.ts';

/** The address of each connection for its provider's webhooks, as registered there. Some providers sign it. */
@Injectable()
export class WebhookAddresses {
  constructor(private readonly config: Config) {}

  of(plugin: string, connectionId: string): string {
    return `${this.config.publicUrl}/webhooks/${plugin}/${idOf('con', connectionId)}`;
  }
}
