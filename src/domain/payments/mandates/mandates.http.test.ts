import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { domainApp, type DomainApp } from '../../../../test/support/domain-app.ts';

let shop: DomainApp;
beforeAll(async () => {
  shop = await domainApp();
});
afterAll(() => shop.close());

const idIn = ({ body }: { body: Record<string, unknown> }) => String(body['id']);
const euro = (amount: string) => ({ amount, currency: 'EUR' });
/** As `test/support/domain-app.ts` reads a delivery. */
const signals = (...list: object[]) => shop.deliver(JSON.stringify({ id: 'evt_mandate_1', signals: list }));

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

    expect(await signals({ kind: 'mandate', type: 'mandate.updated', providerId: 'mdt_1' })).toMatchObject({ status: 200 });
    expect(await shop.send('POST', `/v1/mandates/${saved?.id}/revoke`)).toMatchObject({ status: 200, body: { status: 'revoked' } });
    expect(await shop.send('POST', '/v1/charges', wish)).toMatchObject({ status: 409, body: { code: 'mandate.none' } });
    expect(await shop.send('POST', '/v1/charges', { ...wish, mandate: saved?.id })).toMatchObject({
      status: 409,
      body: { code: 'mandate.not-active' },
    });
    expect(await shop.send('GET', `/v1/disputes?payment=${idIn(first)}`)).toMatchObject({ status: 200, body: { items: [] } });
  });
});
