/**
 * Which connection takes a payment, and which one takes it over when the first could not.
 *
 * A payment has one open attempt. When the call of an attempt surely did nothing (`failed`: provider away, too many calls, credentials
 * refused, breaker open, connection switched off), its end, the change of the payment's connection and the next attempt, with a key of
 * its own, are one transaction. So:
 *
 * | what the call came to                                       | what follows                                              |
 * |-------------------------------------------------------------|-----------------------------------------------------------|
 * | `ok`                                                        | the customer is sent there: no other connection any more  |
 * | `declined`, or a refusal of what was asked                  | the payment fails: another provider is asked the same     |
 * | `unknown`                                                   | the same call again, with the same key, for ever          |
 * | `failed` and nobody else has sent it, and one is left       | the next connection                                       |
 * | `failed` otherwise                                          | the payment fails                                         |
 *
 * "Nobody else has sent it": an attempt whose lease ran out may be sent by two processes, and one may have been carried out while the
 * other was turned away. The count of tries tells. The index `payment_attempt_live` refuses a second open attempt in any case.
 */
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Outcome } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf } from '../../../kernel/ids.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { Audit } from '../../../platform/tenancy/audit.ts';
import { ProviderCalls } from '../../../plugin-host/provider-calls.ts';
import { connectionsFor, PaymentRoutes } from '../../payment-routes/index.ts';
import { NewPayment, type PaymentHabits, type PaymentWish } from '../new-payment.ts';
import { beginAttempt, isOurs, type Attempt } from '../payment-attempts.ts';
import { readConnections, type PaymentConnection } from '../payment-connections.ts';
import type { PaymentRow } from '../payment.entity.ts';
import { paymentErrors } from '../payment.errors.ts';
import { WebhookAddresses } from '../webhook-addresses.ts';
import { triesOf } from './opening-attempts.ts';

/** Who takes a payment, and who takes it over, in order. */
export interface Route {
  readonly connection: PaymentConnection;
  readonly fallbacks: readonly string[];
}

/** A connection that may take a payment over. */
export interface Successor {
  readonly connection: PaymentConnection;
  readonly habits: PaymentHabits;
  /** Those that are left after it. */
  readonly fallbacks: readonly string[];
}

@Injectable()
export class FailOver {
  readonly #log = new Logger('payments');

  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly newPayment: NewPayment,
    private readonly routes: PaymentRoutes,
    private readonly addresses: WebhookAddresses,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Ids of the connections that the tenant's routes name for such a payment, in order; none when it names its connection itself. */
  async routed(tx: Transaction, wish: PaymentWish): Promise<readonly string[]> {
    if (wish.charge || (wish.connection !== undefined && !wish.fallBack)) return [];
    const routes = await this.routes.read(tx);
    const currency = routes.length > 0 ? await currencyOf(tx, wish) : undefined;
    const [method, other] = wish.methods ?? [];
    return currency === undefined ? [] : connectionsFor(routes, { currency, method: other === undefined ? method : undefined });
  }

  /**
   * Who takes the payment: of those {@link routed}, or without any the connection that {@link NewPayment.choose} finds.
   * Outside any transaction. @throws payment.no-connection, payment.choose-connection
   */
  async route(connections: readonly PaymentConnection[], ids: readonly string[], wish: PaymentWish): Promise<Route> {
    if (ids.length === 0) return { connection: await this.newPayment.choose(connections, wish), fallbacks: [] };
    const able: PaymentConnection[] = [];
    for (const id of ids) {
      const connection = connections.find((one) => one.id === id);
      if (connection && (await this.newPayment.can(connection, wish))) able.push(connection);
    }
    const named = able.find(({ id, name }) => wish.connection === name || wish.connection === idOf('con', id));
    // A payer chose it in a menu, and no route has it: it is used as if it had been named.
    if (wish.connection !== undefined && !named) return { connection: await this.newPayment.choose(connections, wish), fallbacks: [] };
    const first = named ?? able[0];
    if (!first) throw paymentErrors['no-connection']();
    const others = able.filter(({ id }) => id !== first.id).map(({ id }) => id);
    return { connection: first, fallbacks: isBound(wish) ? [] : others };
  }

  /** Keeps with a new payment who may take it over. */
  async keep(tx: Transaction, paymentId: string, fallbacks: readonly string[]): Promise<void> {
    if (fallbacks.length > 0) await tx.query('update payment set fallbacks = $2::uuid[] where id = $1', [paymentId, fallbacks]);
  }

  /** Who may take the payment over after such an outcome. Outside any transaction, because plugins are asked what they can do. */
  async successor(tenantId: string, attempt: Attempt, outcome: Outcome<unknown>): Promise<Successor | undefined> {
    if (attempt.operation !== 'create' || attempt.tries > 1 || !surelyDidNothing(outcome)) return undefined;
    const { fallbacks, connections } = await this.database.transact(tenantId, async (tx) => {
      const left = await fallbacksOf(tx, attempt.paymentId);
      return { fallbacks: left, connections: left.length > 0 ? await readConnections(tx) : [] };
    });
    const { capture } = JSON.parse(attempt.request) as { capture: 'automatic' | 'manual' }; // written by OpenPayment
    for (const [at, id] of fallbacks.entries()) {
      const connection = connections.find((one) => one.id === id);
      if (!connection || !(await this.newPayment.can(connection, { capture }))) continue;
      return { connection, habits: await this.newPayment.habitsOf(connection, { capture }), fallbacks: fallbacks.slice(at + 1) };
    }
    return undefined;
  }

  /**
   * Gives the payment to the successor and begins its attempt, in the transaction in which the one before ended.
   * @param row locked. `undefined` when somebody else has sent that attempt too
   */
  async begin(
    tx: Transaction,
    row: PaymentRow,
    before: Attempt,
    outcome: Outcome<unknown>,
    { connection, habits, fallbacks }: Successor,
  ): Promise<Attempt | undefined> {
    if ((await triesOf(tx, before)) > 1) return undefined;
    const from = row.connectionId;
    Object.assign(row, { connectionId: connection.id, ...habits });
    await tx.em.flush();
    await tx.query('update payment set fallbacks = $2::uuid[] where id = $1', [row.id, fallbacks]);
    const request = { ...(JSON.parse(before.request) as object), webhookUrl: this.addresses.of(connection.plugin, connection.id) };
    const attempt = await beginAttempt(tx, { paymentId: row.id, operation: 'create', request, now: this.clock.now() });
    const problem = outcome.kind === 'ok' ? '' : outcome.message;
    await this.audit.append(tx, {
      actor: 'system',
      action: 'payment.fail-over',
      subject: `payment/${idOf('pay', row.id)}`,
      detail: { from: idOf('con', from), to: connection.name, problem },
    });
    this.#log.warn({
      message: 'another connection takes a payment over',
      payment: idOf('pay', row.id),
      connection: connection.name,
      problem,
    });
    return attempt;
  }

  /**
   * Tells whether a provider speaks of a payment that was taken over from it, because it said that it had done nothing. Two may be
   * open then, and only a person can tell which one the customer has paid.
   */
  async isPassedOver(tx: Transaction, connectionId: string, paymentId: string | undefined): Promise<boolean> {
    if (paymentId === undefined) return false;
    const rows = await tx.query(
      `select 1 from payment_attempt where payment_id = $1 and operation = 'create' and connection_id = $2 and state = 'failed' limit 1`,
      [paymentId, connectionId],
    );
    return rows.length > 0;
  }
}

/** Tells that nothing can have happened at the provider, for a reason that another provider may not have. */
export function surelyDidNothing(outcome: Outcome<unknown>): boolean {
  if (outcome.kind !== 'failed') return false;
  const { reason } = outcome;
  return reason === 'temporary' || reason === 'rate-limited' || reason === 'auth' || isOurs(outcome);
}

/** What was asked for belongs to one provider: a token of its fields, its terminal. */
function isBound({ token, device, flow }: PaymentWish): boolean {
  return token !== undefined || device !== undefined || flow === 'hosted-fields' || flow === 'tap';
}

async function fallbacksOf(tx: Transaction, paymentId: string): Promise<readonly string[]> {
  const [row] = await tx.query<{ fallbacks: string[] }>('select fallbacks from payment where id = $1', [paymentId]);
  return row?.fallbacks ?? [];
}

/** Of the invoices, before they are locked; an amount says it itself. */
async function currencyOf(tx: Transaction, { amount, invoices }: PaymentWish): Promise<string | undefined> {
  if (amount) return amount.currency;
  const [row] = await tx.query<{ currency: string }>('select currency from invoice where id = $1', [invoices[0]?.id ?? null]);
  return row?.currency;
}
