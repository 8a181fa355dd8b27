import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newUuid } from '../../kernel/ids.ts';
import { BuiltInActions } from '../../plugin-host/built-in-actions.ts';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';

let shop: DomainApp;
beforeAll(async () => {
  shop = await domainApp();
});
afterAll(() => shop.close());

/** As a flow calls it. */
async function act(action: string, input: Record<string, unknown>) {
  const call = { tenantId: shop.db.tenantId, action, input, idempotencyKey: newUuid(), attempt: 1, runId: newUuid(), step: 'step' };
  return shop.app
    .get(BuiltInActions)
    .find(action)
    ?.run({ ...call, timeoutMs: 1_000 }, AbortSignal.timeout(10_000));
}

function valueIn(outcome: Awaited<ReturnType<typeof act>>, name: string): string {
  return outcome?.kind === 'ok' ? String(outcome.value[name]) : '';
}

async function invoiceOver(amount: string, locale: string, currency = 'EUR'): Promise<string> {
  const customer = await shop.send('POST', '/v1/customers', { name: 'Anna de Vries', locale });
  const unit = { amount, currency };
  const lines = [{ description: 'work', quantity: 1, unit, vatRate: 0 }];
  const { body } = await shop.send('POST', '/v1/invoices', { customer: customer.body['id'], description: 'work', lines });
  await shop.send('POST', `/v1/invoices/${String(body['id'])}/issue`, {});
  return String(body['id']);
}

test('the dunning policy has defaults, is changed field by field, and what cannot be is refused with its place', async () => {
  const first = await shop.send('GET', '/v1/dunning-policy');
  expect(first).toMatchObject({ status: 200, body: { cardDays: [1, 3, 7, 14], debitDays: [7, 14], quietFrom: 22, noticeDays: 14 } });
  const changed = await shop.send('PATCH', '/v1/dunning-policy', { payDay: 25, debitDays: [5] });
  expect(changed).toMatchObject({ status: 200, body: { payDay: 25, debitDays: [5], cardDays: [1, 3, 7, 14] } });
  expect((await shop.send('GET', '/v1/dunning-policy')).body).toEqual(changed.body);
  expect(await shop.send('PATCH', '/v1/dunning-policy', { cardDays: [3, 1] })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/cardDays' }] },
  });
  const { rows } = await shop.db.ownerPool.query(`select detail from audit_entry where action = 'dunning-policy.change'`);
  expect(rows).toEqual([{ detail: { payDay: '25', debitDays: '[5]' } }]);
});

test('a text goes out in the morning of a working day', async () => {
  // Friday 20 November 2026, 23:30 in Amsterdam.
  shop.clock.advance(new Date('2026-11-20T22:30:00Z').getTime() - shop.clock.now().getTime());
  expect(await act('dunning.moment', { channel: 'sms' })).toMatchObject({ kind: 'ok', value: { at: '2026-11-23T07:00:00.000Z' } });
  expect(await act('dunning.moment', { channel: 'email' })).toMatchObject({ value: { at: '2026-11-21T07:00:00.000Z' } });
});

test('acceptance 15: the formal notice names the principal, fourteen full days from the day after delivery, and the exact costs', async () => {
  const dutch = await act('dunning.notice', { invoice: await invoiceOver('300.00', 'nl'), link: 'https://pay.example/1' });
  expect(dutch).toMatchObject({ kind: 'ok', value: { costs: { amount: '45.00' }, total: { amount: '345.00' } } });
  const text = valueIn(dutch, 'text');
  for (const part of [
    '€ 300,00',
    'binnen vijftien dagen nadat deze brief bij u is bezorgd',
    '€ 45,00',
    '€ 345,00',
    'https://pay.example/1',
  ])
    expect(text).toContain(part);
  const business = await act('dunning.notice', { invoice: await invoiceOver('2500.00', 'en'), debtor: 'business' });
  expect(business).toMatchObject({ value: { costs: { amount: '40.00' } } });
  expect(await act('dunning.notice', { invoice: await invoiceOver('300.00', 'da', 'DKK') })).toMatchObject({ kind: 'declined' });
});

test('a flow makes one page to pay an invoice for all its letters, and can give the invoice up', async () => {
  const invoice = await invoiceOver('30.00', 'nl');
  const made = await act('payment.link', { invoice });
  expect(made).toMatchObject({ kind: 'ok', value: { link: expect.stringMatching(/^https:\/\/kassaflow\.example\/pay\//) } });
  const link = valueIn(made, 'link');
  expect((await shop.app.inject({ method: 'GET', url: new URL(link).pathname })).body).toContain('30,00');
  expect(await act('invoice.write-off', { invoice, reason: 'gone' })).toMatchObject({ kind: 'ok', value: { status: 'written-off' } });
  // Nobody asks for it any more, and who pays it after all can.
  expect(await act('payment.link', { invoice })).toMatchObject({ kind: 'ok' });
  expect((await shop.send('GET', `/v1/invoices/${invoice}`)).body).toMatchObject({ payUrl: '', open: { amount: '0.00' } });
  expect((await shop.app.inject({ method: 'GET', url: '/pay/done', headers: { 'accept-language': 'nl-NL,en' } })).body).toContain(
    'Bedankt',
  );
});
