/** What a session offers is what the account offers, through the real plugin of Mollie in front of its server on this machine. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Context } from '@kassaflow/plugin-sdk';
import mollie from '../../../plugins/mollie/src/plugin.ts';
import stripe from '../../../plugins/stripe/src/plugin.ts';
import { checkManifest } from '../../../src/plugin-host/check-manifest.ts';
import { describePlugin } from '../../../src/plugin-host/child/describe.ts';
import { startMollieServer, type MollieServer } from '../../providers/mollie-server.ts';
import { pluginContext } from '../../providers/plugin-context.ts';
import { domainApp, type DomainApp } from '../../support/domain-app.ts';
import { payerAt } from '../../support/payer.ts';

const MINUTE = 60_000;

let http: DomainApp;
let server: MollieServer;
let profileId: string | undefined;
beforeAll(async () => {
  http = await domainApp();
  server = await startMollieServer({ now: http.clock.now().getTime() });
  http.provider.plugin = {
    plugin: mollie,
    contextOf: ({ idempotencyKey, attempt }): Context =>
      pluginContext({
        server: server.url,
        settings: { apiKey: server.apiKey, ...(profileId !== undefined && { profileId }) },
        idempotencyKey,
        attempt,
        now: () => http.clock.now(),
      }),
  };
});
afterAll(async () => {
  await http.close();
  await server.close();
});

const { made, page, press } = payerAt(() => http);
const offered = async (more: object = {}) => {
  const { id } = await made(more);
  const { body } = await http.send('GET', `/v1/checkout-sessions/${id}/methods`);
  return (body['items'] as { method: string; title: string; flows: string[] }[]).map(({ method }) => method);
};

test.each([mollie, stripe])('the host takes what $id says about its fields, as it comes from the plugin’s process', (plugin) => {
  const told: unknown = JSON.parse(JSON.stringify(describePlugin(plugin)));
  expect(checkManifest(told, plugin.id).hostedFields).toEqual(plugin.payments?.hostedFields);
  expect(plugin.payments?.hostedFields?.frames.length).toBeGreaterThan(0);
});

describe('a session at an account of Mollie', () => {
  test('offers Apple Pay from the minute in which the account does, and no longer than that', async () => {
    expect(await offered()).not.toContain('apple-pay');
    server.methods.push({ id: 'applepay', description: 'Apple Pay', minimum: '0.01', maximum: '10000.00', first: false });
    // What an account offers is remembered for a minute.
    http.clock.advance(MINUTE);
    const session = await made({ locale: 'nl' });
    expect((await page(session.path)).html).toContain('Apple Pay');
    expect((await press(session.path, { method: 'pay.apple-pay' })).status).toBe(303);
    expect(server.bodies.at(-1)).toMatchObject({ method: 'applepay', locale: 'nl_NL', amount: { currency: 'EUR', value: '54.45' } });
    server.methods.pop();
    http.clock.advance(MINUTE);
    expect(await offered()).not.toContain('apple-pay');
  });

  test('offers a method that nobody here has heard of, under the account’s name for it', async () => {
    const session = await made();
    expect((await page(session.path)).html).toContain('Telepathy');
  });

  test('leaves out what does not take the amount', async () => {
    expect(await offered({ amount: { amount: '900.00', currency: 'EUR' } })).toContain('sepa-debit');
    expect(await offered({ amount: { amount: '1000.01', currency: 'EUR' } })).not.toContain('sepa-debit');
    expect(await offered({ amount: { amount: '50000.01', currency: 'EUR' } })).toEqual(['bank-transfer', 'paypal', 'telepathy']);
  });

  test('takes the metadata to the payment, beside our own mark', async () => {
    const session = await made({ metadata: { basket: '4711', channel: 'app' } });
    await press(session.path, { method: 'pay.ideal' });
    expect(server.bodies.at(-1)).toMatchObject({
      metadata: { basket: '4711', channel: 'app', payment_id: expect.stringMatching(/^pay_/) },
    });
    expect((await http.send('GET', `/v1/checkout-sessions/${session.id}`)).body).toMatchObject({
      metadata: { basket: '4711', channel: 'app' },
    });
  });

  test('shows the account’s card fields when its profile is known, and pays with their token', async () => {
    const plain = await page((await made()).path);
    expect(plain.headers['content-security-policy']).not.toContain('js.mollie.com');
    profileId = 'pfl_QkEhN94Ba';
    http.clock.advance(MINUTE);
    const session = await made({ locale: 'da' });
    const { html, headers } = await page(session.path);
    expect(headers['content-security-policy']).toContain('frame-src https://js.mollie.com;');
    expect(html).toContain('&quot;profileId&quot;:&quot;pfl_QkEhN94Ba&quot;');
    const answer = await press(
      session.path,
      { method: 'pay.card', flow: 'hosted-fields', token: 'tkn_UqAvArS3gw' },
      { accept: 'application/json' },
    );
    expect(server.bodies.at(-1)).toMatchObject({ method: 'creditcard', cardToken: 'tkn_UqAvArS3gw' });
    expect((JSON.parse(answer.html) as { location: string }).location).toMatch(/^(https?:\/\/|\/pay\/)/);
    profileId = undefined;
  });
});
