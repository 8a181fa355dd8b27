import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { idOf, newUuid } from '../../kernel/ids.ts';
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
const press = (link: string, method = 'pay') =>
  shop.app.inject({
    method: 'POST',
    url: new URL(link).pathname,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `method=${method}`,
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

  test('leaves what it was approved with behind, in place of the mandate that the bank had stopped', async () => {
    const { customer, invoice } = await debtor('6.00');
    const [old] = (await shop.send('GET', `/v1/mandates?customer=${customer}`)).body['items'] as { id: string }[];
    shop.provider.offers = [
      { id: 'card', title: 'Card', flows: ['redirect'], saves: true },
      { id: 'transfer', title: 'Transfer', flows: ['redirect'] },
    ];
    try {
      const key = newUuid();
      shop.provider.next('payments.charge', 'asks for the customer');
      const { link } = await charge(invoice, key);
      expect((await page(link)).body).toContain('de volgende afschrijvingen');
      const answer = await press(link, 'pay.card');
      const providerId = text(answer.headers.location).split('/').at(-1) ?? '';
      expect(shop.provider.created.get(providerId)).toMatchObject({ save: true, customer: { reference: customer } });
      const mandate = { providerId: `mdt_${newUuid()}`, kind: 'card', state: 'active' } as const;
      shop.provider.mandates.set(mandate.providerId, mandate);
      shop.provider.report(providerId, { started: true, captured: 600, mandate });
      await shop.app.inject({ method: 'GET', url: `${new URL(link).pathname}/return` });
      expect(await charge(invoice, await again(key))).toMatchObject({ status: 'completed' });

      // The next charge goes there, also one that names the mandate before.
      for (const wish of [{}, { mandate: old!.id }]) {
        const draft = await shop.send('POST', '/v1/invoices', { customer, description: 'work', lines: [money('5.00')] });
        await shop.send('POST', `/v1/invoices/${text(draft.body['id'])}/issue`, {});
        const next = (await shop.send('POST', '/v1/charges', { invoices: [text(draft.body['id'])], ...wish })).body;
        const { id } = next['payment'] as { id: string };
        expect(shop.provider.charged.get(id)).toMatchObject({ mandate: mandate.providerId });
      }
      // Once it is over, the one before is charged again when it is named.
      shop.provider.mandates.set(mandate.providerId, { ...mandate, state: 'revoked' });
      const { rows } = await shop.db.ownerPool.query<{ id: string }>('select id from mandate where provider_id = $1', [mandate.providerId]);
      await shop.send('POST', `/v1/mandates/${idOf('man', rows[0]!.id)}/revoke`);
      const last = await shop.send('POST', '/v1/invoices', { customer, description: 'work', lines: [money('4.00')] });
      await shop.send('POST', `/v1/invoices/${text(last.body['id'])}/issue`, {});
      const named = (await shop.send('POST', '/v1/charges', { invoices: [text(last.body['id'])], mandate: old!.id })).body;
      const { id } = named['payment'] as { id: string };
      expect(shop.provider.charged.get(id)?.mandate).not.toBe(mandate.providerId);
    } finally {
      shop.provider.offers = undefined;
      shop.clock.advance(61_000);
    }
  });

  test('saves nothing where the way of paying cannot be charged again', async () => {
    const { invoice } = await debtor('3.00');
    shop.provider.offers = [{ id: 'transfer', title: 'Transfer', flows: ['redirect'] }];
    try {
      shop.provider.next('payments.charge', 'asks for the customer');
      const { link } = await charge(invoice, newUuid());
      expect((await page(link)).body).not.toContain('de volgende afschrijvingen');
      const answer = await press(link, 'pay.transfer');
      const providerId = text(answer.headers.location).split('/').at(-1) ?? '';
      expect(shop.provider.created.get(providerId)).not.toHaveProperty('save');
    } finally {
      shop.provider.offers = undefined;
      shop.clock.advance(61_000);
    }
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
