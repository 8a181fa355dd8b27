import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { stripeSignature } from '../providers/stripe-webhooks.ts';
import { NOTHING_OPEN, openWork } from '../support/open-work.ts';
import { STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';
import { balances, checkOut, imbalance, offerCredits, order, PAID_ORDER, textsTo, traces, type Checkout, type Sale } from './scenario.ts';
import { Shop, WEBHOOK_SECRET } from './shop.ts';

jest.setTimeout(STORY_MS);

let shop: Shop;
let creditPackage: string;
let customers = 0;

beforeAll(async () => {
  // On a slow machine a call may be in doubt for a moment: it is asked soon what became of it.
  shop = await Shop.open({ environment: { KASSAFLOW_ASK_AGAIN_MS: '2000' }, flows: ['stories/flows/receipt-by-mail.yaml'] });
  creditPackage = await offerCredits(shop);
});
afterAll(() => shop.close());

/** A customer with an order, and the page to pay it on. */
async function sell(): Promise<Sale & Checkout> {
  const sale = await order(shop, creditPackage, (customers += 1));
  return { ...sale, ...(await checkOut(shop, sale)) };
}

async function sellAndPay(): Promise<Sale & Checkout & { readonly intent: string }> {
  const sale = await sell();
  const { id } = shop.stripe.pay(sale.session);
  expect(await traces(shop, sale, sale)).toEqual(PAID_ORDER);
  return { ...sale, intent: id };
}

async function quiet(): Promise<void> {
  let open = NOTHING_OPEN;
  await until(
    async () => Object.values((open = await openWork(shop.app))).every((count) => count === 0),
    () => `something is still open: ${JSON.stringify(open)}`,
  );
}

const paymentStatus = async ({ payment }: Checkout) => (await shop.api.get(`/v1/payments/${payment}`))['status'];

/** Changes of the shop's books since `before`, by account. */
function changes(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(after)
      .map(([account, amount]) => [account, (Number(amount) - Number(before[account] ?? 0)).toFixed(2)] as const)
      .filter(([, change]) => Number(change) !== 0),
  );
}

async function deliver(body: string, signature: string): Promise<number> {
  const headers = { 'content-type': 'application/json', 'stripe-signature': signature };
  const answer = await fetch(shop.webhookUrl, { method: 'POST', headers, body });
  await answer.body?.cancel();
  return answer.status;
}

const signedAt = (body: string, ms: number, secret = WEBHOOK_SECRET) => stripeSignature(body, [secret], ms);
const MINUTE = 60_000;

describe('a shop', () => {
  test('connects its providers by command, and each of them answers', async () => {
    const checked = await Promise.all(['card', 'texts', 'mail', 'book'].map((name) => shop.command('connection', 'check', name)));
    expect(checked.map((line) => line.trim().split(':')[0])).toEqual(['card works', 'texts works', 'mail works', 'book works']);
  });

  test('gets each consequence of a paid order exactly once', async () => {
    const before = await balances(shop);
    const sale = await sell();
    shop.stripe.pay(sale.session);
    expect(await traces(shop, sale, sale)).toEqual(PAID_ORDER);
    expect(textsTo(shop, sale.phone)).toEqual([expect.stringContaining('Thanks! We received €12.10 for')]);
    expect(changes(before, await balances(shop))).toEqual({
      'asset:clearing': '11.81',
      'expense:fees': '0.29',
      'income:sales': '10.00',
      'liability:vat:2100': '2.10',
    });
    expect(await imbalance(shop)).toEqual({ EUR: 0 });
    await quiet();
  });

  test('has its receipt arrive by e-mail, once', async () => {
    const { email } = await sellAndPay();
    await quiet();
    const received = shop.mail.mails.filter(({ to }) => to.includes(email));
    expect(received).toHaveLength(1);
    expect(received[0]?.message).toContain('Subject: Your receipt');
  });

  test('is paid an invoice of its own without anything being ordered', async () => {
    const { customer, phone } = await order(shop, creditPackage, (customers += 1));
    const unit = { amount: '40.00', currency: 'EUR' };
    const wish = { customer, description: 'Maintenance', lines: [{ description: 'Hours', quantity: 3, unit, vatRate: 2100 }] };
    const invoice = await shop.api.post<{ id: string }>('/v1/invoices', wish, 'maintenance');
    await shop.api.post(`/v1/invoices/${invoice.id}/issue`, {});
    const sale = { customer, phone, email: '', order: '', invoice: invoice.id };
    const checkout = await checkOut(shop, sale);
    shop.stripe.pay(checkout.session);
    await until(
      async () => (await shop.api.get(`/v1/invoices/${invoice.id}`))['status'] === 'paid',
      () => 'the invoice was never paid',
    );
    await quiet();
    expect(textsTo(shop, phone)).toEqual([expect.stringContaining('€145.20')]);
    expect((await shop.api.get(`/v1/customers/${customer}`))['credits']).toBe(0);
    expect(shop.postings().filter((reference) => reference === checkout.payment)).toHaveLength(1);
  });

  test('is not fooled: only the secret of its connection opens the door, and only for five minutes', async () => {
    const sale = await sell();
    const claim = JSON.stringify({
      id: 'evt_claim',
      object: 'event',
      type: 'checkout.session.completed',
      created: Math.floor(Date.now() / 1000),
      livemode: false,
      data: { object: { id: sale.session, object: 'checkout.session', payment_status: 'paid', client_reference_id: sale.payment } },
    });
    const now = Date.now();
    expect({
      unsigned: await deliver(claim, ''),
      forged: await deliver(claim, signedAt(claim, now, 'whsec_the_secret_of_another_shop')),
      changed: await deliver(claim.replace('evt_claim', 'evt_other'), signedAt(claim, now)),
      old: await deliver(claim, signedAt(claim, now - 6 * MINUTE)),
      future: await deliver(claim, signedAt(claim, now + 6 * MINUTE)),
    }).toEqual({ unsigned: 401, forged: 401, changed: 401, old: 401, future: 401 });
    // Even with the right signature a delivery is only a reason to ask: Stripe itself says that nobody has paid.
    expect(await deliver(claim, signedAt(claim, now))).toBe(200);
    await quiet();
    expect(await paymentStatus(sale)).toBe('created');
    expect(textsTo(shop, sale.phone)).toEqual([]);
  });

  test('does nothing twice when every delivery comes five times more, shuffled, and long after', async () => {
    const from = shop.stripe.webhooks.events.length;
    const sale = await sellAndPay();
    shop.stripe.refund(sale.intent, 100);
    await until(
      async () => (await paymentStatus(sale)) === 'partially-refunded',
      () => 'the refund was never seen',
    );
    await quiet();
    const before = await Promise.all([look(sale), balances(shop)]);
    const again = shop.stripe.webhooks.events.slice(from).flatMap((body) => Array.from({ length: 5 }, () => body));
    // Always the same shuffle: by something that has nothing to do with the order.
    const shuffled = again.map((body, index) => ({ body, at: (index * 7919) % again.length })).toSorted((a, b) => a.at - b.at);
    const answers = await Promise.all(shuffled.map(({ body }) => deliver(body, signedAt(body, Date.now()))));
    expect(answers).toEqual(again.map(() => 200));
    await quiet();
    expect(await Promise.all([look(sale), balances(shop)])).toEqual(before);
  });

  test('lives with deliveries that are lost, doubled and out of order on the way', async () => {
    shop.stripe.faults.add(
      { match: 'webhook charge.succeeded', action: 'reorder' },
      { match: 'webhook payment_intent.succeeded', action: 'drop' },
      { match: 'webhook checkout.session.completed', action: 'duplicate' },
    );
    await sellAndPay();
    await quiet();
  });

  test('lets a customer whose bank declined try again, and charges once', async () => {
    const sale = await sell();
    shop.stripe.decline(sale.session);
    await quiet();
    expect(await paymentStatus(sale)).toBe('created');
    expect(textsTo(shop, sale.phone)).toEqual([]);
    shop.stripe.pay(sale.session);
    expect(await traces(shop, sale, sale)).toEqual(PAID_ORDER);
  });

  test('keeps its books untouched when nobody pays before the page expires', async () => {
    const sale = await sell();
    const before = await balances(shop);
    shop.stripe.expireSession(sale.session);
    await until(
      async () => (await paymentStatus(sale)) === 'expired',
      () => 'the payment never expired',
    );
    await quiet();
    expect(await balances(shop)).toEqual(before);
  });
});

describe('a refund', () => {
  test('that the shop asks for goes back once, into the books and to the customer', async () => {
    const sale = await sellAndPay();
    const before = await balances(shop);
    const wish = { payment: sale.payment, amount: { amount: '5.00', currency: 'EUR' }, reason: 'half of it' };
    const first = await shop.api.send('POST', '/v1/refunds', wish, 'half');
    const second = await shop.api.send('POST', '/v1/refunds', wish, 'half');
    expect([first.status, second.body['id']]).toEqual([201, first.body['id']]);
    await refunded(sale, 'partially-refunded');
    expect(shop.stripe.log.executed('POST /v1/refunds')).toBe(1);
    expect(await refundsOf(sale)).toEqual([{ amount: '5.00', status: 'completed', origin: 'kassaflow' }]);
    expect(changes(before, await balances(shop))).toEqual({ 'asset:clearing': '-5.00', 'asset:receivable': '5.00' });
    expect(textsTo(shop, sale.phone).slice(1)).toEqual([expect.stringContaining('€5.00')]);
    expect(shop.postings().filter((reference) => reference === first.body['id'])).toHaveLength(1);
    expect(await imbalance(shop)).toEqual({ EUR: 0 });
  });

  test('that somebody makes in the dashboard is found, and lands in the same books', async () => {
    const sale = await sellAndPay();
    const before = await balances(shop);
    shop.stripe.refund(sale.intent, 1210);
    await refunded(sale, 'refunded');
    expect(await refundsOf(sale)).toEqual([{ amount: '12.10', status: 'completed', origin: 'provider' }]);
    expect(changes(before, await balances(shop))).toEqual({ 'asset:clearing': '-12.10', 'asset:receivable': '12.10' });
    expect(textsTo(shop, sale.phone)).toHaveLength(2);
    expect(await imbalance(shop)).toEqual({ EUR: 0 });
  });
});

describe('a dispute', () => {
  test('takes the money out of the books, and winning it brings the money back', async () => {
    const sale = await sellAndPay();
    const before = await balances(shop);
    shop.stripe.dispute(sale.intent);
    await refunded(sale, 'charged-back');
    expect(changes(before, await balances(shop))).toEqual({ 'asset:clearing': '-12.10', 'asset:receivable': '12.10' });
    shop.stripe.dispute(sale.intent, 'won');
    await refunded(sale, 'completed');
    expect(await balances(shop)).toEqual(before);
    expect(await look(sale)).toEqual({ texts: 1, postings: 1, completedEvents: 1 });
  });
});

async function refunded(sale: Checkout, status: string): Promise<void> {
  await until(
    async () => (await paymentStatus(sale)) === status,
    () => `the payment never became ${status}`,
  );
  await quiet();
}

async function refundsOf({ payment }: Checkout): Promise<unknown> {
  interface Refund {
    readonly amount: { readonly amount: string };
    readonly status: string;
    readonly origin: string;
  }
  const { items } = await shop.api.get<{ items: readonly Refund[] }>(`/v1/refunds?payment=${payment}`);
  return items.map(({ amount, status, origin }) => ({ amount: amount.amount, status, origin }));
}

/** What must not grow when a delivery is repeated. */
async function look({ payment, phone }: Sale & Checkout): Promise<{ texts: number; postings: number; completedEvents: number }> {
  const events = await shop.api.get<{ items: readonly unknown[] }>(`/v1/events?type=payment.completed&subject=payment/${payment}`);
  return {
    texts: textsTo(shop, phone).filter((text) => text.includes('Thanks! We received')).length,
    postings: shop.postings().filter((reference) => reference === payment).length,
    completedEvents: events.items.length,
  };
}
