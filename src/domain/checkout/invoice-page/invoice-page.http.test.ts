/** The address of an invoice, from its letters to its end, through HTTP. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { domainApp, type DomainApp } from '../../../../test/support/domain-app.ts';
import { payerAt } from '../../../../test/support/payer.ts';
import { idOf, uuidOf } from '../../../kernel/ids.ts';
import { PAGE_LOCALES, PAGE_TEXTS } from '../page/page-texts.ts';
import { INVOICE_PAGE_TEXTS } from './invoice-page-texts.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const eur = (amount: string) => ({ amount, currency: 'EUR' });

let http: DomainApp;
beforeAll(async () => {
  http = await domainApp();
});
afterAll(() => http.close());
beforeEach(() => {
  http.clock.advance(MINUTE);
  http.provider.offers = [{ id: 'ideal', title: 'iDEAL', flows: ['redirect'] }];
});

const { page, press, created, last } = payerAt(() => http);
const WORK = { description: 'Work <b>', quantity: 2, unit: eur('50.00'), vatRate: 2_100 };
const draft = async (locale = 'nl', lines: object[] = [WORK, { description: 'Book', quantity: 1, unit: eur('10.00'), vatRate: 900 }]) => {
  const { body: customer } = await http.send('POST', '/v1/customers', { name: 'Anna', locale, phone: '+4520123456' });
  const { body } = await http.send('POST', '/v1/invoices', { customer: customer['id'], description: 'November', lines });
  return String(body['id']);
};
const invoice = async (locale?: string, lines?: object[]) => {
  const id = await draft(locale, lines);
  const { body } = await http.send('POST', `/v1/invoices/${id}/issue`, {});
  const url = String(body['payUrl']);
  return { id, url, path: new URL(url).pathname };
};
const read = async (id: string) => (await http.send('GET', `/v1/invoices/${id}`)).body;
const secretOf = async (id: string) =>
  (await http.db.ownerPool.query<{ link_secret: string }>('select link_secret from invoice where id = $1', [uuidOf('inv', id)])).rows[0]!
    .link_secret;
/** Presses the button and chooses a way of paying. */
const begin = async (path: string) => {
  const { status, location = '' } = await press(path, {});
  expect(status).toBe(303);
  await press(location, { method: 'pay.ideal' });
  return { payPath: location, px: last() };
};
const arrives = async (payPath: string, px: string, facts: object) => {
  http.provider.report(px, { started: true, ...facts });
  http.clock.advance(1_000);
  await page(`${payPath}/return`);
};
const balances = async () =>
  Object.fromEntries(
    (
      await http.db.ownerPool.query<{ code: string; sum: string }>(
        `select a.code, sum(case l.side when 'debit' then l.minor else -l.minor end)::text as sum
         from ledger_line l join ledger_account a on a.id = l.account_id group by a.code`,
      )
    ).rows.map(({ code, sum }) => [code, Number(sum)]),
  );

describe('the address of an invoice', () => {
  test('is there from its issue to its end, in its events too, and shows what it is for in the customer’s language', async () => {
    expect(await read(await draft())).toMatchObject({ status: 'draft', payUrl: '' });
    for (const locale of PAGE_LOCALES) {
      const { id, url, path } = await invoice(locale);
      expect(url).toMatch(/^https:\/\/kassaflow\.example\/i\/[0-9a-z]{26}[\w-]{22}$/);
      expect(await read(id)).toMatchObject({ payUrl: url });
      const { rows } = await http.db.ownerPool.query(`select data from event where type = 'invoice.issued' and subject = $1`, [
        `invoice/${id}`,
      ]);
      expect(rows[0].data.invoice.payUrl).toBe(url);
      const { status, html, headers } = await page(path);
      const texts = INVOICE_PAGE_TEXTS[locale];
      expect([status, html.includes(`<html lang="${locale}">`)]).toEqual([200, true]);
      for (const text of [texts.invoice, texts.vat, texts.total, texts.toPayment, 'Work &lt;b&gt;\u00a0×\u00a02', 'November', '131'])
        expect(html).toContain(text);
      expect(html).not.toContain('<b>');
      expect(headers['content-security-policy']).toContain("script-src 'none';");
    }
  });

  test('opens nothing with another secret, for a draft, or when it is none', async () => {
    const { path, id } = await invoice();
    const open = await draft();
    const wrong = [
      path.slice(0, -1) + (path.endsWith('A') ? 'B' : 'A'),
      path.slice(0, 29),
      `/i/${open.slice(4)}${await secretOf(open)}`,
      `/i/${open.slice(4)}${await secretOf(id)}`,
      '/i/zzzzzzzzzzzzzzzzzzzzzzzzzzaaaaaaaaaaaaaaaaaaaaaa',
      '/i/nothing',
    ];
    for (const other of wrong) {
      expect([other, (await page(other)).status]).toEqual([other, 404]);
      expect([other, (await press(other, {})).status]).toEqual([other, 404]);
    }
  });

  test('leads to one session, whoever presses how often; its payment ends the address', async () => {
    const { id, path, url } = await invoice();
    const presses = await Promise.all(Array.from({ length: 5 }, () => press(path, {})));
    expect(new Set(presses.map(({ location }) => location)).size).toBe(1);
    const before = created();
    const { payPath, px } = await begin(path);
    expect(payPath).toBe(presses[0]?.location);
    expect(created() - before).toBe(1);
    expect((await page(payPath)).html).toContain(`131,90`);
    await arrives(payPath, px, { captured: 13_190 });
    expect(await read(id)).toMatchObject({ status: 'paid', payUrl: '' });
    expect((await page(payPath)).html).toContain(url);
    expect((await page(path)).html).toContain(INVOICE_PAGE_TEXTS.nl.paid);
    expect(await press(path, {})).toMatchObject({ status: 303, location: path });
  });

  test('asks for what is left when a part was paid elsewhere, and waits while a bank is busy', async () => {
    const { id, path } = await invoice();
    const first = (await press(path, {})).location;
    const wish = { invoices: [id], amount: eur('31.90'), returnUrl: 'https://shop.example' };
    const { body } = await http.send('POST', '/v1/payments', wish);
    http.provider.report(last(), { started: true, captured: 3_190 });
    http.clock.advance(1_000);
    await http.send('POST', `/v1/payments/${String(body['id'])}/refresh`);
    expect((await page(path)).html).toMatch(/31,90[^]*100,00/);
    const { payPath, px } = await begin(path);
    expect(payPath).not.toBe(first);
    expect((await page(first ?? '')).html).toContain(PAGE_TEXTS.nl.cancelled);
    await arrives(payPath, px, {});
    expect((await press(path, {})).location).toBe(payPath);
    expect((await page(payPath)).html).toContain(PAGE_TEXTS.nl.waiting);
  });

  test('is good for longer than a session, and again after a chargeback', async () => {
    const { id, path, url } = await invoice();
    const first = await begin(path);
    http.clock.advance(31 * DAY);
    const second = await begin(path);
    expect(second.payPath).not.toBe(first.payPath);
    await arrives(second.payPath, second.px, { captured: 13_190 });
    http.provider.report(second.px, { chargedBack: 13_190 });
    http.clock.advance(1_000);
    const { rows } = await http.db.ownerPool.query<{ id: string }>('select id from payment where provider_id = $1', [second.px]);
    await http.send('POST', `/v1/payments/${idOf('pay', rows[0]!.id)}/refresh`);
    expect(await read(id)).toMatchObject({ status: 'issued', payUrl: url });
    const third = await begin(path);
    expect([first.payPath, second.payPath]).not.toContain(third.payPath);
    await arrives(third.payPath, third.px, { captured: 13_190 });
    expect(await read(id)).toMatchObject({ status: 'paid' });
  });

  test('of a cancelled invoice says so', async () => {
    const { id, path } = await invoice();
    await http.send('POST', `/v1/invoices/${id}/cancel`);
    expect(await read(id)).toMatchObject({ payUrl: '' });
    expect((await page(path)).html).toContain(INVOICE_PAGE_TEXTS.nl.cancelled);
    expect(await press(path, {})).toMatchObject({ status: 303, location: path });
  });
});

describe('an invoice that was given up', () => {
  const givenUp = async () => {
    const made = await invoice('nl', [{ description: 'Work', quantity: 1, unit: eur('40.00'), vatRate: 0 }]);
    await http.send('POST', `/v1/invoices/${made.id}/write-off`, { reason: 'gone' });
    return made;
  };
  const recovered = async (id: string, before: Record<string, number>) => {
    expect(await read(id)).toMatchObject({ status: 'paid', paid: eur('40.00') });
    expect((await balances())['expense:bad-debts'] ?? 0).toBe(before['expense:bad-debts'] ?? 0);
  };

  test('is paid by the address of an old letter, although no new letter names it, and the loss is taken back', async () => {
    const before = await balances();
    const { id, path } = await givenUp();
    expect((await balances())['expense:bad-debts']).toBe((before['expense:bad-debts'] ?? 0) + 4_000);
    expect(await read(id)).toMatchObject({ status: 'written-off', payUrl: '', open: eur('0.00') });
    expect((await page(path)).html).toContain(INVOICE_PAGE_TEXTS.nl.givenUp);
    const { payPath, px } = await begin(path);
    await arrives(payPath, px, { captured: 4_000 });
    await recovered(id, before);
  });

  test('is paid by a request, and in part by a payment: what does not come stays given up', async () => {
    const before = await balances();
    http.provider.offers = [{ id: 'app', title: 'App', flows: ['push'] }];
    const asked = await givenUp();
    const { body: request } = await http.send('POST', '/v1/payment-requests', { invoices: [asked.id] });
    expect(request).toMatchObject({ status: 'created', amount: eur('40.00') });
    http.provider.report(last(), { started: true, captured: 4_000 });
    http.clock.advance(1_000);
    await http.send('POST', `/v1/payments/${String(request['payment'])}/refresh`);
    await recovered(asked.id, before);
    const part = await givenUp();
    const { body: payment } = await http.send('POST', '/v1/payments', {
      invoices: [part.id],
      amount: eur('15.00'),
      returnUrl: 'https://shop.example',
    });
    http.provider.report(last(), { started: true, captured: 1_500 });
    http.clock.advance(1_000);
    await http.send('POST', `/v1/payments/${String(payment['id'])}/refresh`);
    expect(await read(part.id)).toMatchObject({ status: 'written-off', paid: eur('15.00') });
    expect((await balances())['expense:bad-debts']).toBe((before['expense:bad-debts'] ?? 0) + 2_500);
    const more = { invoices: [part.id], amount: eur('25.01'), returnUrl: 'https://shop.example' };
    expect((await http.send('POST', '/v1/payments', more)).body).toMatchObject({ code: 'payment.exceeds-open' });
  });
});
