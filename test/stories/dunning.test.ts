/**
 * A direct debit over weeks, with the program killed on the way: a flow charges it and sleeps, the bank takes days and sends it back after three weeks,
 * and the shipped flow of dunning collects until the customer pays in another way. The provider is Mollie's local server; the program's
 * clock is set forward as a machine's.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CollectingShop, DAY_MS, PATIENCE_MS, WEEKS_MS } from './collecting-shop.ts';

const HOUR_MS = 3_600_000;

let shop: CollectingShop;
beforeAll(async () => {
  shop = await CollectingShop.open();
}, WEEKS_MS);
afterAll(() => shop.close());

/** For how long the newest run of the flow still rests. Runs go by the clock of the database, which nobody sets forward. */
const restOf = async (flow: string) => {
  const { items } = await shop.api.get<{ items: readonly { readonly id: string }[] }>(`/v1/runs?flow=${flow}`);
  const { steps } = await shop.api.get<{ steps: readonly { readonly waitsUntil: string | null }[] }>(`/v1/runs/${items[0]?.id}`);
  return Math.max(0, ...steps.map(({ waitsUntil }) => Date.parse(waitsUntil ?? '1970-01-01') - Date.now()));
};
const balance = async () => {
  interface Account {
    readonly account: string;
    readonly balance: { readonly amount: string };
  }
  const { accounts } = await shop.api.get<{ accounts: readonly Account[] }>('/v1/ledger/trial-balance');
  return Object.fromEntries(
    accounts
      .filter(({ balance: { amount } }) => Number(amount) !== 0)
      .map(({ account, balance: { amount } }) => [account.replace(/:[0-9a-f-]{36}$/, ''), amount]),
  );
};

test(
  'a charge of a flow is made once through every kill -9; its last word and its return come weeks later, and another payment ends the dunning',
  async () => {
    const { api, app, mollie } = shop;
    const customer = await shop.customerWithMandate();

    // Killed when the provider has the charge and nobody here knows of it.
    app.dieAt('payment.created.before');
    const invoice = await shop.draftInvoice(customer);
    await api.send('POST', `/v1/invoices/${invoice}/issue`, {}).catch(() => undefined);
    await app.died(PATIENCE_MS);
    expect(shop.charges).toHaveLength(1);
    await shop.start();
    await shop.eventually(
      async () => (await api.get<{ items: readonly { status: string }[] }>('/v1/payments?status=pending')).items.length === 1,
      () => 'the charge was never found again',
    );

    // Three days later the bank has not said anything, and the run sleeps for six hours more.
    await shop.killFor(3 * DAY_MS);
    await shop.eventually(
      async () => (await restOf('collect-by-mandate')) > 5 * HOUR_MS,
      () => 'the run does not ask how its charge stands',
    );
    // Then the bank pays: the run goes on by that, and not when its pause is over.
    mollie.book.settle(shop.charges[0]?.id ?? '', 'paid');
    await shop.becomes(`/v1/invoices/${invoice}`, 'paid');
    await shop.runIs('collect-by-mandate', 'completed');
    expect(shop.charges).toHaveLength(1);
    expect(await balance()).toMatchObject({ 'asset:clearing': '61.00', 'income:sales': '60.00' });

    // Three weeks later it comes back for want of money, and the shipped flow collects.
    await shop.killFor(21 * DAY_MS);
    mollie.book.chargeBack(shop.charges[0]?.id ?? '', { code: 'AM04' });
    await shop.becomes(`/v1/invoices/${invoice}`, 'issued');
    expect(await balance()).toMatchObject({ 'asset:receivable': '60.00', 'asset:clearing': '1.00' });
    const { items } = await api.get<{ items: readonly { readonly data: { readonly decline: Record<string, unknown> } }[] }>(
      '/v1/events?type=payment.charged-back',
    );
    expect(items[0]?.data.decline).toMatchObject({
      class: 'soft',
      source: 'sepa',
      code: 'AM04',
      unattended: true,
      retryAt: expect.stringMatching(/^20/),
    });
    await shop.runIs('failed-payment', 'waiting');

    // Killed once more, and then the customer pays in another way: the flow is over, and nothing is charged any more.
    await shop.killFor(DAY_MS);
    const wish = { invoices: [invoice], method: 'ideal', connection: 'bank', returnUrl: `${app.url}/done` };
    const other = await api.post<{ providerId: string }>('/v1/payments', wish, 'other');
    mollie.book.pay(other.providerId);
    await shop.becomes(`/v1/invoices/${invoice}`, 'paid');
    await shop.runIs('failed-payment', 'stopped');
    expect(shop.charges).toHaveLength(1);
    expect(await balance()).toEqual({ 'asset:clearing': '61.00', 'income:sales': '60.00', 'liability:unallocated': '1.00' });
  },
  WEEKS_MS,
);

test(
  'a mandate is asked for once, and its bank’s question put to the customer once, through a kill -9 in the middle of each',
  async () => {
    const { api, app, mollie } = shop;
    const customer = await api.post<{ id: string }>('/v1/customers', { name: 'Anna de Vries', email: 'anna@example.com', locale: 'nl' });
    const wish = { customer: customer.id, kind: 'card', connection: 'bank', description: 'Your subscription' };
    app.dieAt('mandate.asked.after');
    await api.send('POST', '/v1/mandates', wish, 'mandate').catch(() => undefined);
    await app.died(PATIENCE_MS);
    await shop.start();
    const mandate = await api.post<{ id: string; next: { url: string } }>('/v1/mandates', wish, 'mandate');
    const asked = mollie.book.payments.filter(({ metadata }) => JSON.stringify(metadata).includes(mandate.id));
    expect(asked).toHaveLength(1);
    expect((await api.get<{ items: readonly object[] }>(`/v1/mandates?customer=${customer.id}`)).items).toHaveLength(1);
    mollie.book.pay(asked[0]?.id ?? '');
    await shop.becomes(`/v1/mandates/${mandate.id}`, 'active');

    app.dieAt('charge.approval.after');
    mollie.book.refuseNextCharge = 'authentication_required';
    const before = shop.charges.length;
    const charge = { customer: customer.id, mandate: mandate.id, amount: { amount: '5.00', currency: 'EUR' }, description: 'November' };
    await api.send('POST', '/v1/charges', charge, 'november').catch(() => undefined);
    await app.died(PATIENCE_MS);
    await shop.start();
    interface Charged {
      readonly status: string;
      readonly link: string;
      readonly payment: { readonly id: string };
    }
    const stopped = await api.post<Charged>('/v1/charges', charge, 'november');
    expect(stopped).toMatchObject({ status: 'action-required', link: expect.stringContaining('/pay/') });
    expect(shop.charges).toHaveLength(before + 1);
    const told = await api.get<{ items: readonly { readonly data: { readonly link: string } }[] }>(
      `/v1/events?type=payment.action-required&subject=payment/${stopped.payment.id}`,
    );
    expect(told.items.map(({ data }) => data.link)).toEqual([stopped.link]);
    expect((await fetch(stopped.link)).status).toBe(200);
  },
  WEEKS_MS,
);
