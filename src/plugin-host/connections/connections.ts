/** Connections: added, changed, checked and paused by people or by a refusal; opened for calls. */
import { Injectable, Logger } from '@nestjs/common';
import { systemClock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
import { nearest } from '../../kernel/nearest.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { Sealer } from '../../platform/secrets/sealer.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import type { PluginManifest } from '../manifest.ts';
import { redactText, secretTexts } from '../redact.ts';
import { connectionErrors } from './connection-errors.ts';
import type { Connection, LastCheck, OpenConnection } from './connection.ts';
import { ConnectionNews, type ConnectionTurn } from './connection-news.ts';
import { ConnectionUses } from './connection-uses.ts';
import { beginHealth, beginLeaving } from './connection-health.ts';
import {
  dropPrevious,
  forgetConnection,
  insertConnection,
  lockConnection,
  MAX_CONNECTIONS,
  nameIsTaken,
  noteNewRefused,
  pauseConnection,
  recordCheck,
  removeConnection,
  updateConnection,
  type StoredConnection,
} from './connection-rows.ts';
import { bare, OpenConnections } from './open-connections.ts';
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

/** A connection whose credentials change. */
export interface Rotation {
  /** With the new settings; see {@link Connections.withSettings}. */
  readonly candidate: OpenConnection;
  /** Names of what changes, for the audit. */
  readonly changed: readonly string[];
  /** How the provider answered to the new settings. */
  readonly check: LastCheck;
  /** Until when the settings before it count too; absent: not at all. */
  readonly previousUntil: Date | undefined;
}

/** Other changes that may come first before one of our own gives up. */
const MOST_ROUNDS = 5;
const NAME = /^[a-z][a-z0-9-]{0,62}$/;

@Injectable()
export class Connections {
  readonly #logger = new Logger('connections');
  readonly #opened: OpenConnections;

  constructor(
    private readonly database: Database,
    sealer: Sealer,
    private readonly plugins: PluginCatalogue,
    private readonly audit: Audit,
    private readonly metrics: Metrics,
    private readonly uses: ConnectionUses,
    private readonly news: ConnectionNews,
  ) {
    this.#opened = new OpenConnections(database, sealer, plugins);
  }

  /** All connections of a tenant, by name, without secrets. */
  async list(tenantId: string): Promise<readonly Connection[]> {
    return [...(await this.#opened.of(tenantId)).values()].map(bare);
  }

  /** The connection with its secrets, for a call; at once when it is in memory. `undefined` when there is none. */
  open(tenantId: string, id: string): OpenConnection | undefined | Promise<OpenConnection | undefined> {
    const connections = this.#opened.of(tenantId);
    return connections instanceof Promise ? connections.then((all) => all.get(id)) : connections.get(id);
  }

  /** As {@link open}, as it was at most `withinMs` ago: another process may have changed it since it was read into memory. */
  async openNewest(tenantId: string, id: string, withinMs: number): Promise<OpenConnection | undefined> {
    return (await this.#opened.newest(tenantId, withinMs)).get(id);
  }

  /** As {@link open}, when the tenant is not known yet: a webhook's address. */
  openByIdAlone(id: string): Promise<OpenConnection | undefined> {
    return this.#opened.byIdAlone(id);
  }

  /** @throws connection.name, connection.name-taken, connection.unknown-plugin, connection.settings, connection.limit */
  async add(tenantId: string, wanted: NewConnection, actor: string): Promise<Connection> {
    if (!NAME.test(wanted.name)) throw connectionErrors.name({ found: wanted.name.slice(0, 70) });
    const { plain, secret } = splitSettings(this.#manifestOf(wanted.plugin).settings, wanted.settings);
    if ((await this.#opened.of(tenantId)).size >= MAX_CONNECTIONS) throw connectionErrors.limit({ limit: MAX_CONNECTIONS });
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
    const sealed = await this.#opened.seal(tenantId, id, secret);
    await this.database.transact(tenantId, async (tx) => {
      if (!(await insertConnection(tx, { ...connection, sealed }))) throw connectionErrors['name-taken']({ name });
      await beginHealth(tx, id, systemClock.now());
      await this.audit.append(tx, { actor, action: 'connection.add', subject: `connection/${name}`, detail: { plugin, mode } });
    });
    this.#opened.forget(tenantId);
    return connection;
  }

  /** @throws connection.unknown, connection.name, connection.name-taken, connection.settings, connection.state */
  async update(tenantId: string, id: string, change: ConnectionChange, actor: string): Promise<Connection> {
    const current = await this.#opened.fresh(tenantId, id);
    const name = change.name ?? current.name;
    if (!NAME.test(name)) throw connectionErrors.name({ found: name.slice(0, 70) });
    const split = splitSettings(this.#manifestOf(current.plugin).settings, { ...current.allSettings, ...change.settings });
    const { callsPerSecond: before, ...rest } = await this.#opened.stored(current, split);
    const callsPerSecond = change.callsPerSecond === undefined ? before : (change.callsPerSecond ?? undefined);
    const next: StoredConnection = {
      ...rest,
      ...(callsPerSecond !== undefined && { callsPerSecond }),
      name,
      isDefault: change.isDefault ?? current.isDefault,
      state: change.state ?? current.state,
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
      if (current.state === 'paused' && next.state === 'active') await this.news.tell(tx, turnOf(next, 'recovered'));
    });
    return bare(await this.#opened.fresh(tenantId, id));
  }

  /**
   * Removes a connection that nothing needs any more, with its credentials. Its row stays for the payments that were made through it.
   * Where a webhook is registered at its provider, that goes first: nobody waits for it, and the credentials go with it
   * (`leave-provider.ts`).
   * @throws connection.unknown, connection.in-use
   */
  async remove(tenantId: string, id: string, actor: string): Promise<void> {
    const { name, plugin } = await this.#opened.fresh(tenantId, id);
    const emptySecrets = await this.#opened.seal(tenantId, id, {});
    await this.database.transact(tenantId, async (tx) => {
      if (!(await lockConnection(tx, id))) throw connectionErrors.unknown();
      const needs = await this.uses.of(tx, id);
      if (needs.length > 0) throw connectionErrors['in-use']({ for: needs.join(', ') });
      await removeConnection(tx, id);
      const leaves =
        this.plugins.find(plugin)?.methods.includes('webhook.unregister') === true && (await beginLeaving(tx, id, systemClock.now()));
      if (!leaves) await forgetConnection(tx, id, emptySecrets);
      await this.audit.append(tx, { actor, action: 'connection.remove', subject: `connection/${name}`, detail: { plugin } });
    });
    this.#opened.forget(tenantId);
  }

  /** A removed connection whose webhook may still be registered, with its secrets. */
  openRemoved(tenantId: string, id: string): Promise<OpenConnection | undefined> {
    return this.#opened.removed(tenantId, id);
  }

  /** Forgets the credentials of a removed connection, once its webhook is gone or is left behind. */
  async forgetRemoved(tenantId: string, { id, name }: OpenConnection, webhook: 'gone' | 'left'): Promise<void> {
    const emptySecrets = await this.#opened.seal(tenantId, id, {});
    await this.database.transact(tenantId, async (tx) => {
      await forgetConnection(tx, id, emptySecrets);
      await this.audit.append(tx, { actor: 'system', action: 'connection.forget', subject: `connection/${name}`, detail: { webhook } });
    });
  }

  /** The connection as it would be with other settings, for a try at its provider. @throws connection.unknown, connection.settings */
  async withSettings(tenantId: string, id: string, settings: Settings): Promise<OpenConnection> {
    const current = await this.#opened.fresh(tenantId, id);
    const { plain, secret } = splitSettings(this.#manifestOf(current.plugin).settings, { ...current.allSettings, ...settings });
    return {
      ...current,
      settings: plain,
      allSettings: { ...plain, ...secret },
      secretTexts: [...current.secretTexts, ...secretTexts(secret)],
    };
  }

  /**
   * Puts a connection that {@link withSettings} made, and that was tried, in the place of the one that there is. The settings until
   * now count too, until `previousUntil`. @throws connection.state when it was changed since
   */
  async rotate(
    { candidate, changed, check, previousUntil }: Rotation,
    actor: string,
    also: (tx: Transaction) => Promise<void>,
  ): Promise<Connection> {
    const { tenantId, id, name, version } = candidate;
    const current = await this.#opened.fresh(tenantId, id);
    if (current.version !== version) throw connectionErrors.state();
    const split = splitSettings(this.#manifestOf(candidate.plugin).settings, candidate.allSettings);
    const { previousUntil: _until, sealedPrevious: _sealed, ...stored } = await this.#opened.stored(current, split);
    const next: StoredConnection = {
      ...stored,
      // The new credentials were just accepted: what the old ones did does not count.
      state: current.state === 'paused' ? 'active' : current.state,
      lastCheck: check,
      ...(previousUntil && {
        previousUntil,
        sealedPrevious: await this.#opened.sealPrevious(tenantId, id, current.allSettings),
      }),
    };
    await this.database.transact(tenantId, async (tx) => {
      if (!(await updateConnection(tx, next))) throw connectionErrors.state();
      await this.audit.append(tx, {
        actor,
        action: 'connection.rotate',
        subject: `connection/${name}`,
        detail: { changed, previousUntil: previousUntil?.toISOString() ?? null },
      });
      if (current.state === 'paused') await this.news.tell(tx, turnOf(next, 'recovered'));
      await also(tx);
    });
    return bare(await this.#opened.fresh(tenantId, id));
  }

  /**
   * Adds settings that a provider gave, whatever else changes at the same time, and does `also` in the same transaction.
   * @throws connection.unknown, connection.settings, connection.state
   */
  async keepGiven(tenantId: string, id: string, given: Settings, also: (tx: Transaction) => Promise<void>): Promise<void> {
    for (let round = 1; ; round += 1) {
      const current = await this.#opened.fresh(tenantId, id);
      const split = splitSettings(this.#manifestOf(current.plugin).settings, { ...current.allSettings, ...given });
      const next = await this.#opened.stored(current, split);
      const isKept = await this.database.transact(tenantId, async (tx) => {
        if (!(await updateConnection(tx, next))) return false;
        await this.audit.append(tx, {
          actor: 'system',
          action: 'connection.webhook',
          subject: `connection/${current.name}`,
          detail: { given: Object.keys(given) },
        });
        await also(tx);
        return true;
      });
      this.#opened.forget(tenantId);
      if (isKept) return;
      if (round === MOST_ROUNDS) throw connectionErrors.state();
    }
  }

  /** Forgets the settings before a rotation once their time is over. */
  async dropPrevious(tenantId: string, id: string, now: Date): Promise<void> {
    if (await this.database.transact(tenantId, (tx) => dropPrevious(tx, id, now))) this.#opened.forget(tenantId);
  }

  /** Writes down how a check went. A good one ends a pause; one that the provider refused begins it. */
  async noteCheck(tenantId: string, id: string, check: LastCheck, refused: boolean): Promise<Connection> {
    const known = await this.#opened.fresh(tenantId, id);
    await this.database.transact(tenantId, async (tx) => {
      const turned = await recordCheck(tx, id, check, check.ok ? 'active' : refused ? 'paused' : undefined);
      if (turned?.before === 'active' && turned.after === 'paused') await this.news.tell(tx, turnOf(known, 'paused', check.message));
      if (turned?.before === 'paused' && turned.after === 'active') await this.news.tell(tx, turnOf(known, 'recovered'));
    });
    const connection = await this.#opened.fresh(tenantId, id);
    this.metrics.connectionUp.set({ connection: connection.name }, connection.state === 'active' ? 1 : 0);
    return bare(connection);
  }

  /** Says once that the provider refuses the new credentials of a rotation while the ones before still work. Never rejects. */
  async noteNewRefused(connection: OpenConnection, message: string): Promise<void> {
    const { tenantId, id, name, plugin } = connection;
    if (connection.lastCheck?.ok === false) return;
    const problem = `The provider refuses the new credentials, and the previous ones are used: ${redactText(message, connection.secretTexts)}`;
    try {
      const isNews = await this.database.transact(tenantId, (tx) => noteNewRefused(tx, id, refusedNow(connection, problem)));
      this.#opened.forget(tenantId);
      if (isNews) this.#logger.error({ connection: name, plugin, problem }, 'the new credentials of a connection are refused');
    } catch (error) {
      this.#logger.error({ connection: name, err: error }, 'a refusal could not be written down');
    }
  }

  /** Pauses a connection whose credentials the provider refused, and says so once. Never rejects. */
  async pause(connection: OpenConnection, message: string): Promise<void> {
    const { tenantId, id, name, plugin } = connection;
    const check = refusedNow(connection, redactText(message, connection.secretTexts));
    try {
      const paused = await this.database.transact(tenantId, async (tx) => {
        if (!(await pauseConnection(tx, id, check))) return false;
        await this.news.tell(tx, turnOf(connection, 'paused', check.message));
        return true;
      });
      this.#opened.forget(tenantId);
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
    const usable = [...(await this.#opened.of(tenantId)).values()].filter(({ state }) => state !== 'disabled');
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

function turnOf({ id, name, plugin, mode }: Connection, kind: ConnectionTurn['kind'], problem = ''): ConnectionTurn {
  return { connection: { id, name, plugin, mode }, kind, problem };
}

/** A check that failed now. The account stays known: a rotation must not lead to another one. */
function refusedNow({ lastCheck }: Connection, message: string): LastCheck {
  const account = lastCheck?.account;
  return { at: systemClock.now().toISOString(), ok: false, message, ...(account !== undefined && { account }) };
}
