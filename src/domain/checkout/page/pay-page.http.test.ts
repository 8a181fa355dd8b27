/** The payment page through HTTP, as a browser without a script sees it. What needs a script is in `test/browser`. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DECLINE_REASONS, type PaymentMethod } from '@kassaflow/plugin-sdk';
import { domainApp, type DomainApp } from '../../../../test/support/domain-app.ts';
import { payerAt, type MadeSession } from '../../../../test/support/payer.ts';
import { EndOverdue } from '../end-overdue.ts';
import { PAGE_LOCALES, PAGE_TEXTS } from './page-texts.ts';

const MINUTE = 60_000;
const OFFERS: readonly PaymentMethod[] = [
  { id: 'ideal', title: 'iDEAL | Wero', flows: ['redirect'], imageUrl: 'https://img.acme.example/ideal.svg' },
  { id: 'card', title: 'Card', flows: ['redirect', 'hosted-fields'], fields: { key: 'pk_"1' } },
  { id: 'phone-app', title: 'App', flows: ['redirect', 'push'] },
  { id: 'terminal', title: 'Terminal', flows: ['tap'] },
];
const FIELDS = {
  scripts: ['https://js.acme.example/v1/acme.js'],
  frames: ['https://*.acme.example'],
  connects: ['https://api.acme.example'],
  mount: 'async () => ({ submit: async () => ({}) })',
};

let http: DomainApp;
beforeAll(async () => {
  http = await domainApp();
});
afterAll(() => http.close());
beforeEach(() => {
  // What an account offers is remembered for a minute.
  http.clock.advance(MINUTE);
  http.provider.offers = OFFERS;
  http.provider.fields = undefined;
});

const { made, page, press, sessionOf, created, last, eventsOf } = payerAt(() => http);
const began = async (session: MadeSession, method = 'pay.ideal') => {
  await press(session.path, { method });
  return last();
};
const arrives = (providerId: string, facts: object) => {
  http.provider.report(providerId, facts);
  http.clock.advance(1_000);
};
const asScript = { accept: 'application/json' };

describe('the return page', () => {
  test('rule 1: believes no query parameter, the session is read', async () => {
    const session = await made();
    await began(session);
    const claims = '?status=paid&state=completed&redirect_status=succeeded&payment=pay_1&returnUrl=https://evil.example';
    const back = await page(`${session.path}/return${claims}`);
    expect(back.html).not.toContain(PAGE_TEXTS.da.paid);
    expect(back.html).not.toContain('evil.example');
    expect(await sessionOf(session)).toMatchObject({ status: 'open' });
  });

  test('T25: takes no amount from the browser, whatever the form says', async () => {
    const session = await made();
    await press(session.path, { method: 'pay.ideal', amount: '0.01', currency: 'JPY', returnUrl: 'https://evil.example' });
    expect(http.provider.created.get(last())).toMatchObject({
      amount: { amount: '54.45', currency: 'EUR' },
      returnUrl: `${session.url}/return`,
    });
  });

  test('rule 3: asks the provider once when the payer arrives before the webhook, and not for those who look on', async () => {
    const session = await made();
    arrives(await began(session), { captured: 5445, started: true });
    const before = http.provider.count('payments.fetch');
    expect((await page(session.path)).html).not.toContain(PAGE_TEXTS.da.paid);
    await http.app.inject({ method: 'GET', url: `${session.path}/state` });
    expect(http.provider.count('payments.fetch')).toBe(before);
    expect((await page(`${session.path}/return`)).html).toContain(PAGE_TEXTS.da.paid);
    expect(http.provider.count('payments.fetch')).toBe(before + 1);
    await page(`${session.path}/return`);
    expect(http.provider.count('payments.fetch')).toBe(before + 1);
  });

  test('rule 4: pending is an end for today, with a text of its own in each language', async () => {
    for (const locale of PAGE_LOCALES) {
      const session = await made({ locale });
      arrives(await began(session), { started: true });
      const back = await page(`${session.path}/return`);
      expect(back.html).toContain(PAGE_TEXTS[locale].waitingLong);
      expect(back.html).toContain(PAGE_TEXTS[locale].checkAgain);
      expect(back.html).not.toContain(PAGE_TEXTS[locale].orderAndPay);
    }
  });

  test('rule 5: a method that failed keeps the basket and offers all of them', async () => {
    const session = await made({ locale: 'en', description: '500 credits' });
    arrives(await began(session), { ended: 'failed', failure: { reason: 'card-expired', retryable: false } });
    const { html } = await page(`${session.path}/return`);
    expect(html).toContain('Not paid. The card has expired.');
    expect(html).toContain('500 credits');
    for (const id of ['pay.ideal', 'pay.card', 'pay.phone-app']) expect(html).toContain(`value="${id}"`);
    expect(html).toMatch(/value="pay.ideal"[^>]* checked/);
  });

  test('rule 7: double click, back and reload never make a second payment, by any flow', async () => {
    const flows: { readonly fields: Record<string, string>; readonly headers?: Record<string, string> }[] = [
      { fields: { method: 'pay.ideal' } },
      { fields: { method: 'pay.phone-app', phone: '+4520123456' } },
      { fields: { method: 'pay.card', flow: 'hosted-fields' }, headers: asScript },
    ];
    for (const { fields, headers } of flows) {
      const session = await made();
      const before = created();
      await Promise.all(Array.from({ length: 5 }, () => press(session.path, fields, headers)));
      await page(session.path);
      await press(session.path, fields, headers);
      expect(created() - before).toBe(1);
    }
  });

  test('rule 7: two tokens of one double click in a provider’s fields are one payment', async () => {
    const session = await made();
    const before = created();
    await Promise.all(
      ['tok_1', 'tok_2'].map((token) => press(session.path, { method: 'pay.card', flow: 'hosted-fields', token }, asScript)),
    );
    expect(created() - before).toBe(1);
  });

  test('rule 8: the success page can be loaded again and bookmarked, also after the session’s end', async () => {
    const session = await made({ expiresInMinutes: 5 });
    arrives(await began(session), { captured: 5445, started: true });
    await page(`${session.path}/return`);
    const events = await eventsOf(session);
    http.clock.advance(60 * MINUTE);
    await http.app.get(EndOverdue).endDue();
    for (const url of [session.path, `${session.path}/return`, `${session.path}?other`]) {
      const again = await page(url);
      expect([again.status, again.html.includes(PAGE_TEXTS.da.paid)]).toEqual([200, true]);
    }
    expect(await eventsOf(session)).toEqual(events);
  });
});

describe('the page to choose', () => {
  test('says who is paid, for what and how much, before the button that orders', async () => {
    await http.db.ownerPool.query(`update tenant set name = 'Gym <& Co>' where id = $1`, [http.db.tenantId]);
    const { html } = await page((await made({ locale: 'nl', description: '500 credits' })).path);
    const order = ['Gym &lt;&amp; Co&gt;', '500 credits', '€\u00a054,45', 'Bestellen en betalen €\u00a054,45'].map((text) =>
      html.indexOf(text),
    );
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
  });

  test('fixes the text of that button for each language', async () => {
    const texts: string[] = [];
    for (const locale of PAGE_LOCALES) {
      const { html } = await page((await made({ locale, amount: { amount: '1234.50', currency: 'DKK' } })).path);
      texts.push(/<button type="submit">([^<]+)<\/button>\s*<\/form>/.exec(html)?.[1]?.replaceAll('\u00a0', ' ') ?? '');
    }
    expect(texts).toEqual([
      'Bestellen en betalen DKK 1.234,50',
      'Order and pay DKK 1,234.50',
      'Bestil og betal 1.234,50 kr.',
      'Bestill og betal 1 234,50 DKK',
    ]);
  });

  test('allows no script, frame or image but those of what it shows', async () => {
    const session = await made();
    const plain = String((await page(session.path)).headers['content-security-policy']);
    expect(plain).toContain("default-src 'none'");
    expect(plain).toContain("frame-src 'none'");
    expect(plain).toContain('img-src https://img.acme.example;');
    expect(plain).not.toMatch(/unsafe|js\.acme/);
    http.provider.fields = FIELDS;
    const withFields = String((await page(session.path)).headers['content-security-policy']);
    expect(withFields).toMatch(/script-src ('sha256-[^']+' ){4}https:\/\/js\.acme\.example;/);
    expect(withFields).toContain('frame-src https://*.acme.example;');
    expect(withFields).toContain("connect-src 'self' https://api.acme.example;");
    await press(session.path, { method: 'pay.ideal' });
    expect((await page(session.path)).headers['content-security-policy']).not.toContain('acme.example');
  });

  test('gives what the browser needs for the fields to the plugin’s code, escaped, and pays by the provider’s page without a script', async () => {
    http.provider.fields = FIELDS;
    const session = await made();
    const { html } = await page(session.path);
    expect(html).toContain(`(window.kassaflowFields ??= {})[0] = ${FIELDS.mount};`);
    expect(html).toContain('data-values="{&quot;key&quot;:&quot;pk_\\&quot;1&quot;}"');
    expect(await press(session.path, { method: 'pay.card' })).toMatchObject({ status: 303, location: `https://pay.example/${last()}` });
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'redirect' });
  });

  test('tells the fields what to confirm, and shows the same form again until that was done', async () => {
    http.provider.fields = FIELDS;
    const session = await made();
    const answer = await press(session.path, { method: 'pay.card', flow: 'hosted-fields' }, asScript);
    expect(JSON.parse(answer.html)).toEqual({
      location: `${session.path}/return`,
      confirm: { kind: 'hosted-fields', clientSecret: `secret-of-${last()}`, publishableKey: 'pk_test' },
      returnUrl: `${session.url}/return`,
    });
    expect((await page(session.path)).html).toMatch(/value="pay.card"[^>]* checked/);
    arrives(last(), { captured: 5445, started: true });
    expect((await page(`${session.path}/return`)).html).toContain(PAGE_TEXTS.da.paid);
  });

  test('leads a token’s payment on to where the bank asks for more', async () => {
    const session = await made();
    const answer = await press(session.path, { method: 'pay.card', flow: 'hosted-fields', token: 'tok_1' }, asScript);
    expect(JSON.parse(answer.html)).toMatchObject({ location: `https://pay.example/${last()}` });
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'hosted-fields', token: 'tok_1', methods: ['card'] });
    const refused = await press(session.path, { method: 'pay.nothing', flow: 'hosted-fields' }, asScript);
    expect(JSON.parse(refused.html)).toEqual({ problem: PAGE_TEXTS.en.chooseProblem });
  });

  test('lets go of the page’s payment at the provider before the fields make one, and of a phone before another is asked', async () => {
    const session = await made();
    const first = await began(session, 'pay.card');
    await press(session.path, { method: 'pay.card', flow: 'hosted-fields', token: 'tok_1' }, asScript);
    expect(http.provider.facts.get(first)).toMatchObject({ ended: 'cancelled' });
    await press(session.path, { method: 'pay.phone-app', phone: '+4520123456' });
    const wrongPhone = last();
    expect((await page(`${session.path}?other`)).html).toContain('pay.phone-app');
    await press(session.path, { method: 'pay.phone-app', phone: '0045 20 12 34 57' });
    expect(http.provider.facts.get(wrongPhone)).toMatchObject({ ended: 'cancelled' });
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'push', customer: { phone: '+4520123457' } });
  });

  test('offers a terminal to a payer who stands at one, and to nobody else', async () => {
    expect((await page((await made()).path)).html).not.toContain('pay.terminal');
    const session = await made({ device: 'T-12', locale: 'nl' });
    expect((await page(session.path)).html).toContain('pay.terminal');
    http.provider.hasNoNextStep = true;
    await press(session.path, { method: 'pay.terminal' });
    http.provider.hasNoNextStep = false;
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'tap', device: 'T-12' });
    expect((await page(session.path)).html).toContain(PAGE_TEXTS.nl.atTerminal);
  });

  test('names JavaScript where a way of paying cannot do without', async () => {
    http.provider.offers = [{ id: 'card', title: 'Card', flows: ['hosted-fields'], fields: {} }];
    http.provider.fields = FIELDS;
    const session = await made({ locale: 'nb' });
    const answer = await press(session.path, { method: 'pay.card' });
    expect([answer.status, answer.html.includes(PAGE_TEXTS.nb.needsScript)]).toEqual([422, true]);
  });
});

describe('the language', () => {
  test('is the session’s, else the browser’s, and goes to the provider with the payment', async () => {
    const [fixed, open] = [await made({ locale: 'nb' }), await made()];
    expect((await page(fixed.path)).html).toContain('<html lang="nb">');
    expect((await page(open.path)).html).toContain('<html lang="da">');
    for (const [session, locale] of [
      [fixed, 'nb'],
      [open, 'nl'],
    ] as const) {
      await press(session.path, { method: 'pay.ideal' }, { 'accept-language': 'nl-NL,nl;q=0.9' });
      expect(http.provider.created.get(last())).toMatchObject({ customer: { locale } });
    }
    const asked = http.provider.calls
      .filter(({ method }) => method === 'payments.methods')
      .map(({ input }) => (input as { locale: string }).locale);
    expect(asked).toEqual(expect.arrayContaining(['nb', 'da']));
  });

  test('has words for every reason that a provider can give', () => {
    for (const locale of PAGE_LOCALES)
      for (const reason of DECLINE_REASONS)
        expect([locale, reason, PAGE_TEXTS[locale].reasons[reason] === '']).toEqual([locale, reason, reason === 'other']);
  });
});

describe('more time', () => {
  test('is fifteen minutes from the press on, ten times, said in an event and kept in the audit', async () => {
    const session = await made({ expiresInMinutes: 5 });
    for (let times = 1; times <= 10; times += 1) {
      const more = await press(`${session.path}/extend`, {}, asScript);
      expect(JSON.parse(more.html)).toEqual({ leftMs: 15 * MINUTE });
      http.clock.advance(14 * MINUTE);
    }
    const tooMuch = await press(`${session.path}/extend`, {}, asScript);
    expect([tooMuch.status, (JSON.parse(tooMuch.html) as { code: string }).code]).toEqual([409, 'checkout.extended-enough']);
    expect((await page(session.path)).html).toContain(PAGE_TEXTS.da.noMoreTime);
    expect(await eventsOf(session)).toEqual(['checkout.created', ...Array.from({ length: 10 }, () => 'checkout.extended')]);
    const { rows } = await http.db.ownerPool.query(`select actor from audit_entry where action = 'checkout.extend' and subject = $1`, [
      `checkout/${session.id}`,
    ]);
    expect(rows).toHaveLength(10);
    expect(rows[0]).toEqual({ actor: `payer/${session.id}` });
  });

  test('is used up once by a double click', async () => {
    const session = await made({ expiresInMinutes: 5 });
    await Promise.all([press(`${session.path}/extend`, {}, asScript), press(`${session.path}/extend`, {}, asScript)]);
    http.clock.advance(5_000);
    await press(`${session.path}/extend`, {}, asScript);
    expect(await eventsOf(session)).toEqual(['checkout.created', 'checkout.extended']);
  });

  test('is not taken from a payer who has enough', async () => {
    const session = await made({ expiresInMinutes: 60 });
    expect(JSON.parse((await press(`${session.path}/extend`, {}, asScript)).html)).toEqual({ leftMs: 60 * MINUTE });
    expect(await eventsOf(session)).toEqual(['checkout.created']);
  });

  test('without a script is a button, and a press leads back to the page', async () => {
    const session = await made({ expiresInMinutes: 10 });
    expect((await page(session.path)).html).toMatch(/<noscript><form method="post" action="[^"]+\/extend">/);
    expect(await press(`${session.path}/extend`, {})).toMatchObject({ status: 303, location: session.path });
    expect((await page(session.path)).html).toContain('15 minutter');
  });

  test('is not to be had for a session that is over, and its page says so before anybody has ended it', async () => {
    const session = await made({ expiresInMinutes: 5 });
    http.clock.advance(5 * MINUTE);
    expect((await press(`${session.path}/extend`, {}, asScript)).status).toBe(409);
    expect((await press(`${session.path}/extend`, {})).status).toBe(303);
    expect((await page(session.path)).html).toContain(PAGE_TEXTS.da.expired);
  });

  test('is to be had with the client token too', async () => {
    const session = await made({ expiresInMinutes: 5 });
    const authorization = `Bearer ${session.clientToken}`;
    const more = await http.send('POST', `/v1/checkout-sessions/${session.id}/extend`, undefined, { authorization });
    expect(more).toMatchObject({ status: 200, body: { expiresAt: new Date(http.clock.now().getTime() + 15 * MINUTE).toISOString() } });
  });
});
