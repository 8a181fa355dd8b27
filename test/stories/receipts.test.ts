/** What a customer is told of a payment, with the program itself: the receipt's address in the text, and one message for each later fact. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';
import { checkOut, offerCredits, order, PAID_ORDER, textsTo, traces, type Checkout, type Sale } from './scenario.ts';
import { Shop } from './shop.ts';

let shop: Shop;
let creditPackage: string;
let customers = 0;
beforeAll(async () => {
  shop = await Shop.open({ shipped: ['receipt-corrected.yaml'] });
  creditPackage = await offerCredits(shop);
}, STORY_MS);
afterAll(() => shop.close());

/** An order that was paid with a card. `intent` is the payment at its provider. */
async function sold(): Promise<Sale & Checkout & { readonly intent: string }> {
  const sale = await order(shop, creditPackage, (customers += 1));
  const checkout = await checkOut(shop, sale);
  const { id: intent } = shop.stripe.pay(checkout.session);
  expect(await traces(shop, sale, checkout)).toEqual(PAID_ORDER);
  return { ...sale, ...checkout, intent };
}

const linkIn = (text: string | undefined) => /http\S+\/receipts\/\S+/.exec(text ?? '')?.[0] ?? '';
const pageAt = async (link: string) => (await fetch(link, { headers: { 'accept-language': 'en' } })).text();
const storyOf = async ({ payment }: Checkout) => {
  const { items } = await shop.api.get<{ items: { reason: string; kept: { amount: string } }[] }>(
    `/v1/payments/${payment}/receipt/versions`,
  );
  return items.map(({ reason, kept }) => `${reason} ${kept.amount}`);
};
const corrected = (sale: Checkout, versions: number) =>
  until(
    async () => (await storyOf(sale)).length === versions,
    () => `the receipt was never corrected ${versions} times`,
    SOON_MS,
  );
const runsOf = async (flow: string) => (await shop.api.get<{ items: { status: string }[] }>(`/v1/runs?flow=${flow}`)).items;

test(
  'a refund from the dashboard is told in one text, and the page of the first text says it too',
  async () => {
    const sale = await sold();
    const link = linkIn(textsTo(shop, sale.phone)[0]);
    expect(await pageAt(link)).toContain('€12.10');
    shop.stripe.refund(sale.intent, 210);
    await until(
      async () => textsTo(shop, sale.phone).length > 1,
      () => `the refund was never told\n${shop.app.output.slice(-2_000)}`,
      SOON_MS,
    );
    expect(await storyOf(sale)).toEqual(['paid 12.10', 'refunded 10.00']);
    expect(await pageAt(link)).toMatch(/Corrected on .*: paid back to you\./);
    expect(linkIn(textsTo(shop, sale.phone)[1])).toBe(link);
    expect(await runsOf('receipt-corrected')).toEqual([]);
    expect(textsTo(shop, sale.phone)).toHaveLength(2);
  },
  STORY_MS,
);

test(
  'a chargeback, and the dispute that is won, are told in one letter each',
  async () => {
    const sale = await sold();
    const link = linkIn(textsTo(shop, sale.phone)[0]);
    // A text would wait for the morning of a working day; a letter does not.
    expect((await shop.api.send('PATCH', `/v1/customers/${sale.customer}`, { phone: '' })).status).toBe(200);
    const letters = () => shop.mail.mails.filter(({ to, message }) => to.includes(sale.email) && message.includes('was corrected'));
    for (const [status, version] of [
      ['needs_response', 2],
      ['won', 3],
    ] as const) {
      shop.stripe.dispute(sale.intent, status);
      await corrected(sale, version);
      await until(
        async () => letters().length === version - 1,
        () => `nobody was told of version ${version}\n${shop.app.output.slice(-2_000)}`,
        SOON_MS,
      );
    }
    expect(await storyOf(sale)).toEqual(['paid 12.10', 'charged-back 0.00', 'won-back 12.10']);
    expect(await pageAt(link)).toMatch(/Corrected on .*: your bank or card company gave the amount to the shop again\./);
    // The letter arrives before the run has written down that it did.
    let statuses: readonly string[] = [];
    await until(
      async () => (statuses = (await runsOf('receipt-corrected')).map(({ status }) => status)).join() === 'completed,completed',
      () => `the runs did not end: ${statuses.join()}`,
      SOON_MS,
    );
  },
  STORY_MS,
);
