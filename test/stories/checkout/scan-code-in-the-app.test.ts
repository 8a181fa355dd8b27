/** A code on the payment page, scanned and paid, with real plugins in front of their servers on this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Context, Plugin } from '@kassaflow/plugin-sdk';
import sandbox from '../../../plugins/sandbox/src/plugin.ts';
import { startProvider } from '../../../plugins/sandbox/src/provider/provider.ts';
import vippsMobilepay from '../../../plugins/vipps-mobilepay/src/plugin.ts';
import { PAGE_TEXTS } from '../../../src/domain/checkout/page/page-texts.ts';
import { pluginContext } from '../../providers/plugin-context.ts';
import { startVippsServer } from '../../providers/vipps-server.ts';
import { domainApp, type DomainApp } from '../../support/domain-app.ts';
import { payerAt } from '../../support/payer.ts';
import { pixelsOf, readCode } from '../../support/read-code.ts';

let http: DomainApp;
const ends: (() => unknown)[] = [];
beforeEach(async () => {
  http = await domainApp();
});
afterEach(async () => {
  await http.close();
  for (const end of ends.splice(0)) await end();
});

const { made, page, press, sessionOf } = payerAt(() => http);
const behind = (plugin: Plugin, server: string, settings: object) => {
  http.provider.plugin = {
    plugin,
    contextOf: ({ idempotencyKey, attempt }): Context =>
      pluginContext({ server, settings, idempotencyKey, attempt, now: () => http.clock.now() }),
  };
};
/** What a phone reads from the page once the payer has asked for a code. */
const scan = async (path: string, method: string) => {
  const { html } = await page(path);
  expect(html).toMatch(new RegExp(`value="${method}"[^>]* data-code`));
  expect(await press(path, { method, flow: 'qr' })).toMatchObject({ status: 303, location: `${path}/return` });
  return readCode(pixelsOf((await page(`${path}/return`)).html));
};
const paymentOf = async (session: Parameters<typeof sessionOf>[0]) =>
  (await http.send('GET', `/v1/payments/${String((await sessionOf(session))['payment'])}`)).body;

describe('a code that a phone scans', () => {
  test('leads to the app of Vipps MobilePay, and its approval turns the page', async () => {
    const vipps = await startVippsServer({ frozen: true, startAt: http.clock.now().getTime() });
    ends.push(() => vipps.close());
    behind(vippsMobilepay, vipps.url, vipps.settings);
    const session = await made({ amount: { amount: '125.00', currency: 'DKK' } });
    const code = await scan(session.path, 'pay.mobilepay');
    const reference = String((await paymentOf(session))['providerId']);
    expect(code).toMatch(new RegExp(`^${vipps.url}/landing/`));
    expect(vipps.payments.get(reference)).toMatchObject({ state: 'CREATED' });
    vipps.payments.approve(reference);
    vipps.payments.byPortal(reference, 'capture', 12_500);
    http.clock.advance(1_000);
    await vipps.clock.advance(1_000);
    expect((await page(`${session.path}/return`)).html).toContain(PAGE_TEXTS.da.paid);
  });

  test('leads to the page of the sandbox, where everybody can see it without an account anywhere', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'kassaflow-sandbox-'));
    const provider = await startProvider({ dataDir, isDurable: false });
    ends.push(
      () => provider.close(),
      () => rmSync(dataDir, { recursive: true }),
    );
    behind(sandbox, provider.url, { apiKey: 'sandbox_test_key', webhookSecrets: ['whsec_sandbox_test_secret_1'] });
    const session = await made();
    const { pathname } = new URL(await scan(session.path, 'pay.ideal'));
    const opened = await fetch(new URL(pathname, provider.url));
    expect([opened.status, await opened.text()]).toEqual([200, expect.stringContaining('54.45')]);
  });
});
