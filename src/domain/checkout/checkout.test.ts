import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';
import { addConnection } from '../../../test/support/domain.ts';
import { payerAt, type MadeSession as Session } from '../../../test/support/payer.ts';
import { until } from '../../../test/support/until.ts';
import { attemptNumber, statusOf } from './checkout-session.ts';
import { CLIENT_TOKEN_MS } from './checkout-tokens.ts';
import { EndOverdue } from './end-overdue.ts';

let http: DomainApp;
let customer: string;
beforeAll(async () => {
  http = await domainApp();
  customer = String((await http.send('POST', '/v1/customers', { name: 'Anna', locale: 'nl', phone: '+31612345678' })).body['id']);
});
afterAll(() => http.close());
beforeEach(() => {
  http.provider.offers = OFFERS;
});

const eur = (amount: string) => ({ amount, currency: 'EUR' });
const OFFERS = [
  { id: 'ideal', title: 'iDEAL | Wero', flows: ['redirect'] },
  { id: 'card', title: 'Card', flows: ['redirect', 'hosted-fields'], least: 100, most: 10_000 },
  { id: 'phone-app', title: 'App', flows: ['push'] },
] as const;
const { page, press, sessionOf, created, last, eventsOf, ...shop } = payerAt(() => http);
const made = (more: object = {}) => shop.made({ customer, description: '500 <credits>', ...more });

/** The server on a real port: what is injected has no open line. */
const listening = async () => {
  const server = http.app.getHttpServer() as Server;
  if (!server.listening) await http.app.listen(0, '127.0.0.1');
  return server.address() as AddressInfo;
};
/** Reads server-sent events as they come. */
const followed = async (url: string, token?: string) => {
  const stopping = new AbortController();
  const answer = await fetch(url, { signal: stopping.signal, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  const messages: Record<string, unknown>[] = [];
  const read = async () => {
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data: ')) messages.push(JSON.parse(line.slice(6)) as Record<string, unknown>);
    }
  };
  void read().catch(() => undefined);
  return { messages, stop: () => stopping.abort() };
};

describe('a checkout session', () => {
  test('leads from the choice to the provider and back to paid, once, and says so in an event', async () => {
    const session = await made();
    const shown = await page(session.path);
    expect(shown.status).toBe(200);
    expect(shown.html).toContain('<html lang="nl">');
    expect(shown.html).toContain('500 &lt;credits&gt;');
    expect(shown.html).toContain('Bestellen en betalen € 54,45'.replace(' 5', '\u00a05'));
    expect(shown.headers['content-security-policy']).toContain("default-src 'none'");
    const gone = await press(session.path, { method: 'pay.ideal' });
    expect(gone).toMatchObject({ status: 303, location: `https://pay.example/${last()}` });
    expect(http.provider.created.get(last())).toMatchObject({ methods: ['ideal'], flow: 'redirect', returnUrl: `${session.url}/return` });
    http.provider.report(last(), { captured: 5445, started: true });
    http.clock.advance(1_000);
    // The webhook is late: the provider is asked when the payer arrives, and nothing that the address says is believed.
    const back = await page(`${session.path}/return?status=failed`);
    expect(back.html).toContain('Betaald');
    expect(back.html).toContain('https://shop.example/thanks');
    expect((await page(session.path)).html).toContain('Betaald');
    expect(await sessionOf(session)).toMatchObject({ status: 'completed', payment: expect.stringMatching(/^pay_/) });
    expect(await eventsOf(session)).toEqual(['checkout.created', 'checkout.completed']);
    expect(await press(session.path, { method: 'pay.ideal' })).toMatchObject({ status: 303, location: session.path });
  });

  test('is one payment for a double click, the back button, a reload and two tabs', async () => {
    const session = await made();
    const before = created();
    const presses = await Promise.all(Array.from({ length: 6 }, () => press(session.path, { method: 'pay.ideal' })));
    presses.push(await press(session.path, { method: 'pay.ideal' }));
    const viaApi = await http.send('POST', `/v1/checkout-sessions/${session.id}/pay`, { method: 'pay.ideal' });
    expect(viaApi.body).toMatchObject({ next: { kind: 'redirect' } });
    expect(created() - before).toBe(1);
    expect(presses.map(({ status }) => status)).toEqual(presses.map(() => 303));
  });

  test('keeps the basket when a method fails, offers the others, and counts a new attempt only then', async () => {
    const session = await made();
    await press(session.path, { method: 'pay.ideal' });
    http.provider.report(last(), { ended: 'failed', failure: { reason: 'insufficient-funds', retryable: true } });
    http.clock.advance(1_000);
    const back = await page(`${session.path}/return`);
    expect(back.html).toContain('Niet betaald. Er staat niet genoeg geld op de rekening.');
    expect(back.html).toContain('pay.card');
    const before = created();
    expect((await press(session.path, { method: 'pay.ideal' })).status).toBe(303);
    expect((await press(session.path, { method: 'pay.card' })).status).toBe(303);
    expect(created() - before).toBe(2);
    // The second attempt by iDEAL was let go of at the provider before the card's payment was made.
    expect(http.provider.facts.get(`px_${before + 1}`)).toMatchObject({ ended: 'cancelled' });
    expect(await sessionOf(session)).toMatchObject({ status: 'open' });
  });

  test('waits for a payment that is with a bank and cannot be taken back, instead of making a second', async () => {
    const session = await made();
    await press(session.path, { method: 'pay.ideal' });
    http.provider.report(last(), { started: true });
    http.clock.advance(1_000);
    http.provider.next('payments.cancel', 'refuses');
    const before = created();
    const other = await press(session.path, { method: 'pay.card' });
    expect(other.status).toBe(422);
    expect(other.html).toContain('Wij wachten op uw bank');
    expect(created()).toBe(before);
    const viaApi = await http.send('POST', `/v1/checkout-sessions/${session.id}/pay`, { method: 'pay.card' });
    expect([viaApi.status, viaApi.body['code']]).toEqual([409, 'checkout.under-way']);
    expect(await sessionOf(session)).toMatchObject({ status: 'pending' });
    const back = await page(`${session.path}/return`);
    expect(back.html).toContain('5 werkdagen');
  });

  test('is taken up by the next click when its process died before the payment was made, or before it knew the answer', async () => {
    const session = await made();
    http.provider.next('payments.create', 'outlives its caller');
    const before = created();
    expect((await press(session.path, { method: 'pay.ideal' })).status).toBe(500);
    await press(session.path, { method: 'pay.ideal' });
    expect(created() - before).toBe(1);
    expect((await page(`${session.path}/return`)).html).toContain('Opnieuw controleren');
  });

  test('offers what accounts offer now for the amount, each method once, and the allowed ones only', async () => {
    await addConnection(http.db, 'second', 'acme');
    const ids = async (session: Session) =>
      ((await http.send('GET', `/v1/checkout-sessions/${session.id}/methods`)).body['items'] as { id: string }[]).map(({ id }) => id);
    expect(await ids(await made())).toEqual(['pay.ideal', 'pay.card', 'pay.phone-app']);
    expect(await ids(await made({ amount: eur('100.01') }))).toEqual(['pay.ideal', 'pay.phone-app']);
    expect(await ids(await made({ methods: ['card'] }))).toEqual(['pay.card']);
    expect(await ids(await made({ connection: 'second' }))).toEqual(['second.ideal', 'second.card', 'second.phone-app']);
    http.provider.offers = undefined;
    expect(await ids(await made())).toEqual(['pay', 'second']);
    await http.db.ownerPool.query(`update connection set state = 'disabled' where name = 'second'`);
    http.provider.offers = OFFERS;
    const elsewhere = await http.send('POST', `/v1/checkout-sessions/${(await made()).id}/pay`, { method: 'second.ideal' });
    expect([elsewhere.status, elsewhere.body['code']]).toEqual([422, 'checkout.method']);
  });

  test('asks for a phone number where an app is called, and keeps what was filled in', async () => {
    const session = await made({ locale: 'da' });
    const missing = await press(session.path, { method: 'pay.phone-app' });
    expect(missing.html).toContain('Skriv dit telefonnummer med landekode');
    const wrong = await press(session.path, { method: 'pay.phone-app', phone: '"><script>1' });
    expect(wrong).toMatchObject({ status: 422 });
    expect(wrong.html).not.toContain('<script>1');
    expect(wrong.html).toContain('aria-invalid="true"');
    expect(await press(session.path, { method: 'pay.phone-app', phone: '+45 20 12 34 56' })).toMatchObject({
      location: `${session.path}/return`,
    });
    expect(http.provider.created.get(last())).toMatchObject({ flow: 'push', customer: { phone: '+4520123456' } });
    expect((await page(`${session.path}/return`)).html).toContain('Godkend betalingen på din telefon');
  });

  test('expires when nobody pays it, not while a bank is busy, and late money still completes it', async () => {
    const [left, busy] = [await made({ expiresInMinutes: 5 }), await made({ expiresInMinutes: 5 })];
    await press(left.path, { method: 'pay.ideal' });
    const late = last();
    await press(busy.path, { method: 'pay.ideal' });
    http.provider.report(last(), { started: true });
    http.clock.advance(1_000);
    await page(`${busy.path}/return`);
    http.clock.advance(6 * 60_000);
    await http.app.get(EndOverdue).endDue();
    expect([(await sessionOf(left))['status'], (await sessionOf(busy))['status']]).toEqual(['expired', 'pending']);
    expect((await page(left.path)).html).toContain('verlopen');
    http.provider.report(late, { captured: 5445 });
    const payment = (await http.send('GET', '/v1/payments?limit=2')).body['items'] as { id: string; providerId: string }[];
    await http.send('POST', `/v1/payments/${payment.find(({ providerId }) => providerId === late)?.id}/refresh`);
    expect(await sessionOf(left)).toMatchObject({ status: 'completed' });
    expect(await eventsOf(left)).toEqual(['checkout.created', 'checkout.expired', 'checkout.completed']);
  });

  test('is not paid by another amount than was asked for: a person decides', async () => {
    const session = await made();
    await press(session.path, { method: 'pay.ideal' });
    http.provider.report(last(), { captured: 5444, started: true });
    http.clock.advance(1_000);
    expect((await page(`${session.path}/return`)).html).not.toContain('Betaald');
    expect(await sessionOf(session)).toMatchObject({ status: 'pending' });
    expect(await eventsOf(session)).toEqual(['checkout.created', 'checkout.updated']);
  });

  test('lets nobody try one card after the other', async () => {
    const session = await made();
    const pay = () => http.send('POST', `/v1/checkout-sessions/${session.id}/pay`, { method: 'pay.card' });
    for (let number = 1; number <= 20; number += 1) {
      http.provider.next('payments.create', 'declines');
      expect((await pay()).status).toBe(201);
    }
    const before = http.provider.count('payments.create');
    expect(await pay()).toMatchObject({ status: 409, body: { code: 'checkout.too-many-attempts' } });
    expect(http.provider.count('payments.create')).toBe(before);
  });

  test('tells those who follow it of each change, whole, and of no other session', async () => {
    const [session, other] = [await made(), await made()];
    await press(session.path, { method: 'pay.ideal' });
    const px = last();
    await press(other.path, { method: 'pay.ideal' });
    const { port } = await listening();
    const [api, ofPage] = [
      await followed(`http://127.0.0.1:${port}/v1/checkout-sessions/${session.id}/events`, session.clientToken),
      await followed(`http://127.0.0.1:${port}${session.path}/events`),
    ];
    await until(
      () => api.messages.length === 1 && ofPage.messages.length === 1,
      () => 'the first state never came',
    );
    http.provider.report(last(), { captured: 5445 });
    http.provider.report(px, { captured: 5445 });
    http.clock.advance(1_000);
    await page(`${other.path}/return`);
    await page(`${session.path}/return`);
    await until(
      () =>
        api.messages.some(({ status }) => status === 'completed') &&
        ofPage.messages.some(({ state }) => String(state).startsWith('completed')),
      () => `the end was not told: ${JSON.stringify([api.messages, ofPage.messages])}`,
    );
    expect(api.messages[0]).toMatchObject({ id: session.id, status: 'open', next: { kind: 'redirect' } });
    expect(api.messages.every(({ id }) => id === session.id)).toBe(true);
    api.stop();
    ofPage.stop();
    const stranger = await fetch(`http://127.0.0.1:${port}/v1/checkout-sessions/${other.id}/events`, {
      headers: { authorization: `Bearer ${session.clientToken}` },
    });
    expect(stranger.status).toBe(401);
  });

  test('tells whoever followed it before it was paid that a payment is with a bank, that it failed, and that another paid', async () => {
    const session = await made();
    const { port } = await listening();
    const line = await followed(`http://127.0.0.1:${port}/v1/checkout-sessions/${session.id}/events`, session.clientToken);
    const reaches = (status: string) =>
      until(
        () => line.messages.at(-1)?.['status'] === status,
        () => `not ${status}: ${JSON.stringify(line.messages)}`,
      );
    await reaches('open');
    await press(session.path, { method: 'pay.ideal' });
    http.provider.report(last(), { started: true });
    http.clock.advance(1_000);
    await page(`${session.path}/return`);
    await reaches('pending');
    http.provider.report(last(), { ended: 'failed', failure: { reason: 'insufficient-funds', retryable: true } });
    http.clock.advance(1_000);
    await page(`${session.path}/return`);
    await reaches('open');
    await press(session.path, { method: 'pay.ideal' });
    http.provider.report(last(), { captured: 5445 });
    http.clock.advance(1_000);
    await page(`${session.path}/return`);
    await reaches('completed');
    line.stop();
    expect(await eventsOf(session)).toEqual(['checkout.created', 'checkout.updated', 'checkout.updated', 'checkout.completed']);
  });

  test('pays an order through its invoice', async () => {
    const pack = await http.send('POST', '/v1/credit-packages', { name: 'ten', credits: 10, price: eur('5.00'), vatRate: 2100 });
    const order = await http.send('POST', '/v1/orders', { customer, package: pack.body['id'] });
    const session = await made({ order: order.body['id'], amount: undefined, description: undefined });
    await press(session.path, { method: 'pay.ideal' });
    http.provider.report(last(), { captured: 605 });
    http.clock.advance(1_000);
    await page(`${session.path}/return`);
    expect((await http.send('GET', `/v1/orders/${String(order.body['id'])}`)).body).toMatchObject({ status: 'paid' });
    const again = await http.send('POST', '/v1/checkout-sessions', { order: order.body['id'], returnUrl: 'https://shop.example' });
    expect([again.status, again.body['code']]).toEqual([409, 'checkout.order-closed']);
  });
});

describe('who may', () => {
  test('a client token opens its own session for 30 minutes, and nothing else', async () => {
    const [mine, other] = [await made(), await made()];
    const authorization = `Bearer ${mine.clientToken}`;
    const as = (method: 'GET' | 'POST', url: string, body?: object) => http.send(method, url, body, { authorization });
    expect(await as('GET', `/v1/checkout-sessions/${mine.id}`)).toMatchObject({ status: 200 });
    expect(await as('POST', `/v1/checkout-sessions/${mine.id}/pay`, { method: 'pay.ideal' })).toMatchObject({ status: 201 });
    expect(await as('GET', `/v1/checkout-sessions/${other.id}`)).toMatchObject({ status: 401, body: { code: 'checkout.token' } });
    expect((await as('GET', '/v1/payments')).status).toBe(401);
    expect((await as('POST', `/v1/checkout-sessions/${mine.id}/cancel`)).status).toBe(401);
    http.clock.advance(CLIENT_TOKEN_MS);
    expect(await as('GET', `/v1/checkout-sessions/${mine.id}`)).toMatchObject({ status: 401, body: { code: 'checkout.token' } });
  });

  test('an address with one letter changed opens nothing', async () => {
    const { path, clientToken, id } = await made();
    const changed = (text: string, at: number) => `${text.slice(0, at)}${text[at] === 'a' ? 'b' : 'a'}${text.slice(at + 1)}`;
    for (let at = '/pay/'.length; at < path.length - 1; at += 3) expect((await page(changed(path, at))).status).toBe(404);
    for (let at = 4; at < clientToken.length - 1; at += 5) {
      const authorization = `Bearer ${changed(clientToken, at)}`;
      expect((await http.send('GET', `/v1/checkout-sessions/${id}`, undefined, { authorization })).status).toBe(401);
    }
    expect((await page('/pay/nothing')).html).toContain('Betalingssiden findes ikke');
  });

  test('a session needs an Idempotency-Key, repeats its first answer, and sends payers to https only', async () => {
    const body = { amount: eur('1.00'), returnUrl: 'https://shop.example' };
    expect((await http.send('POST', '/v1/checkout-sessions', body, { 'idempotency-key': '' })).status).toBe(400);
    const key = { 'idempotency-key': 'one-session' };
    const answers = [
      await http.send('POST', '/v1/checkout-sessions', body, key),
      await http.send('POST', '/v1/checkout-sessions', body, key),
    ];
    expect(answers[1]?.body['id']).toBe(answers[0]?.body['id']);
    for (const returnUrl of ['http://shop.example', 'javascript:alert(1)', 'https://a:b@shop.example', '//shop.example']) {
      expect(await http.send('POST', '/v1/checkout-sessions', { ...body, returnUrl })).toMatchObject({
        status: 422,
        body: { code: 'payment.return-url' },
      });
    }
  });

  test('a cancelled session takes no payment', async () => {
    const session = await made();
    expect(await http.send('POST', `/v1/checkout-sessions/${session.id}/cancel`)).toMatchObject({
      status: 200,
      body: { status: 'cancelled' },
    });
    expect(await http.send('POST', `/v1/checkout-sessions/${session.id}/pay`, { method: 'pay.ideal' })).toMatchObject({
      status: 409,
      body: { code: 'checkout.closed' },
    });
  });
});

test('whatever payments do, a number is used again exactly as long as its payment may still come to something', () => {
  const state = fc.constantFrom('created', 'pending', 'authorized', 'completed', 'failed', 'cancelled', 'expired', 'refunded' as const);
  fc.assert(
    fc.property(fc.array(fc.record({ state, mismatched: fc.boolean() }), { maxLength: 6 }), (payments) => {
      const attempts = payments.map((payment, index) => ({ number: index + 1, payment }));
      const ended = payments.length === 0 || ['failed', 'cancelled', 'expired'].includes(payments.at(-1)?.state ?? '');
      expect(attemptNumber(attempts)).toBe(ended ? payments.length + 1 : payments.length);
      expect(attemptNumber([...attempts, { number: payments.length + 1, payment: undefined }])).toBe(payments.length + 1);
      expect(['open', 'pending']).toContain(statusOf('open', payments));
      expect(statusOf('expired', payments)).toBe('expired');
    }),
  );
});
