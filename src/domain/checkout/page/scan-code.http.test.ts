/** A code to scan, on the payment page: through HTTP, and read as a phone reads it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { PaymentMethod } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { domainApp, type DomainApp } from '../../../../test/support/domain-app.ts';
import { payerAt, type MadeSession } from '../../../../test/support/payer.ts';
import { pixelsOf, readCode } from '../../../../test/support/read-code.ts';
import { PAGE_LOCALES, PAGE_TEXTS } from './page-texts.ts';
import { scanCode } from './scan-code.ts';

const MINUTE = 60_000;
const OFFERS: readonly PaymentMethod[] = [
  { id: 'bank-app', title: 'Bank app', flows: ['redirect', 'qr'] },
  { id: 'only-code', title: 'Code', flows: ['qr'] },
  { id: 'phone-app', title: 'App', flows: ['push', 'qr'] },
  { id: 'ideal', title: 'iDEAL', flows: ['redirect'] },
];

let http: DomainApp;
beforeAll(async () => {
  http = await domainApp();
});
afterAll(() => http.close());
beforeEach(() => {
  // What an account offers is remembered for a minute.
  http.clock.advance(MINUTE);
  http.provider.offers = OFFERS;
  http.provider.codeOf = (providerId) => `https://pay.example/code/${providerId}`;
});

const { made, page, press, sessionOf, created, last } = payerAt(() => http);
const asCode = (session: MadeSession, method = 'pay.bank-app') => press(session.path, { method, flow: 'qr' });

describe('a code to scan', () => {
  test('stands on the page in each language, says what it is for, and reads as the provider gave it', async () => {
    for (const locale of PAGE_LOCALES) {
      const session = await made({ locale });
      expect(await asCode(session)).toMatchObject({ status: 303, location: `${session.path}/return` });
      const { html, headers } = await page(`${session.path}/return`);
      expect(readCode(pixelsOf(html))).toBe(`https://pay.example/code/${last()}`);
      for (const text of [PAGE_TEXTS[locale].toScan, PAGE_TEXTS[locale].toScanHelp]) expect(html).toContain(text);
      expect(html).toMatch(new RegExp(`<svg [^>]*role="img" aria-label="${PAGE_TEXTS[locale].codeAlt}"`));
      expect(html).toContain(`href="https://pay.example/code/${last()}">${PAGE_TEXTS[locale].openHere}`);
      expect(headers['content-security-policy']).toContain("img-src 'none';");
    }
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'qr', methods: ['bank-app'] });
  });

  test('is the same payment after a double click, a reload and the back button', async () => {
    const session = await made();
    const before = created();
    await Promise.all(Array.from({ length: 5 }, () => asCode(session)));
    await page(session.path);
    await asCode(session);
    expect(created() - before).toBe(1);
  });

  test('gives way to the provider’s page when the payer chooses that after all', async () => {
    const session = await made();
    await asCode(session);
    const first = last();
    expect((await page(`${session.path}?other`)).html).toContain(PAGE_TEXTS.da.asCode);
    expect(await press(session.path, { method: 'pay.bank-app' })).toMatchObject({ location: `https://pay.example/${last()}` });
    expect(http.provider.facts.get(first)).toMatchObject({ ended: 'cancelled' });
    expect((await page(session.path)).html).not.toContain('<svg');
  });

  test('stays while the payment waits, is gone with its time although a bank is busy, and with the money', async () => {
    const session = await made();
    await asCode(session);
    http.provider.report(last(), { started: true });
    http.clock.advance(1_000);
    expect(readCode(pixelsOf((await page(`${session.path}/return`)).html))).toContain(last());
    http.clock.advance(10 * MINUTE);
    const late = (await page(`${session.path}/return`)).html;
    expect(late).toContain(PAGE_TEXTS.da.waiting);
    expect(late).not.toContain('<svg');
    http.provider.report(last(), { captured: 5445 });
    http.clock.advance(1_000);
    expect((await page(`${session.path}/return`)).html).toContain(PAGE_TEXTS.da.paid);
    expect(await sessionOf(session)).toMatchObject({ status: 'completed' });
  });

  test('is not shown once its time is over; the provider says how it stands, and a new one can be had', async () => {
    const session = await made();
    await asCode(session);
    http.clock.advance(10 * MINUTE);
    const over = (await page(session.path)).html;
    expect(over).toContain(PAGE_TEXTS.da.codeOver);
    expect(over).not.toContain('<svg');
    const first = last();
    http.provider.report(first, { ended: 'expired' });
    http.clock.advance(1_000);
    expect((await page(`${session.path}/return`)).html).toContain(PAGE_TEXTS.da.orderAndPay);
    await asCode(session);
    expect(last()).not.toBe(first);
    expect(readCode(pixelsOf((await page(session.path)).html))).toContain(last());
  });

  test('is asked for beside another way, needs no asking where it is the only one, and none where there is no code', async () => {
    const { html } = await page((await made()).path);
    expect(html).toContain('type="checkbox" name="flow" value="qr"');
    expect(html).toMatch(/value="pay.bank-app" data-code/);
    expect(html).toMatch(/value="pay.phone-app" data-phone data-code/);
    expect(html).not.toMatch(/value="pay.(only-code|ideal)"[^>]* data-code/);
    const only = await made();
    await press(only.path, { method: 'pay.only-code' });
    expect(readCode(pixelsOf((await page(only.path)).html))).toContain(last());
    // The box was ticked for a way that the payer then left.
    expect(await press((await made()).path, { method: 'pay.ideal', flow: 'qr' })).toMatchObject({
      location: `https://pay.example/${last()}`,
    });
  });

  test('needs no phone number where a phone could be asked too, and stays ticked when the form has a problem', async () => {
    const session = await made();
    expect((await asCode(session, 'pay.phone-app')).status).toBe(303);
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'qr' });
    const wrong = await press((await made()).path, { method: '', flow: 'qr' });
    expect(wrong.status).toBe(422);
    expect(wrong.html).toMatch(/name="flow" value="qr" checked/);
  });

  test('that is no address has no link, one too long for a code has its link alone, and nothing in it becomes HTML', async () => {
    const shown = async (code: string) => {
      http.provider.codeOf = () => code;
      const session = await made({ locale: 'en' });
      await asCode(session);
      return (await page(session.path)).html;
    };
    const bank = await shown('BCD\n002\n1\nSCT\n\n"Gym <&> Co"\nNL91ABNA0417164300\nEUR54.45');
    expect(readCode(pixelsOf(bank))).toContain('"Gym <&> Co"');
    expect(bank).not.toContain(PAGE_TEXTS.en.openHere);
    expect(await shown('javascript:alert(1)')).not.toContain('javascript:');
    const long = await shown(`https://pay.example/${'x'.repeat(3_000)}`);
    expect(long).not.toContain('<svg');
    expect(long).toContain(PAGE_TEXTS.en.openHere);
  });
});

describe('the drawing', () => {
  test('reads back as what was put in, whatever that is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (text) => {
        const well = text.toWellFormed();
        expect(readCode(pixelsOf(scanCode(well, '') ?? ''))).toBe(well);
      }),
      { numRuns: 30 },
    );
  });

  test('has whole pixels for each module, 240 or more of them, and four light modules around it', () => {
    for (const length of [1, 20, 80, 300, 1_000, 2_953]) {
      const svg = scanCode('x'.repeat(length), '') ?? '';
      const [, pixels, size] = /width="(\d+)" height="\1" viewBox="0 0 (\d+) \2"/.exec(svg) ?? [];
      expect(Number(pixels) % Number(size)).toBe(0);
      expect(Number(pixels)).toBeGreaterThanOrEqual(240);
      const places = [...svg.matchAll(/M(\d+) (\d+)h(\d+)v1H/g)].flatMap(([, x, y, run]) => [
        Number(x),
        Number(y),
        Number(size) - Number(x) - Number(run),
      ]);
      expect(Math.min(...places)).toBe(4);
    }
    expect(scanCode('', '')).toBeUndefined();
    expect(scanCode('x'.repeat(2_954), '')).toBeUndefined();
  });
});
