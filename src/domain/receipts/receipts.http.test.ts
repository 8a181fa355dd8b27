/** Receipts through the API, the event log and the page, as money comes and goes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { PaymentFacts } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';
import type { ReceiptSubject } from '../../events/catalogue/subjects.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { PAGE_LOCALES } from '../checkout/index.ts';
import { Payments } from '../payments/index.ts';
import { RECEIPT_TEXTS } from './page/receipt-texts.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const eur = (amount: string) => ({ amount, currency: 'EUR' });

let http: DomainApp;
let customer: string;
beforeAll(async () => {
  http = await domainApp();
  customer = String((await http.send('POST', '/v1/customers', { name: 'Anna', locale: 'da' })).body['id']);
});
afterAll(() => http.close());
beforeEach(() => http.clock.advance(MINUTE));

interface Sale {
  readonly payment: string;
  readonly providerId: string;
}

async function invoiceOf(net: string, vatRate: number): Promise<string> {
  const lines = [{ description: 'work <b>', quantity: 1, unit: eur(net), vatRate }];
  const invoice = String((await http.send('POST', '/v1/invoices', { customer, description: 'Work & <more>', lines })).body['id']);
  await http.send('POST', `/v1/invoices/${invoice}/issue`, {});
  return invoice;
}

/** A payment that nobody has paid yet. */
async function opened(body: object): Promise<Sale> {
  const answer = await http.send('POST', '/v1/payments', { returnUrl: 'https://shop.example/back', ...body });
  return { payment: String(answer.body['id']), providerId: String(answer.body['providerId']) };
}

/** The provider says how it stands, in three webhooks. */
async function tells(sale: Sale, facts: Partial<PaymentFacts>): Promise<void> {
  http.provider.report(sale.providerId, facts);
  http.clock.advance(1_000);
  const signal = { providerId: sale.providerId };
  for (const _ of [1, 2, 3]) await http.app.get(Payments).applyProviderEvent(http.db.tenantId, http.connectionId, signal);
}

async function paid(facts: Partial<PaymentFacts> = {}): Promise<Sale> {
  const sale = await opened({ invoices: [await invoiceOf('50.00', 2_100)] });
  await tells(sale, { started: true, captured: 6_050, method: 'ideal', ...facts });
  return sale;
}

const receiptOf = async ({ payment }: Sale) =>
  (await http.send('GET', `/v1/payments/${payment}/receipt`)).body as unknown as ReceiptSubject;
const versionsOf = async ({ payment }: Sale) =>
  (await http.send('GET', `/v1/payments/${payment}/receipt/versions`)).body['items'] as ReceiptSubject[];
const storyOf = async (sale: Sale) =>
  (await versionsOf(sale)).map(({ reason, before, kept, change }) => [reason, before.amount, kept.amount, change.amount]);
const eventsOf = async ({ payment }: Sale, pattern: string) => {
  const { rows } = await http.db.ownerPool.query<{ type: string; data: Record<string, { version?: number; link?: string }> }>(
    `select type, data from event where data -> 'payment' ->> 'id' = $1 and type ~ $2 order by seq`,
    [payment, pattern],
  );
  return rows;
};
const page = async (link: string, languages?: string) => {
  const answer = await http.app.inject({
    method: 'GET',
    url: new URL(link).pathname,
    headers: { ...(languages !== undefined && { 'accept-language': languages }) },
  });
  return { status: answer.statusCode, headers: answer.headers, html: answer.body };
};

describe('a receipt', () => {
  test('says what was paid and for what, and the event of the payment has its address', async () => {
    const sale = await opened({ invoices: [await invoiceOf('50.00', 2_100)] });
    expect(await http.send('GET', `/v1/payments/${sale.payment}/receipt`)).toMatchObject({
      status: 404,
      body: { code: 'receipt.not-found' },
    });
    await tells(sale, { started: true, captured: 6_050, method: 'ideal' });
    const receipt = await receiptOf(sale);
    expect(receipt).toMatchObject({
      id: sale.payment.replace('pay', 'rcp'),
      version: 1,
      reason: 'paid',
      change: eur('60.50'),
      before: eur('0.00'),
      kept: eur('60.50'),
      invoices: [
        { number: expect.stringMatching(/^2026-/), part: eur('60.50'), vat: [{ rate: 2_100, net: eur('50.00'), vat: eur('10.50') }] },
      ],
    });
    expect(receipt.number).toMatch(/^R-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    const events = await eventsOf(sale, '^(receipt|payment)[.](issued|corrected|completed)');
    expect(events.map(({ type, data }) => [type, data['receipt']?.link])).toEqual([
      ['receipt.issued', receipt.link],
      ['payment.completed', receipt.link],
    ]);
  });

  test('is corrected by each change of what is kept, with the reason, and by nothing else', async () => {
    const sale = await paid({ method: 'card' });
    await tells(sale, { refunded: 1_000 });
    await tells(sale, { refunded: 1_000 });
    await tells(sale, { refunded: 0 });
    await tells(sale, { chargedBack: 6_050 });
    await tells(sale, { chargedBack: 0 });
    expect(await storyOf(sale)).toEqual([
      ['paid', '0.00', '60.50', '60.50'],
      ['refunded', '60.50', '50.50', '10.00'],
      ['refund-failed', '50.50', '60.50', '10.00'],
      ['charged-back', '60.50', '0.00', '60.50'],
      ['won-back', '0.00', '60.50', '60.50'],
    ]);
    const events = await eventsOf(sale, '^receipt[.]');
    expect(events.map(({ type, data }) => [type, data['receipt']?.version])).toEqual([
      ['receipt.issued', 1],
      ...[2, 3, 4, 5].map((version) => ['receipt.corrected', version]),
    ]);
    const [refund] = await eventsOf(sale, '^refund[.]completed');
    expect(refund?.data['receipt']).toMatchObject({ version: 2, reason: 'refunded' });
  });

  test('names a direct debit that came back, and a payment that turned out not to be', async () => {
    const debit = await paid({ method: 'sepa-debit' });
    await tells(debit, { chargedBack: 6_050 });
    expect((await receiptOf(debit)).reason).toBe('returned');
    const gone = await paid();
    await tells(gone, { captured: 0, ended: 'failed' });
    expect((await versionsOf(gone)).length).toBe(1);
    http.clock.advance(31_000);
    await tells(gone, { captured: 0, ended: 'failed' });
    expect(await receiptOf(gone)).toMatchObject({ reason: 'reversed', kept: eur('0.00'), invoices: [{ part: eur('0.00') }] });
  });

  test('reads like two when one fetch tells of the money and of a refund of it', async () => {
    const sale = await opened({ amount: eur('20.00'), description: 'A gift' });
    await tells(sale, { started: true, captured: 2_000, refunded: 2_000 });
    expect(await storyOf(sale)).toEqual([
      ['paid', '0.00', '20.00', '20.00'],
      ['refunded', '20.00', '0.00', '20.00'],
    ]);
  });

  test('is of the money that came, also of another amount than was asked for; not of another currency', async () => {
    const less = await opened({ invoices: [await invoiceOf('50.00', 0)] });
    await tells(less, { started: true, captured: 4_000 });
    expect(await receiptOf(less)).toMatchObject({
      kept: eur('40.00'),
      invoices: [{ part: eur('40.00'), total: eur('50.00'), vat: [{ rate: 0 }] }],
    });
    const foreign = await opened({ amount: eur('20.00') });
    await tells(foreign, { started: true, captured: 2_000, currency: 'USD' });
    expect((await http.send('GET', `/v1/payments/${foreign.payment}/receipt`)).status).toBe(404);
  });

  test('of a payment from before there were receipts begins with what it had come to', async () => {
    const sale = await paid();
    const uuid = uuidOf('pay', sale.payment);
    await http.db.ownerPool.query('alter table receipt_version disable trigger append_only');
    await http.db.ownerPool.query('delete from receipt_version where payment_id = $1', [uuid]);
    await http.db.ownerPool.query('alter table receipt_version enable trigger append_only');
    await http.db.ownerPool.query('delete from receipt where payment_id = $1', [uuid]);
    await tells(sale, { refunded: 50 });
    expect(await storyOf(sale)).toEqual([
      ['paid', '0.00', '60.50', '60.50'],
      ['refunded', '60.50', '60.00', '0.50'],
    ]);
  });

  test('never changes once it is written', async () => {
    const sale = await paid();
    await expect(
      http.db.ownerPool.query('update receipt_version set paid_minor = 0 where payment_id = $1', [uuidOf('pay', sale.payment)]),
    ).rejects.toThrow('append-only');
  });

  test('is found by its number as people write it, and by its customer, and its versions come in pages', async () => {
    const sale = await paid();
    await tells(sale, { refunded: 100 });
    await tells(sale, { refunded: 200 });
    const { number } = await receiptOf(sale);
    const found = await http.send('GET', `/v1/receipts?number=%20${number.toLowerCase()}`);
    expect(found.body['items']).toMatchObject([{ payment: sale.payment, version: 3 }]);
    const mine = await http.send('GET', `/v1/receipts?customer=${customer}&limit=1`);
    expect(mine.body).toMatchObject({ items: [{ payment: sale.payment }], nextCursor: expect.any(String) });
    const next = await http.send('GET', `/v1/receipts?customer=${customer}&limit=1&cursor=${String(mine.body['nextCursor'])}`);
    expect(next.body['items']).not.toMatchObject([{ payment: sale.payment }]);
    const versions = `/v1/payments/${sale.payment}/receipt/versions?limit=2`;
    const first = await http.send('GET', versions);
    const second = await http.send('GET', `${versions}&cursor=${String(first.body['nextCursor'])}`);
    expect(second.body).toMatchObject({ items: [{ version: 3 }], nextCursor: null });
  });

  test('keeps what the payment keeps, for any history, while two writers hear of each fact', async () => {
    const cents = fc.integer({ min: 0, max: 60 });
    const told = fc.record({ captured: fc.constantFrom(0, 40, 60), refunded: cents, chargedBack: cents });
    const possible = told.filter(({ captured, refunded, chargedBack }) => refunded + chargedBack <= captured);
    await fc.assert(
      fc.asyncProperty(fc.array(possible, { minLength: 1, maxLength: 5 }), async (history) => {
        const sale = await opened({ amount: eur('0.60') });
        const signal = { providerId: sale.providerId };
        for (const facts of history) {
          http.provider.report(sale.providerId, { started: true, ...facts });
          // Money that is gone without a reason is believed after a second look, half a minute later.
          for (const _ of [1, 2]) {
            http.clock.advance(31_000);
            await Promise.all([1, 2].map(() => http.app.get(Payments).applyProviderEvent(http.db.tenantId, http.connectionId, signal)));
          }
        }
        const { rows } = await http.db.ownerPool.query<Record<'captured_minor' | 'refunded_minor' | 'charged_back_minor', string>>(
          'select captured_minor, refunded_minor, charged_back_minor from payment where id = $1',
          [uuidOf('pay', sale.payment)],
        );
        const [paidMinor, refundedMinor, chargedBackMinor] = [
          rows[0]?.captured_minor,
          rows[0]?.refunded_minor,
          rows[0]?.charged_back_minor,
        ];
        if (history.every(({ captured }) => captured === 0)) return;
        const versions = await versionsOf(sale);
        expect(versions.map(({ version }) => version)).toEqual(versions.map((_, index) => index + 1));
        expect(versions.map(({ before }) => before)).toEqual([eur('0.00'), ...versions.slice(0, -1).map(({ kept }) => kept)]);
        const kept = Number(paidMinor) - Number(refundedMinor) - Number(chargedBackMinor);
        expect(versions.at(-1)?.kept).toEqual(eur((kept / 100).toFixed(2)));
        expect((await eventsOf(sale, '^receipt[.]')).map(({ data }) => data['receipt']?.version)).toEqual(
          versions.map(({ version }) => version),
        );
      }),
      { numRuns: 15 },
    );
  }, 60_000);

  test('belongs to its tenant', async () => {
    const sale = await paid();
    const other = await http.db.database.transact('01900000-0000-7000-8000-00000000000f', (tx) =>
      tx.query('select 1 from receipt join receipt_version using (payment_id) where payment_id = $1', [uuidOf('pay', sale.payment)]),
    );
    expect(other).toEqual([]);
  });
});

describe('the page of a receipt', () => {
  test('says in each language what was paid, and when and why it was corrected', async () => {
    const sale = await paid({ method: 'card' });
    const { link, number } = await receiptOf(sale);
    await http.db.ownerPool.query(`update customer set locale = '' where id = $1`, [uuidOf('cus', customer)]);
    for (const locale of PAGE_LOCALES) {
      const { html } = await page(link, locale);
      expect(html).toContain(`<html lang="${locale}">`);
      expect(html).toContain(`<h1>${RECEIPT_TEXTS[locale].title}</h1>`);
      expect(html).not.toContain('class="corrected"');
      expect(html).toContain(number);
    }
    await tells(sale, { chargedBack: 6_050 });
    for (const locale of PAGE_LOCALES) {
      const { html } = await page(link, locale);
      expect(html).toContain('class="corrected"');
      expect(html).toContain(RECEIPT_TEXTS[locale].reasons['charged-back']);
      expect(html).toContain(RECEIPT_TEXTS[locale].kept);
    }
    expect((await page(link, 'en')).html).toContain('Corrected on November 20, 2026: taken back by your bank or card company.');
    expect((await page(link, 'en')).html).toContain('On the invoice: 21% VAT, €10.50 on €50.00');
    await http.db.ownerPool.query(`update customer set locale = 'da' where id = $1`, [uuidOf('cus', customer)]);
    expect((await page(link, 'en')).html).toContain('<html lang="da">');
  });

  test('has no script, loads nothing, is kept by nobody and shows what people wrote as text', async () => {
    const { html, headers } = await page((await receiptOf(await paid())).link);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex', 'referrer-policy': 'no-referrer' });
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(html).not.toMatch(/<script|<img|<link|<more>| style=/);
    expect(html).toContain('Work &amp; &lt;more&gt;');
  });

  test('opens by the whole address only, and by the newest one', async () => {
    const sale = await paid();
    const { link } = await receiptOf(sale);
    const token = link.slice(link.lastIndexOf('/') + 1);
    const other = (await receiptOf(await paid())).link;
    const wrong = [
      `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
      token.slice(0, -1),
      `${token}A`,
      `${token.slice(0, 26)}${other.slice(-22)}`,
      `8${token.slice(1)}`,
      'nothing',
    ];
    for (const one of wrong) expect((await page(`https://kassaflow.example/receipts/${one}`)).status).toBe(404);
    expect((await page(link)).status).toBe(200);

    const renewed = await http.send('POST', `/v1/payments/${sale.payment}/receipt/renew-link`);
    const fresh = String(renewed.body['link']);
    expect(fresh).not.toBe(link);
    expect([(await page(link)).status, (await page(fresh)).status]).toEqual([404, 200]);
    const { rows } = await http.db.ownerPool.query(`select subject from audit_entry where action = 'receipt.renew-link'`);
    expect(rows).toContainEqual({ subject: `receipt/${sale.payment.replace('pay', 'rcp')}` });
  });

  test('closes 800 days after the newest version, and a correction opens it again', async () => {
    const sale = await paid();
    const { link } = await receiptOf(sale);
    http.clock.advance(800 * DAY - MINUTE);
    expect((await page(link)).status).toBe(200);
    http.clock.advance(MINUTE);
    expect((await page(link)).status).toBe(404);
    await tells(sale, { refunded: 50 });
    expect((await page(link)).status).toBe(200);
  });
});
