import { Injectable, Logger } from '@nestjs/common';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { Database } from '../platform/database/transaction.ts';
import { NO_TENANT } from '../platform/tenancy/no-tenant.ts';
import { messageOf } from '../platform/thrown.ts';
import { PluginHost } from './plugin-host.ts';

/** The connections that are looked at: tenants have the same few plugins, however many tenants there are. */
const CONNECTIONS = 500;

/**
 * Wakes the plugins that somebody has connected, once this process has told that it is ready: a start does not wait for them, and the
 * first payment does not either.
 */
@Injectable()
export class WarmPlugins {
  readonly #logger = new Logger('plugins');

  constructor(
    private readonly host: PluginHost,
    private readonly pool: EnginePool,
    private readonly database: Database,
  ) {}

  /** One after the other, beside what this process is there for. Never rejects: one that sleeps on is woken by its first call. */
  async wake(): Promise<void> {
    try {
      for (const plugin of await this.#connected()) await this.host.wake(plugin);
    } catch (error) {
      this.#logger.warn({ problem: messageOf(error) }, 'the plugins with a connection are not started before their first call');
    }
  }

  /** The engine knows every tenant's connections by id alone, and the app whose plugin one is for. */
  async #connected(): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ connection_id: string }>(
      'select connection_id from connection_health order by due_at desc limit $1',
      [CONNECTIONS],
    );
    const found = await this.database.transact(NO_TENANT, (tx) =>
      tx.query<{ plugin: string }>(
        `select distinct plugin from unnest($1::uuid[]) as one (id), find_connection_tenant(one.id) where state <> 'disabled' order by plugin`,
        [rows.map(({ connection_id: id }) => id)],
      ),
    );
    return found.map(({ plugin }) => plugin);
  }
}
