import { Injectable } from '@nestjs/common';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { WebhookConnection } from './provider-calls.ts';

/** Reads a verified delivery for the flows that wait for it. Resolves with the number of items when they are on disk. */
export type ReadDelivery = (connection: WebhookConnection, delivery: RawWebhook) => Promise<number>;

/**
 * Where the module that starts flows offers to read the deliveries of providers: the webhook door asks here and imports no engine.
 * As long as nobody has offered, a delivery tells flows nothing.
 */
@Injectable()
export class DeliveryReaders {
  #read: ReadDelivery | undefined;

  offer(read: ReadDelivery): void {
    this.#read = read;
  }

  /** @throws when it must be read again later */
  async read(connection: WebhookConnection, delivery: RawWebhook): Promise<number> {
    return (await this.#read?.(connection, delivery)) ?? 0;
  }
}
