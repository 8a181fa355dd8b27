/** The local server itself: as strict as the provider, and to be moved by a person or a script. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SYSTEM_HEADERS } from '../src/system-headers.ts';
import { DAY_MS, MINUTE_MS, World } from './world.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await World.start();
  token = await newToken();
});
afterEach(() => world.close());

async function newToken(): Promise<string> {
  const { clientId, clientSecret, subscriptionKey, merchantSerialNumber } = world.vipps.settings;
  const headers = {
    client_id: clientId,
    client_secret: clientSecret,
    'Ocp-Apim-Subscription-Key': subscriptionKey,
    'Merchant-Serial-Number': merchantSerialNumber,
  };
  const answer = await fetch(`${world.vipps.url}/accesstoken/get`, { method: 'POST', headers });
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function call(
  method: string,
  path: string,
  body?: object,
  more: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown>; codes: string[] }> {
  const { subscriptionKey, merchantSerialNumber } = world.vipps.settings;
  const headers = {
    ...SYSTEM_HEADERS,
    Authorization: `Bearer ${token}`,
    'Ocp-Apim-Subscription-Key': subscriptionKey,
    'Merchant-Serial-Number': merchantSerialNumber,
    'Idempotency-Key': `${method}-${path}`.replaceAll('/', '.').slice(-40),
    ...more,
  };
  const answer = await fetch(`${world.vipps.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const read = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  const details = (read['extraDetails'] ?? []) as { name: string; reason: string }[];
  return { status: answer.status, body: read, codes: details.map(({ name, reason }) => (name === 'ErrorCode' ? reason : name)) };
}

const PAYMENT = {
  amount: { currency: 'DKK', value: 12_500 },
  paymentMethod: { type: 'WALLET' },
  reference: 'kf-pay-01',
  userFlow: 'WEB_REDIRECT',
  returnUrl: 'https://shop.example/return',
};
const create = (more: object = {}, key = 'k1') =>
  call('POST', '/epayment/v1/payments', { ...PAYMENT, ...more }, { 'Idempotency-Key': key });

describe('strictness', () => {
  test.each([
    ['an unknown field', { colour: 'red' }, ['colour']],
    ['an unknown field within', { amount: { currency: 'DKK', value: 1, unit: 'øre' } }, ['amount.unit']],
    ['a fraction', { amount: { currency: 'DKK', value: 12.5 } }, ['4040', 'amount.value']],
    ['a text as amount', { amount: { currency: 'DKK', value: '1250' } }, ['4040', 'amount.value']],
    ['another market’s currency', { amount: { currency: 'EUR', value: 1_250 } }, ['5040']],
    ['a reference with an underscore', { reference: 'pay_0123456' }, ['reference']],
    ['a plain http address', { returnUrl: 'http://shop.example' }, ['4090', 'returnUrl']],
    ['a description of two letters', { paymentDescription: 'ab' }, ['paymentDescription']],
  ])('refuses %s', async (_what, more, codes) => {
    expect(await create(more)).toMatchObject({ status: 400, codes });
  });

  test('refuses calls without a key, with too long a one, and without saying who calls', async () => {
    expect((await create({}, '')).status).toBe(400);
    expect((await create({}, 'x'.repeat(51))).status).toBe(400);
    expect((await call('POST', '/recurring/v3/agreements', {}, { 'Idempotency-Key': 'x'.repeat(41) })).status).toBe(400);
    expect((await call('GET', '/epayment/v1/payments/kf-pay-01', undefined, { 'Vipps-System-Name': 'x'.repeat(31) })).status).toBe(400);
  });

  test('keeps answers for their keys: errors too, for ever, and refuses another body', async () => {
    expect(await create({ amount: { currency: 'DKK', value: 0 } })).toMatchObject({ status: 400, codes: ['6010'] });
    expect(await create({ amount: { currency: 'DKK', value: 0 } })).toMatchObject({ status: 400, codes: ['6010'] });
    expect(await create({})).toMatchObject({ status: 409, codes: ['4020'] });
    expect(await create({}, 'k2')).toMatchObject({ status: 201 });
    expect(await create({}, 'k3')).toMatchObject({ status: 409, codes: ['4150'] });
  });

  test('a token is good for an hour, and its numbers are texts', async () => {
    await world.vipps.clock.advance(60 * MINUTE_MS);
    expect((await create()).status).toBe(401);
    token = await newToken();
    expect((await create()).status).toBe(201);
  });
});

describe('people', () => {
  test('approve on the page that stands for the app, and are led back', async () => {
    const { body } = await create();
    const page = String(body['redirectUrl']);
    expect(await (await fetch(page)).text()).toContain('12500 DKK, CREATED');
    expect((await fetch(`${page}/refuse`, { method: 'POST', redirect: 'manual' })).headers.get('location')).toBe(new URL(page).pathname);
    const answer = await fetch(`${page}/approve`, { method: 'POST', redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'https://shop.example/return']);
    expect(world.vipps.payments.get('kf-pay-01').state).toBe('AUTHORIZED');
  });

  test('or by force, in the test environment: payments and agreements', async () => {
    await create();
    const customer = { customer: { phoneNumber: '4512345678' } };
    expect((await call('POST', '/epayment/v1/test/payments/kf-pay-01/approve', customer)).status).toBe(200);
    expect(await call('POST', '/epayment/v1/test/payments/kf-pay-01/approve', customer)).toMatchObject({ status: 400, codes: ['6230'] });
    const draft = {
      pricing: { type: 'FLEXIBLE', currency: 'DKK' },
      merchantRedirectUrl: 'https://a.example',
      merchantAgreementUrl: 'https://a.example',
      productName: 'Phone',
    };
    const { body } = await call('POST', '/recurring/v3/agreements', draft);
    const path = `/recurring/v3/agreements/${String(body['agreementId'])}`;
    expect((await call('PATCH', `${path}/accept`, { phoneNumber: '4512345678' })).status).toBe(204);
    expect((await call('GET', path)).body).toMatchObject({ status: 'ACTIVE' });
  });

  test('scripts move time, customers and banks over HTTP', async () => {
    await create();
    const post = async (path: string, body: unknown): Promise<unknown> =>
      (await fetch(`${world.vipps.url}${path}`, { method: 'POST', body: JSON.stringify(body) })).json();
    expect(await post('/__sim/act', { do: 'approve', reference: 'kf-pay-01' })).toEqual({ done: 'approve' });
    expect(await post('/__sim/act', { do: 'portal-capture', reference: 'kf-pay-01', amount: 5_000 })).toEqual({ done: 'portal-capture' });
    expect(await post('/__sim/act', { do: 'dispute', reference: 'kf-pay-01' })).toEqual({ done: 'dispute' });
    expect(await post('/__sim/act', { do: 'juggle' })).toHaveProperty('error');
    expect(await post('/__sim/clock', { advance: DAY_MS })).toEqual({ now: '2026-11-21T12:00:00.000Z' });
    expect(
      await post('/__faults', [
        { match: 'POST', action: '500-before' },
        { match: 'GET', action: 'html' },
      ]),
    ).toEqual({ added: 2 });
    expect((await create({}, 'k9')).status).toBe(500);
    expect(world.vipps.ledger.all().map(({ entryType, amount }) => [entryType, amount])).toEqual([
      ['capture', 5_000],
      ['retained-disputed-capture', -5_000],
    ]);
  });
});
