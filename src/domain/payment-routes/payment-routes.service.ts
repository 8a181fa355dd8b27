import { Injectable } from '@nestjs/common';
import { idOf } from '../../kernel/ids.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { paymentRouteErrors } from './payment-route.errors.ts';
import type { PaymentRoute } from './payment-route.ts';

/** A route as people write it. */
export interface NamedRoute {
  readonly method: string | null;
  readonly currency: string | null;
  /** Names; ids are taken too. */
  readonly connections: readonly string[];
}

interface Row {
  readonly method: string;
  readonly currency: string;
  readonly id: string;
  readonly name: string;
}

@Injectable()
export class PaymentRoutes {
  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly audit: Audit,
  ) {}

  /** The tenant's routes with ids of connections, for a decision. */
  async read(tx: Transaction): Promise<readonly PaymentRoute[]> {
    return grouped(await rows(tx), ({ id }) => id);
  }

  /** The tenant's routes with names of connections. */
  async list(tenantId: string): Promise<readonly NamedRoute[]> {
    return grouped(await this.database.transact(tenantId, rows), ({ name }) => name);
  }

  /**
   * Puts `routes` in the place of all that there are. Payments that are under way keep what they were written down with.
   * @throws payment-route.unknown-connection, payment-route.cannot-pay, payment-route.duplicate
   */
  async replace(tenantId: string, routes: readonly NamedRoute[], actor: string): Promise<readonly NamedRoute[]> {
    const known = await this.database.transact(tenantId, (tx) =>
      tx.query<FoundConnection>(`select id, name from connection where state <> 'removed'`),
    );
    const wanted = routes.map((route, at) => ({ ...route, connections: connectionsOf(known, route.connections, at) }));
    await this.#check(wanted);
    await this.database.transact(tenantId, async (tx) => {
      // Two people who change routes at the same time wait for each other: the last one's are there in the end, whole.
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`payment-routes ${tenantId}`]);
      await tx.query('delete from payment_route where tenant_id = $1', [tenantId]);
      await insert(
        tx,
        wanted.map((route) => ({ ...route, connections: route.connections.map(({ id }) => id) })),
      );
      await this.audit.append(tx, {
        actor,
        action: 'payment-routes.replace',
        subject: 'payment-routes',
        detail: { routes: wanted.map((route) => `${keyOf(route)}: ${route.connections.map(({ name }) => name).join(', ')}`) },
      });
    });
    return this.list(tenantId);
  }

  /** @throws payment-route.cannot-pay, payment-route.duplicate */
  async #check(routes: readonly FoundRoute[]): Promise<void> {
    for (const [at, { connections }] of routes.entries()) {
      for (const [position, { id, name }] of connections.entries()) {
        if (connections.findIndex((one) => one.id === id) < position) throw refusal('duplicate', at, position, name);
        if (!(await this.calls.has(id, 'payments.create'))) throw refusal('cannot-pay', at, position, name);
      }
    }
    const keys = routes.map(keyOf);
    const again = keys.findIndex((key, at) => keys.indexOf(key) < at);
    if (again !== -1) throw refusal('duplicate', again, undefined, keys[again] ?? '');
  }
}

interface FoundConnection {
  readonly id: string;
  readonly name: string;
}

type FoundRoute = Omit<NamedRoute, 'connections'> & { readonly connections: readonly FoundConnection[] };

/** By name or id. @throws payment-route.unknown-connection */
function connectionsOf(known: readonly FoundConnection[], wanted: readonly string[], at: number): FoundConnection[] {
  return wanted.map((named, position) => {
    const found = known.find(({ id, name }) => name === named || idOf('con', id) === named);
    if (!found) throw refusal('unknown-connection', at, position, named);
    return found;
  });
}

function keyOf({ method, currency }: Pick<NamedRoute, 'method' | 'currency'>): string {
  return `${method ?? '*'} ${currency ?? '*'}`;
}

function rows(tx: Transaction): Promise<Row[]> {
  return tx.query<Row>(
    `select r.method, r.currency, c.id, c.name from payment_route r join connection c on c.id = r.connection_id
     order by r.method, r.currency, r.position`,
  );
}

async function insert(tx: Transaction, routes: readonly PaymentRoute[]): Promise<void> {
  const flat = routes.flatMap(({ method, currency, connections }) =>
    connections.map((id, position) => ({ method: method ?? '', currency: currency ?? '', position, id })),
  );
  await tx.query(
    `insert into payment_route (tenant_id, method, currency, position, connection_id)
     select $1, * from unnest($2::text[], $3::text[], $4::int[], $5::uuid[])`,
    [
      tx.tenantId,
      flat.map(({ method }) => method),
      flat.map(({ currency }) => currency),
      flat.map(({ position }) => position),
      flat.map(({ id }) => id),
    ],
  );
}

function grouped(all: readonly Row[], show: (row: Row) => string): PaymentRoute[] {
  const groups = Map.groupBy(all, ({ method, currency }) => `${method} ${currency}`);
  return [...groups.values()].map((group) => ({
    method: group[0]?.method || null,
    currency: group[0]?.currency || null,
    connections: group.map(show),
  }));
}

function refusal(code: 'unknown-connection' | 'cannot-pay' | 'duplicate', at: number, position: number | undefined, found: string) {
  const error = paymentRouteErrors[code]({ found: found.slice(0, 100) });
  const pointer = position === undefined ? `/routes/${at}` : `/routes/${at}/connections/${position}`;
  return error.with([{ pointer, code: error.code, detail: error.spec.title }]);
}
