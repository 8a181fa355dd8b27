/** The connections of tenants with their secrets: read, opened, kept in memory, and sealed again to be stored. */
import { systemClock } from '../../kernel/clock.ts';
import type { Database } from '../../platform/database/transaction.ts';
import type { Sealer } from '../../platform/secrets/sealer.ts';
import { NO_TENANT } from '../../platform/tenancy/no-tenant.ts';
import type { PluginCatalogue } from '../plugin-catalogue.ts';
import { secretTexts } from '../redact.ts';
import { ConnectionCache, type TenantConnections } from './connection-cache.ts';
import { connectionErrors } from './connection-errors.ts';
import { allConnections, connectionOwner, removedConnection, type StoredConnection } from './connection-rows.ts';
import type { Connection, OpenConnection } from './connection.ts';
import type { Settings, SplitSettings } from './settings.ts';

export class OpenConnections {
  readonly #cache = new ConnectionCache(systemClock, (tenantId, known) => this.#read(tenantId, known));
  readonly #owners = new Map<string, string>();
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #plugins: PluginCatalogue;

  constructor(database: Database, sealer: Sealer, plugins: PluginCatalogue) {
    this.#database = database;
    this.#sealer = sealer;
    this.#plugins = plugins;
  }

  /** Every connection of a tenant by id; at once when it is in memory. */
  of(tenantId: string): TenantConnections | Promise<TenantConnections> {
    return this.#cache.of(tenantId);
  }

  /** Every connection of a tenant by id, as at most `withinMs` ago. */
  newest(tenantId: string, withinMs: number): TenantConnections | Promise<TenantConnections> {
    return this.#cache.newest(tenantId, withinMs);
  }

  /** As it lies in the table now. @throws connection.unknown */
  async fresh(tenantId: string, id: string): Promise<OpenConnection> {
    this.#cache.forget(tenantId);
    const connection = (await this.#cache.of(tenantId)).get(id);
    if (!connection) throw connectionErrors.unknown();
    return connection;
  }

  /** When the tenant is not known yet: a webhook's address. */
  async byIdAlone(id: string): Promise<OpenConnection | undefined> {
    const known = this.#owners.get(id);
    const tenantId = known ?? (await this.#database.transact(NO_TENANT, (tx) => connectionOwner(tx, id)))?.tenantId;
    return tenantId === undefined ? undefined : (await this.of(tenantId)).get(id);
  }

  /** A removed connection, with its settings for as long as they are still there. Never from memory. */
  async removed(tenantId: string, id: string): Promise<OpenConnection | undefined> {
    const found = await this.#database.transact(tenantId, (tx) => removedConnection(tx, id));
    return found && this.#open(found);
  }

  /** Forgets a tenant after a change; the next call reads it again. */
  forget(tenantId: string): void {
    this.#cache.forget(tenantId);
  }

  /** `current` with other settings, as it is to lie in the table. */
  async stored(current: OpenConnection, { plain, secret }: SplitSettings): Promise<StoredConnection> {
    const { tenantId, id, previousSettings } = current;
    return {
      ...bare(current),
      settings: plain,
      sealed: await this.seal(tenantId, id, secret),
      ...(previousSettings && { sealedPrevious: await this.sealPrevious(tenantId, id, previousSettings) }),
    };
  }

  seal(tenantId: string, id: string, secret: Settings): Promise<Buffer> {
    return this.#sealer.seal(tenantId, placeOf(id), JSON.stringify(secret));
  }

  sealPrevious(tenantId: string, id: string, settings: Settings): Promise<Buffer> {
    return this.#sealer.seal(tenantId, previousPlaceOf(id), JSON.stringify(settings));
  }

  async #read(tenantId: string, known: TenantConnections): Promise<TenantConnections> {
    const rows = await this.#database.transact(tenantId, allConnections);
    const opened = await Promise.all(
      rows.map(async (row) => {
        const before = known.get(row.id);
        return before?.version === row.version ? before : this.#open(row);
      }),
    );
    for (const { id } of opened) this.#owners.set(id, tenantId);
    return new Map(opened.map((connection) => [connection.id, connection]));
  }

  async #open({ sealed, sealedPrevious, ...row }: StoredConnection): Promise<OpenConnection> {
    const reveal = async (place: ReturnType<typeof placeOf>, bytes: Uint8Array): Promise<Settings> =>
      JSON.parse((await this.#sealer.open(row.tenantId, place, Buffer.from(bytes))).reveal()) as Settings; // written by this class
    const secrets = await reveal(placeOf(row.id), sealed);
    if (!sealedPrevious) return { ...row, allSettings: { ...row.settings, ...secrets }, secretTexts: secretTexts(secrets) };
    const previousSettings = await reveal(previousPlaceOf(row.id), sealedPrevious);
    const properties = this.#plugins.find(row.plugin)?.settings.properties;
    // Without the plugin nobody knows what is secret, so all of it is.
    const before = Object.entries(previousSettings).filter(([name]) => !properties || properties[name]?.['x-secret'] === true);
    return {
      ...row,
      allSettings: { ...row.settings, ...secrets },
      previousSettings,
      secretTexts: [...secretTexts(secrets), ...secretTexts(Object.fromEntries(before))],
    };
  }
}

/** Without the secrets. */
export function bare({ allSettings: _all, previousSettings: _previous, secretTexts: _texts, ...connection }: OpenConnection): Connection {
  return connection;
}

function placeOf(id: string): { table: string; row: string; field: string } {
  return { table: 'connection', row: id, field: 'secrets' };
}

function previousPlaceOf(id: string): { table: string; row: string; field: string } {
  return { table: 'connection', row: id, field: 'previous_settings' };
}
