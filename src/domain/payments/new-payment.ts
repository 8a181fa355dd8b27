/** Turns the wish for a payment into rows: which invoices, how much on each, for whom, through which connection. */
import { Injectable } from '@nestjs/common';
import type { CheckoutFlow } from '@kassaflow/plugin-sdk';
import { idOf } from '../../kernel/ids.ts';
import { money, type Money } from '../../kernel/money.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { Invoices, invoiceErrors, openOf, payableOf, type InvoiceRow } from '../invoices/index.ts';
import { intend, type Intent, type SplitRule } from './allocation.ts';
import type { PaymentConnection } from './payment-connections.ts';
import type { PaymentRow } from './payment.entity.ts';
import { paymentErrors } from './payment.errors.ts';

/** A payment as a caller asks for it. Ids are `uuid`. */
export interface PaymentWish {
  readonly invoices: readonly { readonly id: string; readonly amount?: Money }[];
  /** Default: all that is open on the invoices. */
  readonly amount?: Money;
  readonly split: 'oldest-first' | 'proportional';
  readonly customerId?: string;
  /** Name or wire id. */
  readonly connection?: string;
  /** The payer chose the connection by its method, so a route that names it may lead to another when it cannot be reached. */
  readonly fallBack?: boolean;
  readonly methods?: readonly string[];
  readonly description?: string;
  readonly returnUrl: string;
  readonly cancelUrl?: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** `manual`: the provider only reserves the money until it is captured. Default: it takes it. */
  readonly capture?: 'automatic' | 'manual';
  /** Where the customer approves. Default: on the provider's page. */
  readonly flow?: CheckoutFlow;
  /** E.164; the phone that is asked, in place of the customer's own. */
  readonly phone?: string;
  /** What the provider's fields on a page made of a card. Good for one payment. */
  readonly token?: string;
  /** The payer's language; default: the customer's. */
  readonly locale?: string;
  /** The terminal, for the flow `tap`. */
  readonly device?: string;
  /** The customer agrees to be charged again. */
  readonly save?: boolean;
  /** `uuid` of the mandate in whose place comes what is saved. */
  readonly replacesMandate?: string;
  /** Until when the provider should take the money. */
  readonly expiresAt?: Date;
  /** The customer is not there: the mandate is charged. */
  readonly charge?: ChargeWish;
  /** The request that asks for it; a repeat returns the first payment. */
  readonly requestKey: string;
  /** Who asks, for the audit. */
  readonly actor: string;
}

/** A mandate to charge. */
export interface ChargeWish {
  readonly mandate: {
    readonly id: string;
    readonly connectionId: string;
    readonly providerId: string;
    readonly providerCustomer?: string | null | undefined;
  };
  /** When a debit is to be taken, as `2026-11-30`. */
  readonly dueOn?: string;
}

/** What the wish comes to. */
export interface PaymentPlan {
  readonly amount: Money;
  readonly rule: SplitRule;
  readonly intents: readonly Intent[];
  readonly customerId: string | undefined;
  readonly description: string;
}

/** What has to be done about a payment because of how its provider works; the columns of the same names say more. */
export type PaymentHabits = Pick<PaymentRow, 'capture' | 'polled'>;

@Injectable()
export class NewPayment {
  constructor(
    private readonly invoices: Invoices,
    private readonly calls: ProviderCalls,
  ) {}

  /**
   * @throws payment.split-duplicate, payment.split-sum, payment.exceeds-open, payment.invoice-not-open, payment.currency-mix,
   *   payment.customer-mix, payment.nothing-to-pay, invoice.not-found
   */
  async plan(tx: Transaction, wish: PaymentWish): Promise<PaymentPlan> {
    const ids = wish.invoices.map(({ id }) => id);
    if (new Set(ids).size < ids.length) throw paymentErrors['split-duplicate']();
    const found = new Map((await this.invoices.lock(tx, ids)).map((invoice) => [invoice.id, invoice]));
    // A customer may pay of his own accord what was given up; nobody takes it from him.
    const roomIn = wish.charge ? openOf : payableOf;
    const rows = wish.invoices.map(({ id, amount }) => wanted(found.get(id), amount, roomIn));
    const chosen = rows.some(({ amount }) => amount !== undefined);
    // Chosen parts are filled in the order named; a rule of ours starts with the oldest.
    const ordered = chosen ? rows : rows.toSorted((a, b) => (age(a.invoice) < age(b.invoice) ? -1 : 1));
    const amount = amountOf(wish, ordered);
    sameCurrency(amount, ordered);
    const rule = chosen ? 'chosen' : wish.split;
    const open = ordered.map((row) => ({
      id: row.invoice.id,
      open: row.open.minor,
      ...(row.amount && { chosen: row.amount.minor }),
    }));
    return {
      amount,
      rule,
      intents: open.length === 0 ? [] : intend(rule, amount.minor, open),
      customerId: customerOf(wish, ordered),
      description: wish.description ?? ordered.map(({ invoice }) => invoice.number).join(', '),
    };
  }

  /**
   * The connection named, or the only or default one that can take payments. Outside any transaction, because the plugin
   * host is asked what each can do.
   *
   * @throws payment.no-connection, payment.choose-connection
   */
  async choose(
    connections: readonly PaymentConnection[],
    { connection: named, capture, charge }: Pick<PaymentWish, 'connection' | 'capture' | 'charge'>,
  ): Promise<PaymentConnection> {
    if (charge) return this.#chooseToCharge(connections, charge);
    const wanted = connections.filter(
      ({ active, id, name }) => active && (named === undefined || name === named || idOf('con', id) === named),
    );
    const able: PaymentConnection[] = [];
    for (const connection of wanted) if (await this.can(connection, { capture })) able.push(connection);
    const [first, second] = able;
    if (!first) throw paymentErrors['no-connection']({ connection: named });
    if (second && !first.isDefault) throw paymentErrors['choose-connection']({ choices: able.map(({ name }) => name).join(', ') });
    return first;
  }

  /** How a payment through the connection has to be followed. Outside any transaction, as {@link choose}. */
  async habitsOf({ id }: PaymentConnection, { capture }: Pick<PaymentWish, 'capture'>): Promise<PaymentHabits> {
    const polled = !(await this.calls.has(id, 'webhook.verify'));
    if (capture === 'manual') return { capture: 'manual', polled };
    const { capturesByRequest = false } = await this.calls.traits(id);
    return { capture: capturesByRequest ? 'when-authorized' : 'automatic', polled };
  }

  /** A mandate is charged where it was given. */
  async #chooseToCharge(connections: readonly PaymentConnection[], { mandate }: ChargeWish): Promise<PaymentConnection> {
    const connection = connections.find(({ id, active }) => id === mandate.connectionId && active);
    if (!connection) throw paymentErrors['no-connection']();
    if (!(await this.calls.has(connection.id, 'payments.charge'))) throw paymentErrors['not-supported']({ operation: 'charge' });
    return connection;
  }

  /** Tells whether the connection is in use and its provider can take such a payment. Outside any transaction, as {@link choose}. */
  async can({ id, active }: PaymentConnection, { capture }: { readonly capture?: PaymentWish['capture'] | undefined }): Promise<boolean> {
    if (!active) return false;
    return (await this.calls.has(id, 'payments.create')) && (capture !== 'manual' || (await this.calls.has(id, 'payments.capture')));
  }
}

interface Wanted {
  readonly invoice: InvoiceRow;
  /** What the payment can pay on it. */
  readonly open: Money;
  readonly amount: Money | undefined;
}

function wanted(invoice: InvoiceRow | undefined, amount: Money | undefined, roomIn: (row: InvoiceRow) => Money): Wanted {
  if (!invoice) throw invoiceErrors['not-found']();
  const open = roomIn(invoice);
  if (open.minor <= 0n) throw paymentErrors['invoice-not-open']({ invoice: idOf('inv', invoice.id), status: invoice.state });
  return { invoice, open, amount };
}

/** Issue dates sort as text; invoices of one day go by their ids, which are in time order. */
function age(invoice: InvoiceRow): string {
  return `${invoice.issuedOn ?? ''} ${invoice.id}`;
}

function amountOf(wish: PaymentWish, rows: readonly Wanted[]): Money {
  const currency = rows[0]?.invoice.currency ?? wish.amount?.currency;
  if (!currency) throw paymentErrors['nothing-to-pay']();
  if (wish.amount) return wish.amount;
  return money(
    rows.reduce((total, { open, amount }) => total + (amount?.minor ?? open.minor), 0n),
    currency,
  );
}

function sameCurrency(amount: Money, rows: readonly Wanted[]): void {
  const other = rows
    .flatMap((row) => [row.invoice.currency, ...(row.amount ? [row.amount.currency] : [])])
    .find((currency) => currency !== amount.currency);
  if (other) throw paymentErrors['currency-mix']({ payment: amount.currency, invoice: other });
}

function customerOf(wish: PaymentWish, rows: readonly Wanted[]): string | undefined {
  const owner = wish.customerId ?? rows[0]?.invoice.customerId;
  if (rows.some(({ invoice }) => invoice.customerId !== owner)) throw paymentErrors['customer-mix']();
  return owner;
}
