/**
 * A direct debit that comes back for want of money, and is drawn once more when its rules allow: the shipped flow of dunning sleeps for a
 * week, through a `kill -9`, charges the mandate again and ends when the invoice is paid. Run timers go by the database's clock, so that is
 * set forward as well as the program's.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CollectingShop, DAY_MS, WEEKS_MS } from './collecting-shop.ts';

let shop: CollectingShop;
beforeAll(async () => {
  shop = await CollectingShop.open();
}, WEEKS_MS);
afterAll(() => shop.close());

test(
  'a debit that bounced is drawn again after a week, once, through a kill -9, and the flow ends when it is paid',
  async () => {
    const { api, mollie } = shop;
    const invoice = await shop.draftInvoice(await shop.customerWithMandate());
    await api.post(`/v1/invoices/${invoice}/issue`, {});
    await shop.eventually(
      async () => shop.charges.length === 1,
      () => 'the mandate was never charged',
    );
    mollie.book.settle(shop.charges[0]?.id ?? '', 'failed', 'AM04');
    await shop.runIs('collect-by-mandate', 'completed');
    await shop.runIs('failed-payment', 'waiting');

    // For want of money a debit may be repeated after seven days, on a working day; until then nothing happens.
    await shop.killFor(5 * DAY_MS, 'everywhere');
    await shop.runIs('failed-payment', 'waiting');
    expect(shop.charges).toHaveLength(1);
    await shop.killFor(6 * DAY_MS, 'everywhere');
    await shop.eventually(
      async () => shop.charges.length === 2,
      () => 'the mandate was never charged again',
    );
    mollie.book.settle(shop.charges[1]?.id ?? '', 'paid');
    await shop.becomes(`/v1/invoices/${invoice}`, 'paid');
    await shop.runIs('failed-payment', 'stopped');
    await shop.killFor(10 * DAY_MS, 'everywhere');
    await shop.runIs('failed-payment', 'stopped');
    expect(shop.charges).toHaveLength(2);
  },
  WEEKS_MS,
);
