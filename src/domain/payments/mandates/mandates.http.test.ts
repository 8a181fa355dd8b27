import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TranslateInbox } from '../../../webhooks/translate-inbox.ts';
import { domainApp, type DomainApp } from '../../../../test/support/domain-app.ts';

let shop: DomainApp;
beforeAll(async () => {
  shop = await domainApp();
});
afterAll(() => shop.close());

const idIn = ({ body }: { body: Record<string, unknown> }) => String(body['id']);
const euro = (amount: string) => ({ amount, currency: 'EUR' });
/** As `test/support/domain-app.ts` reads a delivery. */
const signals = (id: string, ...list: object[]) => shop.deliver(JSON.stringify({ id, signals: list }));

describe('over HTTP', () => {
  test('a customer saves a card with a payment, is charged, revokes, and is charged no more', async () => {
    const customer = idIn(await shop.send('POST', '/v1/customers', { name: 'Anna de Vries', phone: '+31612345678', locale: 'nl' }));
    const first = await shop.send('POST', '/v1/payments', {
      customer,
      amount: euro('1.00'),
      description: 'the first',
      save: true,
      returnUrl: 'https://shop.example/back',
    });
    expect(first).toMatchObject({ status: 201 });
    const providerId = String(first.body['providerId']);
    const mandate = { providerId: 'mdt_1', kind: 'card', state: 'active', label: 'Visa •••• 4242' } as const;
    shop.provider.mandates.set('mdt_1', mandate);
    shop.provider.report(providerId, { started: true, captured: 100, mandate });
    expect(await shop.send('POST', `/v1/payments/${idIn(first)}/refresh`)).toMatchObject({ body: { status: 'completed' } });
    const { body } = await shop.send('GET', `/v1/mandates?customer=${customer}&status=active`);
    const [saved] = body['items'] as { id: string; label: string }[];
    expect(saved).toMatchObject({ label: 'Visa •••• 4242' });

    const wish = { customer, amount: euro('5.00'), description: 'the next' };
    const charged = await shop.send('POST', '/v1/charges', wish, { 'idempotency-key': 'charge-1' });
    expect(charged).toMatchObject({ status: 201, body: { payment: { customer, amount: euro('5.00') } } });
    expect((await shop.send('POST', '/v1/charges', wish, { 'idempotency-key': 'charge-1' })).body).toEqual(charged.body);
    expect(shop.provider.count('payments.charge')).toBe(1);

    expect(await signals('evt_mandate_1', { kind: 'mandate', type: 'mandate.updated', providerId: 'mdt_1' })).toMatchObject({
      status: 200,
    });
    expect(await shop.send('POST', `/v1/mandates/${saved?.id}/revoke`)).toMatchObject({ status: 200, body: { status: 'revoked' } });
    expect(await shop.send('POST', '/v1/charges', wish)).toMatchObject({ status: 409, body: { code: 'mandate.none' } });
    expect(await shop.send('POST', '/v1/charges', { ...wish, mandate: saved?.id })).toMatchObject({
      status: 409,
      body: { code: 'mandate.not-active' },
    });
    expect(await shop.send('GET', `/v1/disputes?payment=${idIn(first)}`)).toMatchObject({ status: 200, body: { items: [] } });
  });

  test('a direct debit mandate is asked for, a debit is announced and listed, and the mandate is let go on', async () => {
    const customer = idIn(await shop.send('POST', '/v1/customers', { name: 'Kim Jansen', locale: 'nl' }));
    const wish = { customer, kind: 'sepa-debit', description: 'Your subscription' };
    expect(await shop.send('POST', '/v1/mandates', wish, { 'idempotency-key': '' })).toMatchObject({ status: 400 });
    const asked = await shop.send('POST', '/v1/mandates', wish, { 'idempotency-key': 'mandate-2' });
    expect(asked).toMatchObject({ status: 201, body: { status: 'pending', method: 'sepa-debit', next: { kind: 'redirect' } } });
    const mandate = idIn(asked);
    const facts = { providerId: 'mdt_2', kind: 'sepa-debit', state: 'active' } as const;
    shop.provider.mandates.set(`step_${mandate}`, facts).set('mdt_2', facts);
    // As providers do that make mandates by payments of nothing: nothing but the id of the payment.
    expect(await signals('evt_mandate_2', { kind: 'payment', type: 'payment.paid', providerId: `step_${mandate}` })).toMatchObject({
      status: 200,
    });
    await shop.app.get(TranslateInbox).translateDue();
    expect(await shop.send('GET', `/v1/mandates/${mandate}`)).toMatchObject({ body: { status: 'active' } });

    const lines = [{ description: 'work', quantity: 1, unit: euro('30.00'), vatRate: 0 }];
    const invoice = idIn(await shop.send('POST', '/v1/invoices', { customer, description: 'work', lines }));
    await shop.send('POST', `/v1/invoices/${invoice}/issue`, {});
    const notice = await shop.send('POST', '/v1/debit-notices', { invoice });
    expect(notice).toMatchObject({ status: 201, body: { mandate, invoice, amount: euro('30.00') } });
    expect(await shop.send('POST', '/v1/debit-notices', { invoice, dueOn: '2026-11-22' })).toMatchObject({
      status: 422,
      body: { code: 'mandate.due-on' },
    });
    expect((await shop.send('GET', `/v1/debit-notices?invoice=${invoice}`)).body['items']).toEqual([notice.body]);
    expect(await shop.send('POST', `/v1/mandates/${mandate}/resume`)).toMatchObject({ status: 200, body: { id: mandate } });
  });
});
