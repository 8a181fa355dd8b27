/**
 * Looks at each connection when it is made, once a day, when its deliveries stop being believed and when a person asks: are its
 * credentials good, and has the provider our webhook? And when it was removed, to take that back. README.md has the states.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Outcome, RegisteredWebhook } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { LEASE_MS, underLease } from '../../platform/lease.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { RegularWork } from '../../platform/regular-work.ts';
import { ConnectionChecks } from '../connection-checks.ts';
import { PluginCatalogue } from '../plugin-catalogue.ts';
import { ProviderCalls } from '../provider-calls.ts';
import { endLook, recordFinding, renewLook, takeLook, type ConnectionHealth, type Finding } from './connection-health.ts';
import type { OpenConnection } from './connection.ts';
import { Connections } from './connections.ts';
import { LeaveProvider } from './leave-provider.ts';
import { webhookAddress } from './webhook-address.ts';

const EVERY_MS = 30_000;
const BATCH = 50;
const REGISTER_MS = 30_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A look once a day, give or take this: connections that were made at once are not all looked at once. */
const SPREAD_MS = 2 * HOUR_MS;

@Injectable()
export class LookAfterConnections extends RegularWork {
  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly connections: Connections,
    private readonly checks: ConnectionChecks,
    private readonly calls: ProviderCalls,
    private readonly leaving: LeaveProvider,
    private readonly plugins: PluginCatalogue,
    private readonly metrics: Metrics,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: 'connections', everyMs: EVERY_MS, problem: 'connections could not be looked after' });
  }

  protected override doDue(): Promise<unknown> {
    return this.lookAtDue();
  }

  /** Looks at what is due, and at connections whose address became another one with our configuration. Returns at how many. */
  async lookAtDue(): Promise<number> {
    const { rows } = await this.pool.query<{ tenant_id: string; connection_id: string }>(
      `select tenant_id, connection_id from connection_health
       where (due_at <= $1 or not starts_with(webhook_url, $2)) and (busy_until is null or busy_until <= $1) order by due_at limit $3`,
      [this.clock.now(), `${this.config.publicUrl}/`, BATCH],
    );
    for (const { tenant_id: tenantId, connection_id: id } of rows) {
      // One that cannot be looked at comes again when its lease is over; it must not hold up the others.
      await this.look(tenantId, id).catch((error: unknown) =>
        this.log.error({ message: 'a connection could not be looked at', connection: id, error }),
      );
    }
    return rows.length;
  }

  /**
   * False when it is being looked at already.
   * @param renew makes a new registration also where there is one
   */
  async look(tenantId: string, id: string, renew = false): Promise<boolean> {
    const health = await this.database.transact(tenantId, (tx) => takeLook(tx, id, this.clock.now(), this.#leased()));
    if (!health) return false;
    await underLease(
      () => this.database.transact(tenantId, (tx) => renewLook(tx, id, this.#leased())),
      () => this.#look(tenantId, health, renew),
    );
    return true;
  }

  async #look(tenantId: string, health: ConnectionHealth, renew: boolean): Promise<void> {
    const id = health.connectionId;
    await this.connections.dropPrevious(tenantId, id, this.clock.now());
    // Another process may have removed it since it was read into memory, and its webhook would be registered anew.
    const connection = await this.connections.openNewest(tenantId, id, 0);
    if (!connection && (await this.leaving.leave(tenantId, health, backOffMs(health.failures)))) return;
    const manifest = connection && this.plugins.find(connection.plugin);
    if (!connection || !manifest || connection.state === 'disabled') {
      return this.#end(tenantId, id);
    }
    // Only where money is at stake: what else there is may charge for a try, or count it.
    if (manifest.methods.includes('payments.create')) await this.checks.check(tenantId, id);
    if (manifest.methods.includes('webhook.register')) await this.#register(connection, health, renew);
    else await this.#end(tenantId, id);
  }

  #leased(): Date {
    return new Date(this.clock.now().getTime() + LEASE_MS);
  }

  async #end(tenantId: string, id: string): Promise<void> {
    const now = this.clock.now();
    await this.database.transact(tenantId, (tx) => endLook(tx, id, now, this.#tomorrow(now)));
  }

  /**
   * Registers the address, or finds it registered. A process that dies between the provider's answer and our commit leaves a
   * registration whose secret nobody has: the next look, at the end of the lease, finds that it is not the one whose secret we
   * hold, and the plugin makes another and removes it.
   */
  async #register(connection: OpenConnection, health: ConnectionHealth, renew: boolean): Promise<void> {
    const { tenantId, id, plugin } = connection;
    const url = webhookAddress(this.config.publicUrl, plugin, id);
    const outcome = await this.calls.call<RegisteredWebhook>({
      tenantId,
      connectionId: id,
      method: 'webhook.register',
      input: { url, ...(renew && { renew }) },
      idempotencyKey: '',
      attempt: 1,
      timeoutMs: REGISTER_MS,
    });
    crashPoint('connection.webhook.before');
    const given = outcome.kind === 'ok' ? changedIn(connection, outcome.value.secrets ?? {}) : {};
    const isChanged = Object.keys(given).length > 0;
    const now = this.clock.now();
    const finding = this.#findingOf(outcome, url, isChanged, health.failures, now);
    try {
      if (isChanged) await this.connections.keepGiven(tenantId, id, given, (tx) => recordFinding(tx, id, now, finding));
      else await this.database.transact(tenantId, (tx) => recordFinding(tx, id, now, finding));
    } catch (error) {
      if (!isKassaflowError(error, 'connection.settings')) throw error;
      const refused: Finding = { kind: 'refused', url, problem: error.message, dueAt: this.#tomorrow(now) };
      await this.database.transact(tenantId, (tx) => recordFinding(tx, id, now, refused));
    }
    crashPoint('connection.webhook.after');
    this.#tell(connection, health, finding);
  }

  #findingOf(outcome: Outcome<RegisteredWebhook>, url: string, isChanged: boolean, failures: number, now: Date): Finding {
    if (outcome.kind === 'ok')
      // After a new registration the plugin removes what it replaced with its next call.
      return {
        kind: 'registered',
        url,
        webhookId: outcome.value.providerId,
        dueAt: isChanged ? new Date(now.getTime() + HOUR_MS) : this.#tomorrow(now),
      };
    const isFinal =
      outcome.kind === 'declined' || (outcome.kind === 'failed' && outcome.reason !== 'temporary' && outcome.reason !== 'rate-limited');
    return isFinal
      ? { kind: 'refused', url, problem: outcome.message, dueAt: this.#tomorrow(now) }
      : { kind: 'unasked', url, problem: outcome.message, dueAt: new Date(now.getTime() + backOffMs(failures)) };
  }

  #tell({ name, plugin }: OpenConnection, { failures }: ConnectionHealth, { kind, problem }: Finding): void {
    if (kind !== 'unasked') this.metrics.webhookRegistered.set({ connection: name }, kind === 'registered' ? 1 : 0);
    if (kind === 'registered' && failures > 0) this.log.log({ message: 'the webhook is registered again', connection: name, plugin });
    if (kind !== 'registered' && failures === 0)
      this.log.error({ message: 'the webhook is not registered at the provider', connection: name, plugin, problem });
  }

  #tomorrow(now: Date): Date {
    return new Date(now.getTime() + DAY_MS - SPREAD_MS + 2 * SPREAD_MS * Math.random());
  }
}

/** What the connection does not have yet of what its provider gave. */
function changedIn({ allSettings }: OpenConnection, given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(given).filter(([name, value]) => allSettings[name] !== value));
}

/** 1, 5, 30 minutes, 2 hours, then daily. */
function backOffMs(failures: number): number {
  return ([1, 5, 30, 120][failures] ?? 1_440) * MINUTE_MS;
}
