/** What comes weeks and months after a payment was completed, through the webhook door and the API, on a clock that jumps. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DisputeFacts, PaymentFacts } from '@kassaflow/plugin-sdk';
import { TranslateInbox } from '../../webhooks/translate-inbox.ts';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';
import { CheckOpenPayments } from './check-open-payments.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const eur = (amount: string) => ({ amount, currency: 'EUR' });

let http: DomainApp;
let customer: string;
let delivered = 0;
beforeAll(async () => {
  http = await domainApp();
  customer = String((await http.send('POST', '/v1/customers', { name: 'Anna', email: 'anna@example.com' })).body['id']);
});
afterAll(() => http.close());
beforeEach(() => http.clock.advance(MINUTE));

interface Sale {
  readonly payment: string;
  readonly invoice: string;
  readonly providerId: string;
}

/** An invoice of 50.00 that a customer has paid by the method. */
async function paid(facts: Partial<PaymentFacts> = {}): Promise<Sale> {
  const lines = [{ description: 'work', quantity: 1, unit: eur('50.00'), vatRate: 0 }];
  const invoice = String((await http.send('POST', '/v1/invoices', { customer, lines })).body['id']);
  await http.send('POST', `/v1/invoices/${invoice}/issue`, {});
  const { body } = await http.send('POST', '/v1/payments', { invoices: [invoice], returnUrl: 'https://shop.example/back' });
  const sale = { payment: String(body['id']), invoice, providerId: String(body['providerId']) };
  await tells(sale, { started: true, captured: 5_000, ...facts });
  return sale;
}

/** The provider changes its mind and sends a webhook, three times. */
async function tells(sale: Sale, facts: Partial<PaymentFacts>): Promise<void> {
  http.provider.report(sale.providerId, facts);
  http.clock.advance(1_000);
  for (const _ of [1, 2, 3]) {
    const signals = [{ kind: 'payment', providerId: sale.providerId, reference: sale.payment }];
    await http.deliver(JSON.stringify({ id: `evt_${(delivered += 1)}`, signals }));
  }
  await work();
}
const work = async () => {
  while ((await http.app.get(TranslateInbox).translateDue()) > 0);
};
const later = async (ms: number) => {
  http.clock.advance(ms);
  await http.app.get(CheckOpenPayments).checkDue();
  await work();
};
const statusOf = async ({ payment }: Sale) => (await http.send('GET', `/v1/payments/${payment}`)).body['status'];
const invoiceOf = async ({ invoice }: Sale) => {
  const { status, open } = (await http.send('GET', `/v1/invoices/${invoice}`)).body as { status: string; open: { amount: string } };
  return [status, open.amount];
};
/** Types of the events about the payment, and about its refunds and disputes, in order. */
const eventsOf = async ({ payment }: Sale) => {
  const { rows } = await http.db.ownerPool.query<{ type: string }>(
    `select type from event where (subject = $1 or data -> 'payment' ->> 'id' = $2) and type !~ '^(invoice|order|receipt)[.]' order by seq`,
    [`payment/${payment}`, payment],
  );
  return rows.map(({ type }) => type).slice(2);
};
const imbalance = async () =>
  (
    await http.db.ownerPool.query(
      `select currency from ledger_line group by currency having sum(case side when 'debit' then minor else -minor end) <> 0`,
    )
  ).rows;
/** What the books say is ours of the payment. */
const booked = async ({ payment }: Sale) => {
  const { rows } = await http.db.ownerPool.query<{ minor: string }>(
    `select coalesce(sum(case l.side when 'debit' then l.minor else -l.minor end), 0) as minor
     from ledger_entry e join ledger_line l on l.entry_id = e.id join ledger_account a on a.id = l.account_id
     where e.subject = $1 and a.code like 'asset:clearing:%'`,
    [`payment/${payment}`],
  );
  return Number(rows[0]?.minor);
};
const dispute = (state: DisputeFacts['state'], more: Partial<DisputeFacts> = {}): DisputeFacts => ({
  providerId: 'dp_1',
  state,
  amount: 5_000,
  reason: 'MD06',
  ...more,
});

describe('late truth', () => {
  test('pitfall 7: a direct debit that the bank takes back after twelve months opens its invoice again', async () => {
    const sale = await paid({ method: 'sepa-debit', provisionalUntil: http.clock.now().getTime() + 56 * DAY });
    await later(365 * DAY);
    expect([await statusOf(sale), await invoiceOf(sale)]).toEqual(['completed', ['paid', '0.00']]);
    await tells(sale, { chargedBack: 5_000, disputes: [dispute('opened')] });
    expect([await statusOf(sale), await invoiceOf(sale), await booked(sale)]).toEqual(['charged-back', ['issued', '50.00'], 0]);
    expect(await eventsOf(sale)).toEqual(['payment.charged-back', 'dispute.opened']);
    expect(await imbalance()).toEqual([]);
  });

  test('pitfall 8: a payment that was paid and turns out not to be is reversed, after a second look', async () => {
    const sale = await paid();
    await later(4 * DAY);
    await tells(sale, { captured: 0, ended: 'failed', failure: { reason: 'insufficient-funds', retryable: true } });
    expect(await statusOf(sale)).toBe('completed');
    await later(31_000);
    expect([await statusOf(sale), await invoiceOf(sale), await booked(sale)]).toEqual(['failed', ['issued', '50.00'], 0]);
    expect(await eventsOf(sale)).toEqual(['payment.reversed']);
    expect(await imbalance()).toEqual([]);
  });

  test('pitfall 9: a dispute that is opened, lost, and won at last ends where it began', async () => {
    const sale = await paid({ method: 'card' });
    await later(30 * DAY);
    await tells(sale, { disputes: [dispute('inquiry')] });
    expect(await invoiceOf(sale)).toEqual(['paid', '0.00']);
    await tells(sale, { chargedBack: 5_000, disputes: [dispute('opened')] });
    expect(await invoiceOf(sale)).toEqual(['issued', '50.00']);
    await later(40 * DAY);
    await tells(sale, { disputes: [dispute('lost')] });
    await later(40 * DAY);
    await tells(sale, { chargedBack: 0, disputes: [dispute('won')] });
    expect([await statusOf(sale), await invoiceOf(sale), await booked(sale)]).toEqual(['completed', ['paid', '0.00'], 5_000]);
    expect(await eventsOf(sale)).toEqual([
      'payment.disputed',
      'payment.charged-back',
      'dispute.opened',
      'dispute.lost',
      'payment.reversed',
      'dispute.won',
    ]);
    expect(await imbalance()).toEqual([]);
  });

  test('pitfall 6: a refund that was accepted, done, and bounces after a week is money that is ours again', async () => {
    const sale = await paid();
    http.provider.refundsAreSlow = true;
    const { body } = await http.send('POST', '/v1/refunds', { payment: sale.payment, amount: eur('20.00') });
    http.provider.refundsAreSlow = false;
    expect(body['status']).toBe('pending');
    expect(await invoiceOf(sale)).toEqual(['paid', '0.00']);
    await tells(sale, { refundPending: 0, refunded: 2_000 });
    expect(await invoiceOf(sale)).toEqual(['issued', '20.00']);
    await later(7 * DAY);
    await tells(sale, { refunded: 0 });
    expect((await http.send('GET', `/v1/refunds/${String(body['id'])}`)).body['status']).toBe('failed');
    expect([await statusOf(sale), await invoiceOf(sale), await booked(sale)]).toEqual(['completed', ['paid', '0.00'], 5_000]);
    expect(await eventsOf(sale)).toEqual(['refund.requested', 'refund.completed', 'payment.refunded', 'refund.failed']);
    expect(await imbalance()).toEqual([]);
  });

  test('pitfall 6: a refund that was accepted and never done fails, and its invoice stays paid', async () => {
    const sale = await paid();
    http.provider.refundsAreSlow = true;
    const { body } = await http.send('POST', '/v1/refunds', { payment: sale.payment });
    http.provider.refundsAreSlow = false;
    await later(3 * DAY);
    await tells(sale, { refundPending: 0 });
    expect((await http.send('GET', `/v1/refunds/${String(body['id'])}`)).body['status']).toBe('failed');
    expect([await statusOf(sale), await invoiceOf(sale), await booked(sale)]).toEqual(['completed', ['paid', '0.00'], 5_000]);
  });

  test('pitfall 5: a refund in the dashboard, and a chargeback of the rest, leave nothing of ours and no more', async () => {
    const sale = await paid();
    await tells(sale, { refunded: 1_500 });
    await later(100 * DAY);
    await tells(sale, { refunded: 1_500, chargedBack: 3_500 });
    expect([await statusOf(sale), await invoiceOf(sale), await booked(sale)]).toEqual(['charged-back', ['issued', '50.00'], 0]);
    const { body } = await http.send('GET', `/v1/refunds?payment=${sale.payment}`);
    expect(body['items']).toMatchObject([{ origin: 'provider', status: 'completed', amount: eur('15.00'), requestedBy: '' }]);
    expect((await http.send('POST', '/v1/refunds', { payment: sale.payment, amount: eur('0.01') })).status).toBe(409);
    expect(await imbalance()).toEqual([]);
  });

  test('pitfall 28: the same invoice paid twice is told as overpaid, and what is too much can go back', async () => {
    const sale = await paid();
    const lines = [{ description: 'more', quantity: 1, unit: eur('30.00'), vatRate: 0 }];
    const invoice = String((await http.send('POST', '/v1/invoices', { customer, lines })).body['id']);
    await http.send('POST', `/v1/invoices/${invoice}/issue`, {});
    const open = async () =>
      (await http.send('POST', '/v1/payments', { invoices: [invoice], returnUrl: 'https://shop.example/back' })).body;
    const tabs = [await open(), await open()].map((body) => ({
      ...sale,
      invoice,
      payment: String(body['id']),
      providerId: String(body['providerId']),
    }));
    for (const tab of tabs) await tells(tab, { captured: 3_000 });
    const [first, second] = tabs as [Sale, Sale];
    expect(await eventsOf(first)).toEqual([]);
    expect(await eventsOf(second)).toEqual(['payment.overpaid']);
    await http.send('POST', '/v1/refunds', { payment: second.payment });
    expect([await invoiceOf(second), await booked(first), await booked(second)]).toEqual([['paid', '0.00'], 3_000, 0]);
    expect(await imbalance()).toEqual([]);
  });
});

test('four eyes over HTTP: with one key a refund is asked for, with another it is sent, and a third calls the next one off', async () => {
  const sale = await paid();
  const refund = async (amount: string) =>
    String((await http.send('POST', '/v1/refunds', { payment: sale.payment, amount: eur(amount), awaitApproval: true })).body['id']);
  const [first, second] = [await refund('10.00'), await refund('5.00')];
  expect(await http.send('POST', `/v1/refunds/${first}/send`)).toMatchObject({ status: 403, body: { code: 'refund.four-eyes' } });
  http.clock.advance(1_000);
  const { body } = await http.send('POST', '/v1/api-keys', { name: 'kim', scopes: ['payments:write'] });
  const kim = { authorization: `Bearer ${String(body['secret'])}` };
  expect(await http.send('POST', `/v1/refunds/${first}/send`, {}, kim)).toMatchObject({ status: 200, body: { status: 'completed' } });
  expect(await http.send('POST', `/v1/refunds/${second}/cancel`, { reason: 'no' })).toMatchObject({
    status: 200,
    body: { status: 'cancelled', requestedBy: expect.stringMatching(/^key\//) },
  });
});
