import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '../kernel/ids.ts';
import { addConnection } from '../../test/support/domain.ts';
import { domainApp, type DomainApp } from '../../test/support/domain-app.ts';

let http: DomainApp;
let customer: string;
beforeAll(async () => {
  http = await domainApp();
  customer = String((await http.send('POST', '/v1/customers', { name: 'Anna', phone: '0612345678', country: 'NL' })).body['id']);
});
afterAll(() => http.close());

const eur = (amount: unknown) => ({ amount, currency: 'EUR' });
const stored = async () =>
  (
    await http.db.ownerPool.query(
      'select (select count(*) from payment) as payments, (select count(*) from invoice) as invoices, (select count(*) from credit_entry) as entries, (select count(*) from customer) as customers, (select count(*) from customer_order) as orders',
    )
  ).rows[0];
const payment = (more: object) => ({ amount: eur('5.00'), returnUrl: 'https://shop.example', ...more });
const invoice = (more: object) => ({ customer, lines: [{ description: 'work', quantity: 1, unit: eur('10.00'), vatRate: 2100, ...more }] });

describe('what is not accepted', () => {
  const rows: [string, string, () => object, number, string, string?][] = [
    ['K01 a JSON number', '/v1/payments', () => payment({ amount: eur(10.5) }), 422, 'request.type', '/amount/amount'],
    ['K02 too many decimals', '/v1/payments', () => payment({ amount: eur('10.005') }), 422, 'money.scale', '/amount/amount'],
    ['K04 a comma', '/v1/payments', () => payment({ amount: eur('10,00') }), 422, 'money.format', '/amount/amount'],
    ['K05 below zero', '/v1/payments', () => payment({ amount: eur('-10.00') }), 422, 'request.range', '/amount/amount'],
    ['K05 zero', '/v1/payments', () => payment({ amount: eur('0.00') }), 422, 'request.range', '/amount/amount'],
    ['K06 too much', '/v1/payments', () => payment({ amount: eur('99999999999999.99') }), 422, 'money.range', '/amount/amount'],
    ['K07 null', '/v1/payments', () => payment({ amount: null }), 422, 'request.type', '/amount'],
    [
      'K08 lower case',
      '/v1/payments',
      () => payment({ amount: { amount: '1.00', currency: 'eur' } }),
      422,
      'money.unknown-currency',
      '/amount/currency',
    ],
    [
      'K09 decimals of a currency without',
      '/v1/payments',
      () => payment({ amount: { amount: '10.50', currency: 'JPY' } }),
      422,
      'money.scale',
      '/amount/amount',
    ],
    ['K14 an invoice of nobody', '/v1/payments', () => payment({ invoices: [newId('inv')] }), 404, 'invoice.not-found'],
    ['K14 an id of another kind', '/v1/payments', () => payment({ invoices: [customer] }), 404, 'id.format'],
    ['T27 a status from outside', '/v1/payments', () => payment({ status: 'paid' }), 422, 'request.unknown-field', '/status'],
    ['K16 VAT as text', '/v1/invoices', () => invoice({ vatRate: '21 %' }), 422, 'request.type', '/lines/0/vatRate'],
    ['K16 VAT above all', '/v1/invoices', () => invoice({ vatRate: 12_100 }), 422, 'request.range', '/lines/0/vatRate'],
    ['K17 a quantity of zero', '/v1/invoices', () => invoice({ quantity: 0 }), 422, 'request.range', '/lines/0/quantity'],
    ['K17 a quantity as text', '/v1/invoices', () => invoice({ quantity: '1' }), 422, 'request.type', '/lines/0/quantity'],
    [
      'K18 a price from the browser',
      '/v1/orders',
      () => ({ customer, package: newId('pkg'), price: eur('0.01') }),
      422,
      'request.unknown-field',
      '/price',
    ],
    ['a package of nobody', '/v1/orders', () => ({ customer, package: newId('pkg') }), 404, 'credit.package-not-found'],
    [
      'K19 credits that are not there',
      `/v1/credit-accounts/{customer}/entries`,
      () => ({ kind: 'use', units: 1 }),
      409,
      'credit.insufficient',
    ],
    ['a use of no credits', `/v1/credit-accounts/{customer}/entries`, () => ({ kind: 'use', units: 0 }), 422, 'request.range', '/units'],
    ['I01 a phone without a country', '/v1/customers', () => ({ name: 'B', phone: '0612345678' }), 422, 'customer.phone-country', '/phone'],
    ['I04 a phone of letters', '/v1/customers', () => ({ name: 'B', phone: '+31abc' }), 422, 'customer.phone-format', '/phone'],
    ['J10 no name', '/v1/customers', () => ({ name: ' ' }), 422, 'request.range', '/name'],
    ['an address that is none', '/v1/customers', () => ({ name: 'B', email: 'b@' }), 422, 'request.format', '/email'],
  ];
  test.each(rows)('%s', async (...[, url, body, status, code, pointer]) => {
    const before = await stored();
    const answer = await http.send('POST', url.replace('{customer}', customer), body());
    const errors = answer.body['errors'] as { pointer: string; code: string }[] | undefined;
    expect([answer.status, errors?.[0]?.code ?? answer.body['code'], errors?.[0]?.pointer]).toEqual([status, code, pointer]);
    expect(await stored()).toEqual(before);
  });

  test('a payment without an Idempotency-Key', async () => {
    expect(await http.send('POST', '/v1/payments', payment({}), { 'idempotency-key': '' })).toMatchObject({ status: 400 });
  });
});

describe('the routes of the money', () => {
  test('lead from a customer to a paid invoice and its refund, and the trial balance balances', async () => {
    expect((await http.send('GET', `/v1/customers/${customer}`)).body).toMatchObject({ phone: '+31612345678', credits: 0 });
    const draft = await http.send('POST', '/v1/invoices', invoice({}));
    expect(draft).toMatchObject({ status: 201, body: { status: 'draft', number: '', total: eur('12.10') } });
    const issued = await http.send('POST', `/v1/invoices/${String(draft.body['id'])}/issue`, {});
    expect(issued).toMatchObject({ status: 200, body: { number: '2026-000001', open: eur('12.10') } });
    const made = await http.send('POST', '/v1/payments', {
      invoices: [draft.body['id']],
      method: 'ideal',
      returnUrl: 'https://shop.example',
    });
    expect(made).toMatchObject({ status: 201, body: { status: 'created', next: { kind: 'redirect' }, customer } });
    http.provider.report(String(made.body['providerId']), { captured: 1210 });
    await http.deliver(JSON.stringify({ id: 'paid', signals: [{ kind: 'payment', type: 'paid', providerId: made.body['providerId'] }] }));
    http.clock.advance(1_000);
    const { TranslateInbox } = await import('../webhooks/translate-inbox.ts');
    await http.app.get(TranslateInbox).translateDue();
    expect((await http.send('GET', `/v1/invoices/${String(draft.body['id'])}`)).body).toMatchObject({
      status: 'paid',
      lines: [{ net: eur('10.00') }],
    });
    http.clock.advance(1_000);
    expect(await http.send('POST', '/v1/refunds', { payment: made.body['id'], amount: eur('2.10') })).toMatchObject({
      status: 201,
      body: { status: 'completed', amount: eur('2.10') },
    });
    const { accounts } = (await http.send('GET', '/v1/ledger/trial-balance')).body as {
      accounts: { account: string; debits: { amount: string }; credits: { amount: string } }[];
    };
    const total = (side: 'debits' | 'credits') =>
      accounts.reduce((sum, account) => sum + Math.round(Number(account[side].amount) * 100), 0);
    expect(total('debits')).toBe(total('credits'));
    expect((await http.send('GET', `/v1/ledger/entries?subject=payment/${String(made.body['id'])}`)).body['items']).toHaveLength(2);
  });

  test('repeat a payment request with its first answer', async () => {
    const key = { 'idempotency-key': 'once' };
    const before = http.provider.count('payments.create');
    const [first, second] = [
      await http.send('POST', '/v1/payments', payment({}), key),
      await http.send('POST', '/v1/payments', payment({}), key),
    ];
    expect(second.body).toEqual(first.body);
    expect(http.provider.count('payments.create') - before).toBe(1);
  });

  test('list in pages that neither repeat nor lose a row', async () => {
    for (const name of ['p1', 'p2', 'p3', 'p4']) await http.send('POST', '/v1/customers', { name, reference: name });
    const names: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await http.send('GET', `/v1/customers?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      names.push(...(page.body['items'] as { name: string }[]).map(({ name }) => name));
      cursor = page.body['nextCursor'] as string | null;
    }
    expect(names).toEqual(['p4', 'p3', 'p2', 'p1', 'Anna']);
    expect(await http.send('POST', '/v1/customers', { name: 'other', reference: 'p1' })).toMatchObject({
      status: 409,
      body: { code: 'customer.reference-taken' },
    });
  });

  test('lead from a credit package through an order to granted and used credits', async () => {
    const pack = await http.send('POST', '/v1/credit-packages', { name: 'ten', credits: 10, price: eur('5.00'), vatRate: 2100 });
    const order = await http.send('POST', '/v1/orders', { customer, package: pack.body['id'] });
    expect(order).toMatchObject({ status: 201, body: { status: 'created', credits: 10, total: eur('6.05') } });
    const account = `/v1/credit-accounts/${customer}`;
    expect((await http.send('POST', `${account}/entries`, { kind: 'grant', units: 10 })).body).toMatchObject({
      units: 10,
      balanceAfter: 10,
    });
    expect((await http.send('POST', `${account}/entries`, { kind: 'use', units: 4 })).body).toMatchObject({ units: -4, balanceAfter: 6 });
    expect((await http.send('GET', account)).body).toEqual({ customer, balance: 6, lowBelow: 0 });
    expect((await http.send('GET', `${account}/entries?limit=1`)).body).toMatchObject({ items: [{ kind: 'use' }] });
  });

  test('capture and cancel what was only reserved, and ask the provider on request', async () => {
    const made = await http.send('POST', '/v1/payments', payment({ capture: 'manual' }));
    const [path, providerId] = [`/v1/payments/${String(made.body['id'])}`, String(made.body['providerId'])];
    http.provider.report(providerId, { started: true, authorized: 500 });
    http.clock.advance(1_000);
    expect(await http.send('POST', `${path}/refresh`)).toMatchObject({ status: 200, body: { status: 'authorized' } });
    http.provider.next('payments.fetch', 'is unreachable');
    expect(await http.send('POST', `${path}/refresh`)).toMatchObject({ status: 502, body: { code: 'payment.provider-answer' } });
    expect(await http.send('POST', `${path}/capture`, {}, { 'idempotency-key': '' })).toMatchObject({ status: 400 });
    expect(await http.send('POST', `${path}/capture`, { amount: eur('5.01') })).toMatchObject({
      status: 409,
      body: { code: 'payment.capture-exceeds' },
    });
    const key = { 'idempotency-key': 'capture-1' };
    const answers = [
      await http.send('POST', `${path}/capture`, { amount: eur('2.00') }, key),
      await http.send('POST', `${path}/capture`, { amount: eur('2.00') }, key),
    ];
    expect(answers[0]).toMatchObject({ status: 200, body: { status: 'completed', captured: eur('2.00') } });
    expect(answers[1]?.body).toEqual(answers[0]?.body);
    expect(await http.send('POST', `${path}/cancel`)).toMatchObject({ status: 409, body: { code: 'payment.cancel-state' } });

    const other = await http.send('POST', '/v1/payments', payment({}));
    expect(await http.send('POST', `/v1/payments/${String(other.body['id'])}/cancel`)).toMatchObject({
      status: 200,
      body: { status: 'cancelled' },
    });
  });

  test('want to know which connection when several fit', async () => {
    await addConnection(http.db, 'second', 'acme');
    const before = await stored();
    const refused = await http.send('POST', '/v1/payments', payment({}));
    expect(refused).toMatchObject({ status: 409, body: { code: 'payment.choose-connection' } });
    expect(refused.body['detail']).toContain('pay, second');
    expect(await stored()).toEqual(before);
    expect(await http.send('POST', '/v1/payments', payment({ connection: 'second' }))).toMatchObject({ status: 201 });
    await http.db.ownerPool.query(`update connection set state = 'disabled' where name = 'second'`);
  });
});

test('whatever moves money or fixes an invoice is in the audit trail with who did it, once, and nothing that was refused', async () => {
  const before = (await audited()).length;
  const draft = await http.send('POST', '/v1/invoices', invoice({}));
  const path = `/v1/invoices/${String(draft.body['id'])}`;
  for (const _ of [1, 2]) await http.send('POST', `${path}/issue`, {});
  const made = await http.send('POST', '/v1/payments', payment({ capture: 'manual' }));
  const id = String(made.body['id']);
  http.provider.report(String(made.body['providerId']), { authorized: 500 });
  http.clock.advance(1_000);
  await http.send('POST', `/v1/payments/${id}/refresh`);
  await http.send('POST', `/v1/payments/${id}/capture`, {});
  http.clock.advance(1_000);
  await http.send('POST', '/v1/refunds', { payment: id, amount: eur('9.00') });
  const refund = await http.send('POST', '/v1/refunds', { payment: id, amount: eur('2.00'), awaitApproval: true });
  const kim = await http.send('POST', '/v1/api-keys', { name: 'kim', scopes: ['payments:write'] });
  const asKim = { authorization: `Bearer ${String(kim.body['secret'])}` };
  // Who asked for it is refused; another sends it; a second time there is nothing to send.
  for (const headers of [{}, asKim, asKim]) await http.send('POST', `/v1/refunds/${String(refund.body['id'])}/send`, {}, headers);
  for (const _ of [1, 2]) await http.send('POST', `${path}/cancel`);
  await http.send('POST', `/v1/credit-accounts/${customer}/entries`, { kind: 'grant', units: 3 }, { 'idempotency-key': 'grant-3' });
  await http.send('POST', `/v1/credit-accounts/${customer}/entries`, { kind: 'use', units: 3_000 });
  const entries = (await audited()).slice(before);
  expect(entries.map(({ action, subject }) => [action, subject])).toEqual([
    ['invoice.issue', `invoice/${String(draft.body['id'])}`],
    ['payment.create', `payment/${id}`],
    ['payment.capture', `payment/${id}`],
    ['refund.request', `refund/${String(refund.body['id'])}`],
    ['refund.send', `refund/${String(refund.body['id'])}`],
    ['invoice.cancel', `invoice/${String(draft.body['id'])}`],
    ['credit.grant', `customer/${customer}`],
  ]);
  expect(entries.every(({ actor }) => actor.startsWith('key/key_'))).toBe(true);
  expect(entries[2]?.detail).toEqual({ amount: '5.00', currency: 'EUR' });
});

const audited = async () =>
  (
    await http.db.ownerPool.query<{ actor: string; action: string; subject: string; detail: object }>(
      `select actor, action, subject, detail from audit_entry where action not like 'api-key.%' order by seq`,
    )
  ).rows;
