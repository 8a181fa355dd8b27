/** A connection as the API shows it: without its secrets, with how it stands at its provider. */
import { Injectable } from '@nestjs/common';
import { idOf } from '../../kernel/ids.ts';
import { Config } from '../../platform/config/config.ts';
import { Database } from '../../platform/database/transaction.ts';
import { PluginCatalogue } from '../plugin-catalogue.ts';
import { allHealth, type ConnectionHealth } from './connection-health.ts';
import type { Connection, LastCheck } from './connection.ts';
import { webhookAddress } from './webhook-address.ts';

/** A connection on the wire. */
export interface ConnectionView {
  readonly id: string;
  readonly name: string;
  readonly plugin: string;
  readonly mode: 'test' | 'live';
  readonly status: Connection['state'];
  readonly isDefault: boolean;
  readonly callsPerSecond: number | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly lastCheck: LastCheck | null;
  /** Until when the credentials before the last rotation count too. */
  readonly previousUntil: string | null;
  readonly webhook: WebhookView;
  readonly createdAt: string;
}

/** How the provider's webhooks to us stand. */
export interface WebhookView {
  /**
   * `none`: the plugin takes none. `by-hand`: a person puts `url` into the provider's dashboard. `pending`, `registered`, `failed`:
   * Kassaflow registers it.
   */
  readonly status: 'none' | 'by-hand' | ConnectionHealth['webhookState'];
  readonly url: string | null;
  readonly registeredAt: string | null;
  /** To the minute. */
  readonly lastDeliveryAt: string | null;
  readonly lastRefusal: { readonly at: string; readonly reason: string } | null;
  readonly problem: string | null;
}

@Injectable()
export class ConnectionViews {
  constructor(
    private readonly database: Database,
    private readonly plugins: PluginCatalogue,
    private readonly config: Config,
  ) {}

  async of(tenantId: string, connections: readonly Connection[]): Promise<ConnectionView[]> {
    const health = new Map((await this.database.transact(tenantId, allHealth)).map((row) => [row.connectionId, row]));
    return connections.map((connection) => this.#view(connection, health.get(connection.id)));
  }

  #view(connection: Connection, health: ConnectionHealth | undefined): ConnectionView {
    const { id, name, plugin, mode, state, isDefault, callsPerSecond, settings, lastCheck, previousUntil, createdAt } = connection;
    return {
      id: idOf('con', id),
      name,
      plugin,
      mode,
      status: state,
      isDefault,
      callsPerSecond: callsPerSecond ?? null,
      settings,
      lastCheck: lastCheck ?? null,
      previousUntil: previousUntil?.toISOString() ?? null,
      webhook: this.#webhook(connection, health),
      createdAt: createdAt.toISOString(),
    };
  }

  #webhook({ id, plugin }: Connection, health: ConnectionHealth | undefined): WebhookView {
    const methods = this.plugins.find(plugin)?.methods ?? [];
    const registers = methods.includes('webhook.register');
    const status = registers ? (health?.webhookState ?? 'pending') : methods.includes('webhook.verify') ? 'by-hand' : 'none';
    return {
      status,
      url: status === 'none' ? null : webhookAddress(this.config.publicUrl, plugin, id),
      registeredAt: health?.registeredAt?.toISOString() ?? null,
      lastDeliveryAt: health?.deliveredAt?.toISOString() ?? null,
      lastRefusal: health?.refusedAt ? { at: health.refusedAt.toISOString(), reason: health.refusal ?? '' } : null,
      problem: health?.problem ?? null,
    };
  }
}
