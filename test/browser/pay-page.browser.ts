/**
 * The payment page in a real browser: what needs a script, two tabs, a keyboard or eyes. `npm run test:browser`; pictures of every state
 * are written to the folder KASSAFLOW_PICTURES, if that is set. Without a script it is tested in `pay-page.http.test.ts`.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { PaymentMethod } from '@kassaflow/plugin-sdk';
import { PAGE_TEXTS } from '../../src/domain/checkout/page/page-texts.ts';
import type { DomainApp } from '../support/domain-app.ts';
import { payerAt, type MadeSession } from '../support/payer.ts';
import { readCode } from '../support/read-code.ts';
import type { Chromium, Stand, Tab, TabOptions } from './chromium.ts';
import { findingsOfAxe, keepPicture } from './inspection.ts';
import { servedApp, type ServedApp } from './served-app.ts';
import { readPng } from './png.ts';

const MINUTE = 60_000;
const en = PAGE_TEXTS.en;
const OFFERS: readonly PaymentMethod[] = [
  { id: 'ideal', title: 'iDEAL | Wero', flows: ['redirect'], imageUrl: 'https://img.acme.example/ideal.svg' },
  { id: 'card', title: 'Card', flows: ['redirect', 'hosted-fields'], fields: { key: 'pk_1' } },
  { id: 'mobilepay', title: 'MobilePay', flows: ['push'] },
  { id: 'bank-app', title: 'Bank app', flows: ['redirect', 'qr'] },
];
/** A provider's fields: an input in place of a frame, a token of what was typed. */
const FIELDS = {
  scripts: ['https://js.acme.example/v1/acme.js'],
  frames: ['https://js.acme.example'],
  mount: `async ({ element, values, locale, theme }) => {
    const input = Acme(values.key).input();
    element.append(input);
    element.dataset.told = [locale, theme].join(' ');
    return {
      submit: async () => {
        if (input.value === '') throw new Error('Enter the number of your card.');
        return input.value.startsWith('tok') ? { token: input.value } : {};
      },
      confirm: async ({ clientSecret }) => { window.confirmed = clientSecret; if (input.value === 'refused') throw new Error('The bank said no.'); },
    };
  }`,
};
const STANDS: readonly Stand[] = [
  { pattern: 'https://pay.example/*', type: 'text/html', body: '<title>Acme</title><h1>At the provider</h1>' },
  {
    pattern: 'https://js.acme.example/*',
    type: 'text/javascript',
    body: `window.Acme = (key) => ({ input: () => Object.assign(document.createElement('input'), { id: 'card-number', ariaLabel: 'Card number', title: key }) });`,
  },
  {
    pattern: 'https://img.acme.example/*',
    type: 'image/svg+xml',
    body: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 24"><rect width="48" height="24" rx="4" fill="#c06"/></svg>',
  },
];

let served: ServedApp;
let http: DomainApp;
let browser: Chromium;
let origin: string;
beforeAll(async () => {
  served = await servedApp();
  ({ http, browser, origin } = served);
});
afterAll(() => served.close());
beforeEach(() => {
  http.provider.offers = OFFERS;
  http.provider.fields = FIELDS;
});

const { made, page, created, last } = payerAt(() => http);
const opened = async (session: MadeSession, options: TabOptions = {}, rest = ''): Promise<Tab> => {
  const tab = await (await browser.person()).tab({ stands: STANDS, ...options });
  await tab.goto(`${origin}${session.path}${rest}`);
  return tab;
};
const two = async (session: MadeSession, options: TabOptions = {}): Promise<[Tab, Tab]> => {
  const person = await browser.person();
  const tabs = [await person.tab({ stands: STANDS, ...options }), await person.tab({ stands: STANDS, ...options })] as const;
  for (const tab of tabs) await tab.goto(`${origin}${session.path}`);
  return [...tabs];
};
const choose = (tab: Tab, id: string) => tab.click(`input[value="${id}"]`);
const order = (tab: Tab, times = 1) => tab.click('#pay button[type=submit]', times);
const takesMoney = (providerId: string, facts: object = { captured: 5445, started: true }) => {
  http.provider.report(providerId, facts);
  http.clock.advance(1_000);
};

describe('the payment page', () => {
  test('rule 2: follows the payment by events', async () => {
    const session = await made({ locale: 'en' });
    const tab = await opened(session);
    await choose(tab, 'pay.ideal');
    await order(tab);
    await tab.seesText('At the provider');
    takesMoney(last(), { started: true });
    await tab.goto(`${origin}${session.path}/return`);
    await tab.seesText(en.waiting);
    takesMoney(last());
    await page(`${session.path}/return`);
    await tab.seesText(en.backToShop);
    expect(tab.complaints).toEqual([]);
  });

  test('rule 2: asks again and again where events do not come through', async () => {
    const session = await made({ locale: 'en' });
    const tab = await opened(session);
    await choose(tab, 'pay.ideal');
    await order(tab);
    await tab.seesText('At the provider');
    takesMoney(last(), { started: true });
    await page(`${session.path}/return`);
    const blind = await (await browser.person()).tab({ stands: STANDS, blocked: ['*/events'] });
    await blind.goto(`${origin}${session.path}/return`);
    await blind.seesText(en.waiting);
    takesMoney(last());
    await page(`${session.path}/return`);
    await blind.seesText(en.backToShop);
  });

  test('rule 6: two tabs stay in step by what they tell each other, when nothing comes from the server', async () => {
    const session = await made({ locale: 'en' });
    const [one, other] = await two(session, { blocked: ['*/events', '*/state'] });
    await choose(one, 'pay.ideal');
    await order(one);
    await one.seesText('At the provider');
    takesMoney(last(), { started: true });
    await one.goto(`${origin}${session.path}/return`);
    await one.seesText(en.waiting);
    await other.seesText(en.waiting);
    takesMoney(last());
    await one.goto(`${origin}${session.path}/return`);
    await one.seesText(en.backToShop);
    await other.seesText(en.backToShop);
  });

  test('rule 7: double click, the back button, reload and two tabs are one payment', async () => {
    const session = await made({ locale: 'en' });
    const before = created();
    const [one, other] = await two(session);
    await choose(one, 'pay.ideal');
    await order(one, 2);
    await one.seesText('At the provider');
    await one.back();
    await one.sees(`location.pathname.startsWith('/pay/') && document.readyState === 'complete'`);
    await one.goto(`${origin}${session.path}?other`);
    await choose(one, 'pay.ideal');
    await order(one);
    await one.seesText('At the provider');
    await other.reload();
    await other.seesText(en.goOn);
    await other.goto(`${origin}${session.path}?other`);
    await choose(other, 'pay.ideal');
    await order(other);
    await other.seesText('At the provider');
    expect(created() - before).toBe(1);
  });
});

describe('a provider’s fields', () => {
  const filled = async (session: MadeSession, text: string, options: TabOptions = {}) => {
    const tab = await opened(session, options);
    await choose(tab, 'pay.card');
    await tab.sees(`document.querySelector('.fields[data-ready] input')`);
    await tab.click('#card-number');
    await tab.type(text);
    return tab;
  };

  test('come with the method, and their token makes the payment, once for a double click', async () => {
    const session = await made({ locale: 'en' });
    const before = created();
    const tab = await filled(session, 'tok_1', { dark: true });
    expect(await tab.read('document.querySelector(".fields > div").dataset.told')).toBe('en dark');
    await order(tab, 2);
    await tab.seesText('At the provider');
    expect([created() - before, http.provider.created.get(last())?.token]).toEqual([1, 'tok_1']);
    expect(tab.complaints).toEqual([]);
  });

  test('say what is wrong where it can be seen and heard, and keep what was typed', async () => {
    const tab = await filled(await made({ locale: 'en' }), '');
    await order(tab);
    await tab.seesText('Enter the number of your card.');
    expect(await tab.read('document.activeElement.id')).toBe('fields-problem');
    await tab.click('#card-number');
    await tab.type('tok_2');
    await order(tab);
    await tab.seesText('At the provider');
  });

  test('confirm the payment that was made for them, and again when the bank refused', async () => {
    const session = await made({ locale: 'en' });
    const before = created();
    const tab = await filled(session, 'refused');
    await order(tab);
    await tab.seesText('The bank said no.');
    expect(await tab.read('window.confirmed')).toBe(`secret-of-${last()}`);
    await tab.read(`document.querySelector('#card-number').value = '4242'`);
    takesMoney(last());
    await order(tab);
    await tab.seesText(en.backToShop);
    expect(created() - before).toBe(1);
  });

  test('that do not load leave the way through the provider’s page', async () => {
    const tab = await opened(await made({ locale: 'en' }), { stands: STANDS.slice(0, 1) });
    await choose(tab, 'pay.card');
    await tab.sees(`!document.querySelector('.fields')`);
    await order(tab);
    await tab.seesText('At the provider');
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'redirect' });
  });
});

describe('a code to scan', () => {
  const shown = async (options: TabOptions = {}) => {
    const tab = await opened(await made({ locale: 'en' }), options);
    await choose(tab, 'pay.bank-app');
    await tab.click('[name=flow]');
    await order(tab);
    await tab.seesText(en.toScan);
    return tab;
  };

  test.each([false, true])('can be read from the screen, and the page goes on by itself; dark: %s', async (dark) => {
    const tab = await shown({ dark });
    expect(readCode(readPng(await tab.picture()))).toBe(http.provider.codeOf(last()));
    expect(await tab.read('document.querySelector("svg.code").getBoundingClientRect().width')).toBeGreaterThanOrEqual(200);
    takesMoney(last());
    await page(`${await tab.read<string>('location.pathname')}`);
    await tab.seesText(en.backToShop);
    expect(tab.complaints).toEqual([]);
  });

  test('is read from a page of 320 points too', async () => {
    const tab = await shown();
    const narrow = await opened({ ...(await made()), path: await tab.read<string>('location.pathname') }, { width: 320, height: 640 });
    expect(readCode(readPng(await narrow.picture()))).toBe(http.provider.codeOf(last()));
  });

  test('is not offered on a phone, which cannot scan itself, and only with a way that has one', async () => {
    const isShown = (tab: Tab) => tab.read<boolean>('document.querySelector("[name=flow]").checkVisibility()');
    const session = await made({ locale: 'en' });
    for (const [options, expected] of [
      [{}, true],
      [{ width: 390, height: 844 }, false],
    ] as const) {
      const tab = await opened(session, options);
      expect(await isShown(tab)).toBe(false);
      await choose(tab, 'pay.bank-app');
      expect(await isShown(tab)).toBe(expected);
      await choose(tab, 'pay.ideal');
      expect(await isShown(tab)).toBe(false);
    }
  });
});

describe('the end of a session', () => {
  test('is warned of, and put off at one key without losing what was typed', async () => {
    const session = await made({ locale: 'en', expiresInMinutes: 5 });
    http.clock.advance(3 * MINUTE + 1_000);
    const tab = await opened(session);
    await tab.sees(`document.getElementById('more-time').open`);
    expect(await tab.read('document.activeElement.textContent')).toBe(en.moreTime);
    await tab.read(`document.querySelector('#phone').value = '+45201'`);
    await tab.key('Enter', 'Enter', '\r');
    await tab.sees(`!document.getElementById('more-time').open`);
    await tab.seesText('15 minutes');
    expect(await tab.read(`document.querySelector('#phone').value`)).toBe('+45201');
    expect(tab.complaints).toEqual([]);
  });

  test('is asked for again when the page is looked at again: another tab has asked for more time', async () => {
    const session = await made({ locale: 'en', expiresInMinutes: 5 });
    const tab = await opened(session);
    await tab.seesText('5 minutes');
    await http.app.inject({ method: 'POST', url: `${session.path}/extend` });
    await tab.read(`document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))`);
    await tab.seesText('15 minutes');
  });

  test('closes the page by itself', async () => {
    const session = await made({ locale: 'en', expiresInMinutes: 5 });
    http.clock.advance(5 * MINUTE - 1_500);
    const tab = await opened(session);
    http.clock.advance(2_000);
    await tab.seesText(en.expired);
  });
});

describe('for everybody', () => {
  /** Every state of the page, with the tab that shows it. */
  const states: Readonly<Record<string, (options: TabOptions) => Promise<Tab>>> = {
    choose: async (options) =>
      opened(await made({ locale: 'nl', description: 'Factuur 2026-118', cancelUrl: 'https://shop.example/basket' }), options),
    'choose-phone': async (options) => {
      const tab = await opened(await made({ locale: 'da', amount: { amount: '125.00', currency: 'DKK' } }), options);
      await choose(tab, 'pay.mobilepay');
      return tab;
    },
    'choose-fields': async (options) => {
      const tab = await opened(await made({ locale: 'nb', amount: { amount: '12500.00', currency: 'NOK' } }), options);
      await choose(tab, 'pay.card');
      await tab.sees(`document.querySelector('.fields[data-ready] input')`);
      return tab;
    },
    problem: async (options) => {
      const tab = await opened(await made({ locale: 'en' }), options);
      await choose(tab, 'pay.mobilepay');
      await order(tab);
      await tab.seesText(en.phoneProblem);
      return tab;
    },
    failed: async (options) => {
      const session = await made({ locale: 'en' });
      const tab = await opened(session, options);
      await choose(tab, 'pay.ideal');
      await order(tab);
      await tab.seesText('At the provider');
      takesMoney(last(), { ended: 'failed', failure: { reason: 'insufficient-funds', retryable: true } });
      await tab.goto(`${origin}${session.path}/return`);
      return tab;
    },
    pending: async (options) => {
      const session = await made({ locale: 'nl' });
      const tab = await opened(session, options);
      await choose(tab, 'pay.ideal');
      await order(tab);
      await tab.seesText('At the provider');
      takesMoney(last(), { started: true });
      await tab.goto(`${origin}${session.path}/return`);
      return tab;
    },
    phone: async (options) => {
      const tab = await opened(await made({ locale: 'da' }), options);
      await choose(tab, 'pay.mobilepay');
      await tab.click('#phone');
      await tab.type('+45 20 12 34 56');
      await order(tab);
      await tab.seesText(PAGE_TEXTS.da.onPhone);
      return tab;
    },
    'choose-code': async (options) => {
      const tab = await opened(await made({ locale: 'en' }), options);
      await choose(tab, 'pay.bank-app');
      return tab;
    },
    code: async (options) => {
      const tab = await opened(await made({ locale: 'nl' }), options);
      await choose(tab, 'pay.bank-app');
      // A phone is not offered to scan its own screen; who comes there all the same finds the link.
      await tab.read(`document.querySelector('[name=flow]').checked = true`);
      await order(tab);
      await tab.seesText(PAGE_TEXTS.nl.toScan);
      return tab;
    },
    paid: async (options) => {
      const session = await made({ locale: 'nl' });
      const tab = await opened(session, options);
      await choose(tab, 'pay.ideal');
      await order(tab);
      await tab.seesText('At the provider');
      takesMoney(last());
      await tab.goto(`${origin}${session.path}/return`);
      return tab;
    },
    invoice: async (options) => {
      const { body: customer } = await http.send('POST', '/v1/customers', { name: 'Anna', locale: 'nl' });
      const line = (description: string, amount: string, vatRate: number) => ({
        description,
        quantity: 2,
        unit: { amount, currency: 'EUR' },
        vatRate,
      });
      const lines = [line('Sporten in november, alle dagen, met begeleiding', '50.00', 2_100), line('Boek', '10.00', 900)];
      const { body: draft } = await http.send('POST', '/v1/invoices', { customer: customer['id'], description: 'November', lines });
      const { body: issued } = await http.send('POST', `/v1/invoices/${String(draft['id'])}/issue`, {});
      return opened({ ...(await made()), path: new URL(String(issued['payUrl'])).pathname }, options);
    },
    'more-time': async (options) => {
      const session = await made({ locale: 'en', expiresInMinutes: 5 });
      http.clock.advance(3 * MINUTE + 1_000);
      const tab = await opened(session, options);
      await tab.sees(`document.getElementById('more-time').open`);
      return tab;
    },
    expired: async (options) => {
      const session = await made({ locale: 'nb', expiresInMinutes: 5 });
      http.clock.advance(6 * MINUTE);
      return opened(session, options);
    },
    'not-found': async (options) => {
      const session = await made();
      return opened({ ...session, path: '/pay/nothing' }, options);
    },
  };
  const sizes = [
    { name: 'phone', width: 390, height: 844 },
    { name: 'desktop', width: 1_280, height: 800 },
  ];

  test.each(Object.keys(states))(
    '%s has no finding of axe, in light and dark, on a phone and a desktop, and no sideways scrolling',
    async (name) => {
      for (const { name: size, ...dimensions } of sizes) {
        for (const dark of [false, true]) {
          const tab = await states[name]!({ ...dimensions, dark });
          await tab.sees(`document.readyState === 'complete'`);
          expect([name, size, dark, await findingsOfAxe(tab)]).toEqual([name, size, dark, []]);
          expect(await tab.read('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
          await keepPicture(tab, `${name}-${size}-${dark ? 'dark' : 'light'}`);
        }
      }
    },
  );

  test('a page of 320 points, which is 400 % of a desktop, does not scroll sideways', async () => {
    const tab = await states['choose-fields']!({ width: 320, height: 640 });
    expect(await tab.read('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  });

  test('the keyboard alone pays: choose, then order', async () => {
    const tab = await opened(await made({ locale: 'en' }));
    await tab.key('Tab');
    await tab.key(' ', 'Space', ' ');
    expect(await tab.read('document.querySelector("[name=method]:checked").value')).toBe('pay.ideal');
    await tab.key('Enter', 'Enter', '\r');
    await tab.seesText('At the provider');
  });

  test('without JavaScript the way to the provider is the same', async () => {
    const session = await made({ locale: 'en' });
    const tab = await opened(session, { javaScript: false });
    await choose(tab, 'pay.card');
    await order(tab);
    await tab.seesText('At the provider');
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'redirect' });
  });
});
