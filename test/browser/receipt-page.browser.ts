/**
 * The page of a receipt in a real browser, which runs no script: in each language, in light and dark, on a phone, a desktop and paper. Pictures are
 * written to the folder KASSAFLOW_PICTURES, if that is set.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PaymentFacts } from '@kassaflow/plugin-sdk';
import { Payments } from '../../src/domain/payments/index.ts';
import type { DomainApp } from '../support/domain-app.ts';
import type { Chromium, TabOptions } from './chromium.ts';
import { findingsOfAxe, keepPicture } from './inspection.ts';
import { servedApp, type ServedApp } from './served-app.ts';

const DAY = 86_400_000;
const eur = (amount: string) => ({ amount, currency: 'EUR' });

let served: ServedApp;
let http: DomainApp;
let browser: Chromium;
let origin: string;
beforeAll(async () => {
  served = await servedApp();
  ({ http, browser, origin } = served);
});
afterAll(() => served.close());

/** The path of the receipt of two invoices that were paid at once, after what was told of it later. */
async function receiptPath(locale: string, later: readonly Partial<PaymentFacts>[]): Promise<string> {
  const { send, app, db, connectionId, provider, clock } = http;
  const customer = String((await send('POST', '/v1/customers', { name: 'Anna', locale })).body['id']);
  const invoices: string[] = [];
  for (const [description, net, vatRate] of [
    ['Møde og frokost', '812.50', 900],
    ['Hosting', '145.00', 2_100],
  ] as const) {
    const lines = [{ description, quantity: 1, unit: eur(net), vatRate }];
    const id = String((await send('POST', '/v1/invoices', { customer, description, lines })).body['id']);
    await send('POST', `/v1/invoices/${id}/issue`, {});
    invoices.push(id);
  }
  const payment = (await send('POST', '/v1/payments', { invoices, returnUrl: 'https://shop.example/back' })).body;
  const providerId = String(payment['providerId']);
  for (const facts of [{ started: true, captured: 106_108, method: 'card' }, ...later]) {
    provider.report(providerId, facts);
    await app.get(Payments).applyProviderEvent(db.tenantId, connectionId, { providerId });
    clock.advance(9 * DAY);
  }
  const receipt = (await send('GET', `/v1/payments/${String(payment['id'])}/receipt`)).body;
  return new URL(String(receipt['link'])).pathname;
}

const LATER = [{ refunded: 6_108 }, { chargedBack: 100_000 }, { chargedBack: 0 }];
const pages: Readonly<Record<string, () => Promise<string>>> = {
  'paid-nl': () => receiptPath('nl', []),
  'corrected-nl': () => receiptPath('nl', LATER.slice(0, 2)),
  'corrected-en': () => receiptPath('en', LATER),
  'corrected-da': () => receiptPath('da', LATER),
  'corrected-nb': () => receiptPath('nb', LATER.slice(0, 1)),
  'not-found': async () => '/receipts/nothing',
};
const views: Readonly<Record<string, TabOptions>> = {
  'phone-light': { width: 390, height: 844 },
  'phone-dark': { width: 390, height: 844, dark: true },
  // 400 % of a desktop (WCAG 2.2, 1.4.10).
  'narrow-light': { width: 320, height: 640 },
  'desktop-light': { width: 1_280, height: 800 },
  'desktop-dark': { width: 1_280, height: 800, dark: true },
  'paper-dark': { width: 794, height: 1_123, dark: true, onPaper: true },
};

test.each(Object.keys(pages))(
  '%s has no finding of axe, no complaint of the policy and no sideways scrolling, however it is seen',
  async (name) => {
    const path = await pages[name]!();
    for (const [view, options] of Object.entries(views)) {
      const tab = await (await browser.person()).tab({ ...options, javaScript: view !== 'phone-light' });
      await tab.goto(`${origin}${path}`);
      await tab.sees(`document.readyState === 'complete' && document.querySelector('h1')`);
      // A phone makes its window as wide as the page, so the window says nothing.
      expect(await tab.read('document.documentElement.scrollWidth')).toBeLessThanOrEqual(options.width ?? 0);
      if (view !== 'phone-light') {
        expect([view, await findingsOfAxe(tab)]).toEqual([view, []]);
      }
      expect(tab.complaints.filter((text) => !text.includes('favicon'))).toEqual(
        name === 'not-found' ? [expect.stringContaining('404')] : [],
      );
      await keepPicture(tab, `receipt-${name}-${view}`);
    }
  },
);
