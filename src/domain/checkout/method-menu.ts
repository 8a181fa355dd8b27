/** Which ways of paying can be offered for an amount now: every active connection is asked, at run time. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { CheckoutFlow, HostedFields, PaymentMethod } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { toWire, type Money } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database } from '../../platform/database/transaction.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { connectionsFor, PaymentRoutes, rankOf } from '../payment-routes/index.ts';
import { readConnections, type PaymentConnection } from '../payments/index.ts';

/** One entry of the menu. */
export interface Choice {
  /** `{connection}.{method}`; `{connection}` alone where the provider lets the payer choose on its own page. */
  readonly id: string;
  readonly connection: string;
  /** Absent where the provider lets the payer choose. */
  readonly method?: string;
  /** The provider's own word for people; absent together with `method`. */
  readonly title?: string;
  readonly flows: readonly CheckoutFlow[];
  readonly saves: boolean;
  readonly imageUrl?: string;
  /** What a browser needs for `hosted-fields`: public values. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** What the menu is asked for. */
export interface MenuWish {
  readonly amount: Money;
  readonly locale: string;
  readonly capture: 'automatic' | 'manual';
  /** Name or wire id; every connection without it. */
  readonly connection?: string | undefined;
  /** Only these methods. */
  readonly methods?: readonly string[] | undefined;
}

/** A payer waits for the page meanwhile; an account that does not answer in time is left out. */
const ASK_FOR_MS = 5_000;
/** What an account offers changes seldom, and a page is loaded often. */
const FRESH_MS = 60_000;
const MOST_REMEMBERED = 1_000;

@Injectable()
export class MethodMenu {
  readonly #log = new Logger('checkout');
  readonly #remembered = new Map<string, { readonly at: number; readonly methods: readonly PaymentMethod[] }>();

  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly routes: PaymentRoutes,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The default connection's ways come first. A method that several connections offer is taken from the one that the tenant's routes put
   * first, else from the first of them that answers; an account that does not answer is left out.
   */
  async of(tenantId: string, wish: MenuWish): Promise<Choice[]> {
    const { all, routes } = await this.database.transact(tenantId, async (tx) => ({
      all: await readConnections(tx),
      routes: await this.routes.read(tx),
    }));
    const connections = all.filter(
      ({ active, id, name }) =>
        active && (wish.connection === undefined || wish.connection === name || wish.connection === idOf('con', id)),
    );
    const offers = (await Promise.all(connections.map((connection) => this.#offersOf(tenantId, connection, wish)))).flat();
    const ids = new Map(connections.map(({ id, name }) => [name, id]));
    const rank = ({ method, connection }: Choice): number =>
      rankOf(connectionsFor(routes, { method, currency: wish.amount.currency }), ids.get(connection));
    const taken = new Map<string, Choice>();
    for (const offer of offers) {
      const before = taken.get(offer.method ?? '');
      if (offer.method !== undefined && (!before || rank(offer) < rank(before))) taken.set(offer.method, offer);
    }
    return offers.filter((offer) => {
      if (offer.method === undefined) return wish.methods === undefined;
      return taken.get(offer.method) === offer && (wish.methods?.includes(offer.method) ?? true);
    });
  }

  /** How a page of ours shows the fields of a connection's provider. */
  async hostedFieldsOf(tenantId: string, connection: string): Promise<HostedFields | undefined> {
    const found = (await this.database.transact(tenantId, readConnections)).find(({ name }) => name === connection);
    return found && this.calls.hostedFields(found.id);
  }

  async #offersOf(tenantId: string, connection: PaymentConnection, wish: MenuWish): Promise<Choice[]> {
    const { id, name } = connection;
    if (!(await this.calls.has(id, 'payments.create'))) return [];
    if (wish.capture === 'manual' && !(await this.calls.has(id, 'payments.capture'))) return [];
    if (!(await this.calls.has(id, 'payments.methods'))) return [{ id: name, connection: name, flows: ['redirect'], saves: false }];
    const methods = await this.#methodsOf(tenantId, id, wish);
    return methods.filter((method) => fits(method, wish.amount)).map((method) => choiceOf(name, method));
  }

  async #methodsOf(tenantId: string, connectionId: string, { amount, locale }: MenuWish): Promise<readonly PaymentMethod[]> {
    const key = [connectionId, amount.currency, amount.minor, locale].join(' ');
    const now = this.clock.now().getTime();
    const known = this.#remembered.get(key);
    if (known && now - known.at < FRESH_MS) return known.methods;
    const outcome = await this.calls.call<readonly PaymentMethod[]>({
      tenantId,
      connectionId,
      method: 'payments.methods',
      input: { amount: toWire(amount), locale },
      idempotencyKey: '',
      attempt: 1,
      timeoutMs: ASK_FOR_MS,
    });
    if (outcome.kind !== 'ok') {
      this.#log.warn({
        message: 'an account does not say what it offers',
        connection: idOf('con', connectionId),
        problem: outcome.message,
      });
      return [];
    }
    this.#remembered.delete(key);
    this.#remembered.set(key, { at: now, methods: outcome.value });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MOST_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    return outcome.value;
  }
}

function fits({ least, most, flows }: PaymentMethod, { minor }: Money): boolean {
  return flows.length > 0 && (least === undefined || minor >= BigInt(least)) && (most === undefined || minor <= BigInt(most));
}

function choiceOf(connection: string, { id, title, flows, saves, imageUrl, fields }: PaymentMethod): Choice {
  return {
    id: `${connection}.${id}`,
    connection,
    method: id,
    title,
    flows,
    saves: saves ?? false,
    ...(imageUrl !== undefined && { imageUrl }),
    ...(fields !== undefined && { fields }),
  };
}
