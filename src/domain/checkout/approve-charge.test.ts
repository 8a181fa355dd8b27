import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { newUuid } from '../../kernel/ids.ts';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';

const DAY_MS = 86_400_000;
let shop: DomainApp;
beforeAll(async () => {
  shop = await domainApp();
});
afterAll(() => shop.close());
beforeEach(() => shop.clock.advance(60_000));

const euro = (amount: string) => ({ amount, currency: 'EUR' });
const text = (value: unknown) => String(value);
const money = (amount: string) => ({ description: 'work', quantity: 1, unit: euro(amount), vatRate: 0 });

/** A customer with a saved card, and an open invoice. */
async function debtor(amount: string) {
  const customer = text((await shop.send('POST', '/v1/customers', { name: 'Anna', locale: 'nl' })).body['id']);
  const first = await shop.send('POST', '/v1/payments', {
    customer,
    amount: euro('1.00'),
    description: 'the first',
    save: true,
    returnUrl: 'https://shop.example/back',
  });
  const mandate = { providerId: `mdt_${newUuid()}`, kind: 'card', state: 'active' } as const;
  shop.provider.mandates.set(mandate.providerId, mandate);
  shop.provider.report(text(first.body['providerId']), { started: true, captured: 100, mandate });
  await shop.send('POST', `/v1/payments/${text(first.body['id'])}/refresh`);
  const draft = await shop.send('POST', '/v1/invoices', { customer, description: 'work', lines: [money(amount)] });
  const invoice = text(draft.body['id']);
  await shop.send('POST', `/v1/invoices/${invoice}/issue`, {});
  return { customer, invoice };
}

interface ChargeAnswer {
  readonly status: string;
  readonly link: string;
  readonly payment: { readonly id: string; readonly providerId: string };
}

const charge = async (invoice: string, key: string) =>
  (await shop.send('POST', '/v1/charges', { invoices: [invoice] }, { 'idempotency-key': key })).body as unknown as ChargeAnswer;
/** The same charge, asked for by a caller whose first answer was lost: not the stored answer. */
const again = async (key: string) => {
  await shop.db.ownerPool.query('delete from idempotency_record');
  return key;
};
const page = (link: string) => shop.app.inject({ method: 'GET', url: new URL(link).pathname });
const press = (link: string) =>
  shop.app.inject({
    method: 'POST',
    url: new URL(link).pathname,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'method=pay',
  });
const eventsOf = async (payment: string) => {
  const { rows } = await shop.db.ownerPool.query<{ type: string; data: { link?: string } }>(
    'select type, data from event where subject = $1 order by seq',
    [`payment/${payment}`],
  );
  return rows;
};
const paidAt = async (invoice: string) => (await shop.send('GET', `/v1/invoices/${invoice}`)).body['status'];

describe('a charge whose bank wants to see the customer', () => {
  test('gives the same page for the same request, tells flows of it once, and is completed by what is paid there', async () => {
    const { invoice } = await debtor('9.00');
    const key = newUuid();
    shop.provider.next('payments.charge', 'asks for the customer');
    const first = await charge(invoice, key);
    expect(first).toMatchObject({ status: 'action-required', link: expect.stringContaining('/pay/') });
    expect((await charge(invoice, await again(key))).link).toBe(first.link);
    const told = (await eventsOf(first.payment.id)).filter(({ type }) => type === 'payment.action-required');
    expect(told.map(({ data }) => data.link)).toEqual([first.link]);

    expect((await page(first.link)).body).toContain('9,00');
    const answer = await press(first.link);
    expect(answer.headers.location).toMatch(/^https:\/\/pay\.example\/px_/);
    const providerId = text(answer.headers.location).split('/').at(-1) ?? '';
    shop.provider.report(providerId, { started: true, captured: 900 });
    await shop.app.inject({ method: 'GET', url: `${new URL(first.link).pathname}/return` });
    expect(await paidAt(invoice)).toBe('paid');
    expect(await charge(invoice, await again(key))).toMatchObject({ status: 'completed', link: '', payment: { providerId } });
  });

  test('goes on with the same payment where the provider keeps it open', async () => {
    const { invoice } = await debtor('8.00');
    const key = newUuid();
    const first = await charge(invoice, key);
    expect(first.status).toBe('action-required');
    const made = shop.provider.count('payments.create');
    expect((await page(first.link)).body).toContain(`https://pay.example/${first.payment.providerId}`);
    shop.provider.report(first.payment.providerId, { started: true, captured: 800 });
    await shop.app.inject({ method: 'GET', url: `${new URL(first.link).pathname}/return` });
    expect(await charge(invoice, await again(key))).toMatchObject({ status: 'completed', payment: { id: first.payment.id } });
    expect(shop.provider.count('payments.create')).toBe(made);
  });

  test('is what it was once the time for approving is over', async () => {
    const late = await debtor('7.00');
    const key = newUuid();
    shop.provider.next('payments.charge', 'asks for the customer');
    await charge(late.invoice, key);
    shop.clock.advance(46 * DAY_MS);
    expect(await charge(late.invoice, await again(key))).toMatchObject({ status: 'failed', link: '' });
  });
});
