/** Events about endpoints. One about a delivery that was itself about an endpoint is not recorded, so that two portals that are away do not feed each other. */
import { Injectable } from '@nestjs/common';
import { EventLog } from '../../events/event-log.ts';
import { idOf } from '../../kernel/ids.ts';
import type { Transaction } from '../../platform/database/transaction.ts';

/** A delivery that has come to its end. Ids are `uuid`. */
export interface DeadDelivery {
  readonly id: string;
  readonly endpointId: string;
  readonly attempts: number;
}

const OWN_TYPES = 'webhook-endpoint.';

@Injectable()
export class EndpointEvents {
  constructor(private readonly eventLog: EventLog) {}

  /** The portal answered that nobody is there. */
  async disabled(tx: Transaction, endpointId: string, problem: string): Promise<void> {
    await this.#append(tx, 'webhook-endpoint.disabled', endpointId, { problem });
  }

  /** A delivery was tried for the last time. */
  async deadLetter(tx: Transaction, taken: DeadDelivery, problem: string): Promise<void> {
    const [row] = await tx.query<{ event_id: string; type: string; subject: string }>(
      'select event_id, type, subject from webhook_delivery where id = $1',
      [taken.id],
    );
    if (!row || row.type.startsWith(OWN_TYPES)) return;
    const { event_id: eventId, type, subject } = row;
    const delivery = { id: idOf('whd', taken.id), event: idOf('evt', eventId), type, subject, attempts: taken.attempts, problem };
    await this.#append(tx, 'webhook-endpoint.dead-letter', taken.endpointId, { delivery });
  }

  async #append(tx: Transaction, type: string, endpointId: string, data: Readonly<Record<string, unknown>>): Promise<void> {
    const [row] = await tx.query<{ url: string; description: string }>('select url, description from webhook_endpoint where id = $1', [
      endpointId,
    ]);
    if (!row) return;
    const id = idOf('whk', endpointId);
    const endpoint = { id, host: new URL(row.url).host, description: row.description };
    await this.eventLog.append(tx, { type, subject: `webhook-endpoint/${id}`, data: { endpoint, ...data } });
  }
}
