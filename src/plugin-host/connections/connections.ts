/** Connections: added, changed, checked and paused by people or by a refusal; opened for calls. */
import { Injectable, Logger } from '@nestjs/common';
import { systemClock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
import { nearest } from '../../kernel/nearest.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { Sealer } from '../../platform/secrets/sealer.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { NO_TENANT } from '../../platform/tenancy/no-tenant.ts';
import type { PluginManifest } from '../manifest.ts';
import { redactText, secretTexts } from '../redact.ts';
import { ConnectionCache, type TenantConnections } from './connection-cache.ts';
import { connectionErrors } from './connection-errors.ts';
import type { Connection, LastCheck, OpenConnection } from './connection.ts';
import {
  allConnections,
  connectionOwner,
  insertConnection,
  MAX_CONNECTIONS,
  nameIsTaken,
  pauseConnection,
  recordCheck,
  updateConnection,
  type StoredConnection,
} from './connection-rows.ts';
import { splitSettings, type Settings } from './settings.ts';
import { PluginCatalogue } from '../plugin-catalogue.ts';

/** What it takes to make a connection. */
export interface NewConnection {
  readonly name: string;
  readonly plugin: string;
  readonly mode: 'test' | 'live';
  /** Secret ones included. */
  readonly settings: Settings;
  readonly isDefault?: boolean;
}

/** What may be changed. `settings` are merged: a secret that is not given stays as it is. */
export interface ConnectionChange {
  readonly name?: string;
  readonly settings?: Settings;
  readonly isDefault?: boolean;
  readonly state?: 'active' | 'disabled';
  /** `null`: as its plugin says. */
  readonly callsPerSecond?: number | null;
}

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

@Injectable()
export class Connections {
  readonly #logger = new Logger('connections');
  readonly #cache = new ConnectionCache(systemClock, (tenantId, known) => this.#read(tenantId, known));
  readonly #owners = new Map<string, string>();

  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
    private readonly plugins: PluginCatalogue,
    private readonly audit: Audit,
    private readonly metrics: Metrics,
  ) {}

  /** All connections of a tenant, by name, without secrets. */
  async list(tenantId: string): Promise<readonly Connection[]> {
    return [...(await this.#cache.of(tenantId)).values()].map(bare);
  }

  /** The connection with its secrets, for a call; at once when it is in memory. `undefined` when there is none. */
  open(tenantId: string, id: string): OpenConnection | undefined | Promise<OpenConnection | undefined> {
    const connections = this.#cache.of(tenantId);
    return connections instanceof Promise ? connections.then((all) => all.get(id)) : connections.get(id);
  }

  /** As {@link open}, when the tenant is not known yet: a webhook's address. */
  async openByIdAlone(id: string): Promise<OpenConnection | undefined> {
    const known = this.#owners.get(id);
    const tenantId = known ?? (await this.database.transact(NO_TENANT, (tx) => connectionOwner(tx, id)))?.tenantId;
    return tenantId === undefined ? undefined : await this.open(tenantId, id);
  }

  /** @throws connection.name, connection.name-taken, connection.unknown-plugin, connection.settings, connection.limit */
  async add(tenantId: string, wanted: NewConnection, actor: string): Promise<Connection> {
    if (!NAME.test(wanted.name)) throw connectionErrors.name({ found: wanted.name.slice(0, 70) });
    const { plain, secret } = splitSettings(this.#manifestOf(wanted.plugin).settings, wanted.settings);
    if ((await this.#cache.of(tenantId)).size >= MAX_CONNECTIONS) throw connectionErrors.limit({ limit: MAX_CONNECTIONS });
    const id = newUuid();
    const { name, plugin, mode, isDefault = false } = wanted;
    const connection: Connection = {
      id,
      tenantId,
      name,
      plugin,
      mode,
      isDefault,
      state: 'active',
      settings: plain,
      lastCheck: undefined,
      createdAt: systemClock.now(),
      version: 1,
    };
    const sealed = await this.#seal(tenantId, id, secret);
    await this.database.transact(tenantId, async (tx) => {
      if (!(await insertConnection(tx, { ...connection, sealed }))) throw connectionErrors['name-taken']({ name });
      await this.audit.append(tx, { actor, action: 'connection.add', subject: `connection/${name}`, detail: { plugin, mode } });
    });
    this.#cache.forget(tenantId);
    return connection;
  }

  /** @throws connection.unknown, connection.name, connection.name-taken, connection.settings, connection.state */
  async update(tenantId: string, id: string, change: ConnectionChange, actor: string): Promise<Connection> {
    const current = await this.#fresh(tenantId, id);
    const name = change.name ?? current.name;
    if (!NAME.test(name)) throw connectionErrors.name({ found: name.slice(0, 70) });
    const { plain, secret } = splitSettings(this.#manifestOf(current.plugin).settings, { ...current.allSettings, ...change.settings });
    const sealed = await this.#seal(tenantId, id, secret);
    const { callsPerSecond: before, ...rest } = bare(current);
    const callsPerSecond = change.callsPerSecond === undefined ? before : (change.callsPerSecond ?? undefined);
    const next: StoredConnection = {
      ...rest,
      ...(callsPerSecond !== undefined && { callsPerSecond }),
      name,
      isDefault: change.isDefault ?? current.isDefault,
      state: change.state ?? current.state,
      settings: plain,
      sealed,
    };
    await this.database.transact(tenantId, async (tx) => {
      if (await nameIsTaken(tx, name, id)) throw connectionErrors['name-taken']({ name });
      if (!(await updateConnection(tx, next))) throw connectionErrors.state();
      await this.audit.append(tx, {
        actor,
        action: 'connection.update',
        subject: `connection/${name}`,
        detail: { changed: Object.keys(change) },
      });
    });
    return bare(await this.#fresh(tenantId, id));
  }

  /** Writes down how a check went. A good one ends a pause; one that the provider refused begins it. */
  async noteCheck(tenantId: string, id: string, check: LastCheck, refused: boolean): Promise<Connection> {
    await this.database.transact(tenantId, (tx) => recordCheck(tx, id, check, check.ok ? 'active' : refused ? 'paused' : undefined));
    const connection = await this.#fresh(tenantId, id);
    this.metrics.connectionUp.set({ connection: connection.name }, connection.state === 'active' ? 1 : 0);
    return bare(connection);
  }

  /** Pauses a connection whose credentials the provider refused, and says so once. Never rejects. */
  async pause(connection: OpenConnection, message: string): Promise<void> {
    const { tenantId, id, name, plugin } = connection;
    const check: LastCheck = { at: systemClock.now().toISOString(), ok: false, message: redactText(message, connection.secretTexts) };
    try {
      const paused = await this.database.transact(tenantId, (tx) => pauseConnection(tx, id, check));
      this.#cache.forget(tenantId);
      if (!paused) return;
      this.metrics.connectionUp.set({ connection: name }, 0);
      this.#logger.error(
        { connection: name, plugin, problem: check.message },
        'the provider refused the credentials; the connection is paused',
      );
    } catch (error) {
      this.#logger.error({ connection: name, err: error }, 'the connection could not be paused');
    }
  }

  /**
   * The one connection that `fits`: the one named `via`, else the only one, else the only default.
   * @throws connection.unknown, connection.does-not-fit, connection.missing, connection.ambiguous
   */
  async choose(
    tenantId: string,
    via: string | undefined,
    fits: (manifest: PluginManifest) => boolean,
    action: string,
  ): Promise<OpenConnection> {
    const usable = [...(await this.#cache.of(tenantId)).values()].filter(({ state }) => state !== 'disabled');
    const isFit = ({ plugin }: Connection): boolean => {
      const manifest = this.plugins.find(plugin);
      return manifest !== undefined && fits(manifest);
    };
    if (via !== undefined) {
      const named = usable.find(({ name }) => name === via);
      if (!named)
        throw connectionErrors.unknown({
          name: via.slice(0, 70),
          didYouMean: nearest(
            via,
            usable.map(({ name }) => name),
          ),
        });
      if (!isFit(named)) throw connectionErrors['does-not-fit']({ connection: via, action, plugin: named.plugin });
      return named;
    }
    const fitting = usable.filter(isFit);
    const chosen = fitting.length === 1 ? fitting : fitting.filter(({ isDefault }) => isDefault);
    const [only] = chosen;
    if (only && chosen.length === 1) return only;
    if (fitting.length === 0) throw connectionErrors.missing({ action });
    throw connectionErrors.ambiguous({
      action,
      connections: fitting
        .map(({ name }) => name)
        .slice(0, 10)
        .join(', '),
    });
  }

  async #fresh(tenantId: string, id: string): Promise<OpenConnection> {
    this.#cache.forget(tenantId);
    const connection = (await this.#cache.of(tenantId)).get(id);
    if (!connection) throw connectionErrors.unknown();
    return connection;
  }

  async #read(tenantId: string, known: TenantConnections): Promise<TenantConnections> {
    const rows = await this.database.transact(tenantId, allConnections);
    const opened = await Promise.all(
      rows.map(async ({ sealed, ...row }): Promise<OpenConnection> => {
        const before = known.get(row.id);
        if (before?.version === row.version) return before;
        const text = (await this.sealer.open(tenantId, placeOf(row.id), Buffer.from(sealed))).reveal();
        const secrets = JSON.parse(text) as Settings; // written by #seal
        return { ...row, allSettings: { ...row.settings, ...secrets }, secretTexts: secretTexts(secrets) };
      }),
    );
    for (const { id } of opened) this.#owners.set(id, tenantId);
    return new Map(opened.map((connection) => [connection.id, connection]));
  }

  #seal(tenantId: string, id: string, secret: Settings): Promise<Buffer> {
    return this.sealer.seal(tenantId, placeOf(id), JSON.stringify(secret));
  }

  #manifestOf(plugin: string): PluginManifest {
    const manifest = this.plugins.find(plugin);
    if (!manifest)
      throw connectionErrors['unknown-plugin']({
        found: plugin.slice(0, 60),
        didYouMean: nearest(
          plugin,
          this.plugins.all().map(({ id }) => id),
        ),
      });
    return manifest;
  }
}

function placeOf(id: string): { table: string; row: string; field: string } {
  return { table: 'connection', row: id, field: 'secrets' };
}

/** Without the secrets. */
function bare({ allSettings: _all, secretTexts: _texts, ...connection }: OpenConnection): Connection {
  return connection;
}
