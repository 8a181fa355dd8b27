import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { CLOCK } from '../../platform/clock.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { DeliveryReaders } from '../../plugin-host/delivery-readers.ts';
import type { WebhookConnection } from '../../plugin-host/provider-calls.ts';
import { TriggerDoor } from '../../plugin-host/trigger-door.ts';
import { TriggerItems } from './trigger-items.ts';

interface SourceRow {
  readonly source: string;
  readonly trigger: string;
  readonly via: string | null;
  readonly input: Readonly<Record<string, unknown>>;
}

/**
 * Reads verified deliveries of providers for the triggers that flows name. The delivery stays in the inbox until its items are on
 * disk; one that is read twice gives the same items, which are told of once.
 */
@Injectable()
export class ReadDeliveries implements OnModuleInit {
  readonly #log = new Logger('triggers');

  constructor(
    private readonly pool: EnginePool,
    private readonly door: TriggerDoor,
    private readonly readers: DeliveryReaders,
    private readonly items: TriggerItems,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.readers.offer((connection, delivery) => this.read(connection, delivery));
  }

  /** @returns the number of items @throws when a trigger could not read the delivery: it is read again later */
  async read(connection: WebhookConnection, delivery: RawWebhook): Promise<number> {
    const names = this.door.manifests().filter(({ plugin, mode }) => plugin === connection.plugin && mode === 'webhook');
    if (names.length === 0) return 0;
    const { rows } = await this.pool.query<SourceRow>(SOURCES, [connection.tenantId, names.map(({ name }) => name)]);
    let found = 0;
    for (const row of rows) {
      if (!(await this.#isMeant(connection, row))) continue;
      const items = await this.door.read(connection, row.trigger, row.input, delivery);
      await this.items.fire({ ...connection, source: row.source, trigger: row.trigger }, items, this.clock.now());
      found += items.length;
    }
    return found;
  }

  /** Whether the source listens to this connection: the one it names, or the only one that fits. */
  async #isMeant({ tenantId, connectionId }: WebhookConnection, { trigger, via }: SourceRow): Promise<boolean> {
    try {
      return (await this.door.choose(tenantId, trigger, via ?? undefined)).id === connectionId;
    } catch (error) {
      if (!isKassaflowError(error) || error.spec.remedy !== 'fix') throw error;
      this.#log.warn({ tenant: tenantId, trigger, problem: error.message }, 'A trigger has no connection');
      return false;
    }
  }
}

const SOURCES = `
select source, trigger, via, input from trigger_source where tenant_id = $1 and trigger = any($2::text[]) order by source limit 1000`;
