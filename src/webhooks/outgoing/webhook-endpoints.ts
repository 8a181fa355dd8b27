import { Inject, Injectable } from '@nestjs/common';
import { EventReader } from '../../events/event-reader.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, newUuid } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { parseAddress } from '../../plugin-host/egress/egress-rules.ts';
import { PluginHost } from '../../plugin-host/plugin-host.ts';
import { EndpointSecrets } from './endpoint-secrets.ts';
import { ENDPOINT, type Endpoint, type EndpointStatus } from './endpoint.ts';
import { checkTypes } from './event-types.ts';
import { newSecret } from './message.ts';
import { endpointErrors } from './outgoing-errors.ts';

export interface NewEndpoint {
  readonly url: string;
  readonly description: string;
  readonly types: readonly string[];
}

export interface EndpointChange {
  readonly url?: string | undefined;
  readonly description?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly state?: 'active' | 'paused' | undefined;
}

const MOST_ENDPOINTS = 50;
const HOUR_MS = 3_600_000;

/** Making and changing the addresses that events are sent to. */
@Injectable()
export class WebhookEndpoints {
  constructor(
    private readonly database: Database,
    private readonly secrets: EndpointSecrets,
    private readonly reader: EventReader,
    private readonly host: PluginHost,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Adds an endpoint: it gets what is recorded from now on. `secret` is shown this once.
   * @throws egress.* for an address that may not be called, webhook-endpoint.url-taken, .too-many, .unknown-type
   */
  async add(tenantId: string, wanted: NewEndpoint, actor: string): Promise<{ endpoint: Endpoint; secret: string }> {
    const url = this.#checkedUrl(wanted.url);
    checkTypes(wanted.types);
    const id = newUuid();
    const secret = newSecret();
    const [sealed, end] = [await this.secrets.seal(tenantId, id, 'secret', secret), await this.reader.end()];
    const endpoint = await this.database.transact(tenantId, async (tx) => {
      const [{ count } = { count: 0 }] = await tx.query<{ count: number }>(
        `select count(*)::int as count from webhook_endpoint where state <> 'deleted'`,
      );
      if (count >= MOST_ENDPOINTS) throw endpointErrors['too-many']();
      const [made] = await tx.query<Endpoint>(
        `insert into webhook_endpoint (id, tenant_id, url, description, types, secret, seq, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (tenant_id, url) where state <> 'deleted' do nothing returning ${ENDPOINT}`,
        [id, tenantId, url, wanted.description, wanted.types, sealed, String(end), this.clock.now()],
      );
      if (!made) throw endpointErrors['url-taken']();
      await this.#note(tx, actor, 'webhook-endpoint.create', id, { url });
      return made;
    });
    return { endpoint, secret };
  }

  /** All of them, with how their queues stand. */
  list(tenantId: string): Promise<EndpointStatus[]> {
    return this.database.transact(tenantId, (tx) => withQueues(tx, undefined));
  }

  /** @throws webhook-endpoint.unknown */
  async get(tenantId: string, id: string): Promise<EndpointStatus> {
    const [found] = await this.database.transact(tenantId, (tx) => withQueues(tx, id));
    if (!found) throw endpointErrors.unknown();
    return found;
  }

  /** Made active again, it goes on where it stood, also after it was disabled. @throws as {@link add}; webhook-endpoint.unknown */
  async update(tenantId: string, id: string, change: EndpointChange, actor: string): Promise<EndpointStatus> {
    const url = change.url === undefined ? undefined : this.#checkedUrl(change.url);
    if (change.types) checkTypes(change.types);
    return this.database.transact(tenantId, async (tx) => {
      const [taken] = await tx.query(`select 1 from webhook_endpoint where url = $1 and id <> $2 and state <> 'deleted'`, [
        url ?? null,
        id,
      ]);
      if (taken) throw endpointErrors['url-taken']();
      const changed = await tx.query(
        `update webhook_endpoint set url = coalesce($2, url), description = coalesce($3, description), types = coalesce($4, types),
           state = coalesce($5, state), problem = case when $5 is null then problem end,
           failures = case when $5 = 'active' then 0 else failures end, held_until = case when $5 = 'active' then null else held_until end,
           version = version + 1
         where id = $1 and state <> 'deleted' returning id`,
        [id, url ?? null, change.description ?? null, change.types ?? null, change.state ?? null],
      );
      if (changed.length === 0) throw endpointErrors.unknown();
      await this.#note(tx, actor, 'webhook-endpoint.update', id, {
        ...(url !== undefined && { url }),
        ...(change.state && { state: change.state }),
      });
      const [endpoint] = await withQueues(tx, id);
      if (!endpoint) throw endpointErrors.unknown();
      return endpoint;
    });
  }

  /** Nothing is sent to it any more; housekeeping takes its rows. @throws webhook-endpoint.unknown */
  async remove(tenantId: string, id: string, actor: string): Promise<void> {
    await this.database.transact(tenantId, async (tx) => {
      const gone = await tx.query(
        `update webhook_endpoint set state = 'deleted', version = version + 1 where id = $1 and state <> 'deleted' returning id`,
        [id],
      );
      if (gone.length === 0) throw endpointErrors.unknown();
      await this.#note(tx, actor, 'webhook-endpoint.delete', id);
    });
  }

  /**
   * Makes a new secret, shown this once; the present one signs too for `overlapHours`, and the one before that no more.
   * @throws webhook-endpoint.unknown, webhook-endpoint.changed when two do it at once
   */
  async rotateSecret(tenantId: string, id: string, overlapHours: number, actor: string): Promise<{ endpoint: Endpoint; secret: string }> {
    const { version } = await this.get(tenantId, id);
    const [present = ''] = await this.secrets.signing(tenantId, id, this.clock.now());
    const secret = newSecret();
    const sealed = await this.secrets.seal(tenantId, id, 'secret', secret);
    const old = overlapHours > 0 ? await this.secrets.seal(tenantId, id, 'old_secret', present) : null;
    const until = overlapHours > 0 ? new Date(this.clock.now().getTime() + overlapHours * HOUR_MS) : null;
    const endpoint = await this.database.transact(tenantId, async (tx) => {
      const [changed] = await tx.query<Endpoint>(
        `update webhook_endpoint set secret = $3, old_secret = $4, old_secret_until = $5, version = version + 1
         where id = $1 and version = $2 and state <> 'deleted' returning ${ENDPOINT}`,
        [id, version, sealed, old, until],
      );
      if (!changed) throw endpointErrors.changed();
      await this.#note(tx, actor, 'webhook-endpoint.rotate-secret', id, { overlapHours });
      return changed;
    });
    return { endpoint, secret };
  }

  /** The address in its one spelling. @throws egress.* when it may not be called; names are looked up when they are called */
  #checkedUrl(text: string): string {
    const url = parseAddress(text);
    url.hash = '';
    this.host.egress.rules.destinationOf(url);
    return url.href;
  }

  #note(tx: Transaction, actor: string, action: string, id: string, detail: Readonly<Record<string, string | number>> = {}): Promise<void> {
    return this.audit.append(tx, { actor, action, subject: `webhook-endpoint/${idOf('whk', id)}`, detail });
  }
}

function withQueues(tx: Transaction, id: string | undefined): Promise<EndpointStatus[]> {
  return tx.query<EndpointStatus>(
    `select ${ENDPOINT},
       (select count(*)::int from (select from webhook_delivery d where d.endpoint_id = e.id and d.state = 'pending' limit 10000) rows) as pending,
       (select count(*)::int from (select from webhook_delivery d where d.endpoint_id = e.id and d.state = 'dead' limit 10000) rows) as dead
     from webhook_endpoint e where state <> 'deleted' and ($1::uuid is null or id = $1) order by id`,
    [id ?? null],
  );
}
