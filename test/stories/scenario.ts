/** What customers of a shop do, told through the public surface, and what must be found afterwards. */
import { until } from '../support/until.ts';
import type { Shop } from './shop.ts';

/** A customer with an open order. */
export interface Sale {
  readonly customer: string;
  readonly phone: string;
  readonly email: string;
  readonly order: string;
  readonly invoice: string;
}

export interface Checkout {
  readonly payment: string;
  /** The Checkout Session at Stripe. */
  readonly session: string;
}

/** Everything that a payment left behind, counted where it arrived. */
export interface Traces {
  readonly payment: string;
  readonly invoice: string;
  readonly order: string;
  readonly credits: number;
  readonly completedEvents: number;
  readonly runs: readonly string[];
  readonly texts: number;
  readonly postings: number;
  readonly ledger: readonly string[];
}

/** What one paid order leaves behind, each exactly once: the price is 10.00 with 21 % VAT, and Stripe keeps 0.29. */
export const PAID_ORDER: Traces = {
  payment: 'completed',
  invoice: 'paid',
  order: 'paid',
  credits: 100,
  completedEvents: 1,
  runs: ['completed'],
  texts: 1,
  postings: 1,
  ledger: ['payment.captured', 'payment.fee'],
};

const PACKAGE = { name: '100 credits', credits: 100, price: { amount: '10.00', currency: 'EUR' }, vatRate: 2_100 };

interface Items<T> {
  readonly items: readonly T[];
}

/** Offers the package of credits that all sales are about. @returns its id */
export async function offerCredits(shop: Shop): Promise<string> {
  return (await shop.api.post<{ id: string }>('/v1/credit-packages', PACKAGE)).id;
}

/** A new customer orders one package. `number` below 10,000 tells customers apart. */
export async function order(shop: Shop, creditPackage: string, number: number): Promise<Sale> {
  const phone = `+3161000${String(number).padStart(4, '0')}`;
  const email = `customer-${number}@example.com`;
  const details = { reference: `customer-${number}`, name: 'Kim Jansen', firstName: 'Kim', email, phone };
  const customer = (await shop.api.post<{ id: string }>('/v1/customers', details)).id;
  const placed = await shop.api.post<{ id: string; invoice: string }>(
    '/v1/orders',
    { customer, package: creditPackage },
    `order-${number}`,
  );
  return { customer, phone, email, order: placed.id, invoice: placed.invoice };
}

/** Opens a payment for the order, as a shop does when the customer presses the button. */
export async function checkOut(shop: Shop, { invoice }: Sale): Promise<Checkout> {
  const wish = { invoices: [invoice], connection: 'card', returnUrl: 'https://shop.example/thanks' };
  const { id } = await shop.api.post<{ id: string }>('/v1/payments', wish, `pay-${invoice}`);
  return openedAtProvider(shop, id);
}

/** As {@link checkOut}, through a checkout session: the customer chooses how to pay, and presses the button twice. */
export async function chooseAndCheckOut(shop: Shop, { order: placed }: Sale): Promise<Checkout> {
  const wish = { order: placed, connection: 'card', returnUrl: 'https://shop.example/thanks' };
  const { id } = await shop.api.post<{ id: string }>('/v1/checkout-sessions', wish, `checkout-${placed}`);
  const press = () => shop.api.post<{ payment: string }>(`/v1/checkout-sessions/${id}/pay`, { method: 'card.card' });
  const [first, second] = [await press(), await press()];
  if (first.payment !== second.payment) throw new Error(`two payments for one session: ${first.payment}, ${second.payment}`);
  return openedAtProvider(shop, first.payment);
}

async function openedAtProvider(shop: Shop, id: string): Promise<Checkout> {
  let session = '';
  // Usually at once; after a crash the payment first has to learn what became of its call.
  await until(
    async () => (session = (await shop.api.get<{ providerId: string }>(`/v1/payments/${id}`)).providerId) !== '',
    () => `payment ${id} never learned its session`,
    60_000,
  );
  return { payment: id, session };
}

/** Looks at the traces until nothing moves any more: the run has ended and the payment has its money. */
export async function traces(shop: Shop, sale: Sale, { payment }: Checkout): Promise<Traces> {
  let found = await look(shop, sale, payment);
  await until(
    async () => {
      found = await look(shop, sale, payment);
      return found.runs.length > 0 && found.runs.every((status) => status !== 'running' && status !== 'waiting');
    },
    () => `the payment never came to its end: ${JSON.stringify(found)}\n${shop.app.output.slice(-4_000)}`,
    60_000,
  );
  return found;
}

async function look(shop: Shop, sale: Sale, payment: string): Promise<Traces> {
  const { api } = shop;
  const [{ status }, invoice, placed, credits, events, runs, ledger] = await Promise.all([
    api.get<{ status: string }>(`/v1/payments/${payment}`),
    api.get<{ status: string }>(`/v1/invoices/${sale.invoice}`),
    api.get<{ status: string }>(`/v1/orders/${sale.order}`),
    api.get<{ credits: number }>(`/v1/customers/${sale.customer}`),
    api.get<Items<unknown>>(`/v1/events?type=payment.completed&subject=payment/${payment}`),
    runsOf(shop, 'payment-completed', payment),
    api.get<Items<{ kind: string }>>(`/v1/ledger/entries?subject=payment/${payment}`),
  ]);
  return {
    payment: status,
    invoice: invoice.status,
    order: placed.status,
    credits: credits.credits,
    completedEvents: events.items.length,
    runs,
    texts: textsTo(shop, sale.phone).length,
    postings: shop.postings().filter((reference) => reference === payment).length,
    ledger: ledger.items.map(({ kind }) => kind),
  };
}

/** The status of each run of `flow` about `subject`. */
export async function runsOf(shop: Shop, flow: string, subject: string): Promise<readonly string[]> {
  const runs = await shop.api.get<Items<{ status: string; onePer: string | null }>>(`/v1/runs?flow=${flow}&limit=100`);
  return runs.items.filter(({ onePer }) => onePer?.includes(subject) === true).map(({ status }) => status);
}

/** The texts that reached a phone. */
export function textsTo(shop: Shop, phone: string): readonly string[] {
  return shop.twilio.messages.filter(({ to }) => to === phone).map(({ body }) => body);
}

/** Debits minus credits of each currency, in cents: all zero when the books balance. */
export async function imbalance(shop: Shop): Promise<Readonly<Record<string, number>>> {
  interface Sums {
    readonly debits: { readonly amount: string; readonly currency: string };
    readonly credits: { readonly amount: string };
  }
  const { accounts } = await shop.api.get<{ accounts: readonly Sums[] }>('/v1/ledger/trial-balance');
  const sums: Record<string, number> = {};
  for (const { debits, credits } of accounts)
    sums[debits.currency] = (sums[debits.currency] ?? 0) + cents(debits.amount) - cents(credits.amount);
  return sums;
}

/** The balance of each account as text, with the connection's id left out of the clearing account's code. */
export async function balances(shop: Shop): Promise<Readonly<Record<string, string>>> {
  const { accounts } = await shop.api.get<{ accounts: readonly { account: string; balance: { amount: string } }[] }>(
    '/v1/ledger/trial-balance',
  );
  return Object.fromEntries(accounts.map(({ account, balance }) => [account.replace(/^(asset:clearing):.*$/, '$1'), balance.amount]));
}

function cents(amount: string): number {
  return Math.round(Number(amount) * 100);
}
