import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CreatedPayment, CreatePayment, Outcome, PaymentFacts, Posting, RawWebhook } from '@kassaflow/plugin-sdk';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { accounting } from '../src/accounting.ts';
import { sandboxEmail, sandboxSms } from '../src/messages.ts';
import { payments } from '../src/payments.ts';
import plugin from '../src/plugin.ts';
import { startProvider, type SandboxProvider } from '../src/provider/provider.ts';
import type { Settings } from '../src/settings.ts';
import { webhook } from '../src/webhook.ts';

const SECRET = 'whsec_sandbox_test_secret_1';
const SETTINGS: Settings = { apiKey: 'sandbox_test_key', webhookSecrets: [SECRET] };

let dataDir: string;
let provider: SandboxProvider;
let door: Door;
beforeEach(async () => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'kassaflow-sandbox-'));
  provider = await startProvider({ dataDir, isDurable: false });
  door = await openDoor();
});
afterEach(async () => {
  await provider.close();
  await door.close();
  rmSync(dataDir, { recursive: true });
});

function context(more: Partial<ContextOptions<Settings>> = {}): PluginContext<Settings> {
  return pluginContext({ server: provider.url, settings: SETTINGS, ...more });
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'ok') throw new Error(`Expected ok, got ${JSON.stringify(outcome)}`);
  return outcome.value;
}

function order(more: Partial<CreatePayment> = {}): CreatePayment {
  return {
    reference: 'pay_01',
    amount: { amount: '12.50', currency: 'EUR' },
    description: '100 credits <b>',
    returnUrl: 'https://shop.example/return',
    cancelUrl: 'https://shop.example/cart',
    webhookUrl: door.url,
    capture: 'automatic',
    ...more,
  };
}

async function create(more: Partial<CreatePayment> = {}): Promise<CreatedPayment> {
  return valueOf(await payments.create(context({ idempotencyKey: `${more.reference ?? 'pay_01'}:create:1` }), order(more)));
}

async function facts(providerId: string): Promise<PaymentFacts> {
  return valueOf(await payments.fetch(context(), { providerId }));
}

function press(where: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${provider.url}/sandbox/${where}`, {
    method: 'POST',
    redirect: 'manual',
    headers,
    body: new URLSearchParams({ method: 'card' }),
  });
}

describe('paying on the page', () => {
  test('the customer pays, comes back to the shop, and a signed webhook tells of it', async () => {
    const { providerId, next } = await create();
    expect(next).toEqual({ kind: 'redirect', url: new URL(`/sandbox/pay/${providerId}`, door.url).href });
    const answer = await press(`pay/${providerId}/pay`);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'https://shop.example/return']);
    expect(await facts(providerId)).toMatchObject({ providerState: 'paid', captured: 1250, method: 'card', started: true });

    const delivery = await door.next();
    expect(await webhook.verify(context(), delivery)).toMatchObject({ ok: true });
    expect(await webhook.translate(context(), delivery)).toEqual([
      { kind: 'payment', type: 'payment.paid', providerId, reference: 'pay_01', occurredAt: expect.any(Number) },
    ]);
  });

  test('the bank declines', async () => {
    const { providerId } = await create();
    await press(`pay/${providerId}/decline`);
    expect(await facts(providerId)).toMatchObject({ ended: 'failed', captured: 0, failure: { reason: 'card-declined' } });
  });

  test('walking away changes nothing', async () => {
    const { providerId } = await create();
    expect((await press(`pay/${providerId}/leave`)).headers.get('location')).toBe('https://shop.example/cart');
    expect(await facts(providerId)).toMatchObject({ providerState: 'open', started: false });
  });

  test('paying a second time, from another tab, is refused', async () => {
    const { providerId } = await create();
    await press(`pay/${providerId}/pay`);
    expect((await press(`pay/${providerId}/pay`)).status).toBe(409);
    expect((await facts(providerId)).captured).toBe(1250);
  });

  test('time ends an open payment', async () => {
    const { providerId } = await create({ expiresAt: Date.now() - 1 });
    expect((await door.next()).body.toString()).toContain('payment.expired');
    expect(await facts(providerId)).toMatchObject({ ended: 'expired' });
  });

  test('with manual capture the money is reserved, and a part of it taken', async () => {
    const { providerId } = await create({ capture: 'manual' });
    await press(`pay/${providerId}/pay`);
    expect(await facts(providerId)).toMatchObject({ authorized: 1250, captured: 0 });
    const captured = await payments.capture!(context({ idempotencyKey: 'c1' }), {
      providerId,
      amount: { amount: '10.00', currency: 'EUR' },
    });
    expect(valueOf(captured)).toMatchObject({ authorized: 1250, captured: 1000, voided: 250 });
  });
});

describe('giving money back', () => {
  test('parts are refunded until nothing is left', async () => {
    const { providerId } = await create();
    await press(`pay/${providerId}/pay`);
    const refund = (key: string, amount: string): ReturnType<NonNullable<typeof payments.refund>> =>
      payments.refund!(context({ idempotencyKey: key }), { providerId, reference: key, amount: { amount, currency: 'EUR' } });
    expect(await refund('r1', '5.00')).toMatchObject({ kind: 'ok', value: { state: 'done' } });
    expect(await refund('r1', '5.00')).toMatchObject({ kind: 'ok' });
    expect(await refund('r2', '7.51')).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount' });
    expect(await facts(providerId)).toMatchObject({ captured: 1250, refunded: 500 });
  });

  test('a person refunds and charges back at the desk', async () => {
    const [first, second] = [await create(), await create({ reference: 'pay_02' })];
    for (const { providerId } of [first, second]) await press(`pay/${providerId}/pay`);
    await press(`payments/${first.providerId}/refund`);
    await press(`payments/${second.providerId}/chargeback`);
    expect(await facts(first.providerId)).toMatchObject({ refunded: 1250, chargedBack: 0 });
    expect(await facts(second.providerId)).toMatchObject({ refunded: 0, chargedBack: 1250 });
  });

  test('an open payment is cancelled, a paid one is not', async () => {
    const open = await create();
    expect(valueOf(await payments.cancel!(context({ idempotencyKey: 'x1' }), { providerId: open.providerId }))).toMatchObject({
      ended: 'cancelled',
    });
    const paid = await create({ reference: 'pay_02' });
    await press(`pay/${paid.providerId}/pay`);
    expect(await payments.cancel!(context({ idempotencyKey: 'x2' }), { providerId: paid.providerId })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
    });
  });
});

describe('when the answer gets lost', () => {
  test.each(['500-after', 'reset-after'] as const)('%s is unknown, and the same key gives the same payment', async (action) => {
    provider.faults.add({ match: 'POST /v1/payments', action });
    expect((await payments.create(context({ idempotencyKey: 'pay_01:create:1' }), order())).kind).toBe('unknown');
    const found = valueOf(await payments.find!(context(), { reference: 'pay_01', notBefore: 0 }));
    expect((await create()).providerId).toBe(found?.providerId);
  });

  test('a dropped request did nothing, and find proves it', async () => {
    provider.faults.add({ match: 'POST /v1/payments', action: 'drop' });
    expect((await payments.create(context(), order())).kind).toBe('unknown');
    expect(await payments.find!(context(), { reference: 'pay_01', notBefore: 0 })).toMatchObject({ kind: 'ok', value: undefined });
  });

  test('what was answered survives the provider’s own end', async () => {
    const { providerId } = await create();
    await provider.close();
    provider = await startProvider({ dataDir });
    expect(await facts(providerId)).toMatchObject({ providerState: 'open' });
    expect((await create()).providerId).toBe(providerId);
  });

  test('429 slows down, a wrong key is a matter of the connection, a live connection is refused', async () => {
    provider.faults.add({ match: 'POST', action: '429' });
    expect(await payments.create(context(), order())).toMatchObject({ kind: 'failed', reason: 'rate-limited', retryAfterMs: 1000 });
    expect(await payments.create(context({ settings: { ...SETTINGS, apiKey: 'nope' } }), order())).toMatchObject({
      kind: 'failed',
      reason: 'auth',
    });
    expect(await payments.create(context({ mode: 'live' }), order())).toMatchObject({ kind: 'failed', reason: 'auth' });
  });

  test('the same key with another body is refused', async () => {
    await create();
    const other = await payments.create(
      context({ idempotencyKey: 'pay_01:create:1' }),
      order({ amount: { amount: '13.00', currency: 'EUR' } }),
    );
    expect(other).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'idempotency_key_reused' });
  });
});

describe('webhooks', () => {
  test('are sent again until they are answered 2xx, with the same event id', async () => {
    door.refuse(1);
    const { providerId } = await create();
    await press(`pay/${providerId}/pay`);
    const [first, second] = [await door.next(), await door.next()];
    expect(second.body.equals(first.body)).toBe(true);
  });

  test('a scripted duplicate comes twice', async () => {
    provider.faults.add({ match: 'webhook payment.paid', action: 'duplicate' });
    const { providerId } = await create();
    await press(`pay/${providerId}/pay`);
    expect((await door.next()).body.equals((await door.next()).body)).toBe(true);
  });

  test.each<[row: string, what: string, header: string | readonly string[] | undefined, reason: string]>([
    ['B01', 'no header', undefined, 'signature-missing'],
    ['B02', 'the header twice', [signed('{}'), signed('{}')], 'signature-format'],
    ['B03', 'another body', signed('{ }'), 'signature-mismatch'],
    ['B05', 'too old', signed('{}', -400), 'timestamp-old'],
    ['B05', 'from the future', signed('{}', 400), 'timestamp-future'],
    ['B06', 'a timestamp of letters', 't=abc,v1=00', 'timestamp-format'],
    ['B07', 'another scheme', signed('{}').replace('v1=', 'v2='), 'signature-scheme'],
    ['B10', 'another secret', signed('{}', 0, ['whsec_of_somebody_else_1']), 'signature-mismatch'],
  ])('%s: %s is refused', async (_row, _what, header, reason) => {
    expect(await webhook.verify(context(), delivery('{}', header))).toMatchObject({ ok: false, reason });
  });

  test('B08: one of two signatures and one of two secrets is enough', async () => {
    const header = signed('{}', 0, ['whsec_sandbox_test_secret_0', SECRET]);
    expect(
      await webhook.verify(
        context({ settings: { ...SETTINGS, webhookSecrets: ['whsec_sandbox_test_secret_2', SECRET] } }),
        delivery('{}', header),
      ),
    ).toMatchObject({ ok: true });
  });
});

describe('messages and the book', () => {
  test('an SMS and a mail arrive once under one key', async () => {
    const sms = { to: '+31612345678', text: 'Hello <script>alert(1)</script>' };
    expect(await sandboxSms.run(context(), sms)).toEqual(await sandboxSms.run(context({ attempt: 2 }), sms));
    await sandboxEmail.run(context({ idempotencyKey: 'mail-1' }), { to: 'zoe@example.nl', subject: 'Your receipt', text: 'Thank you.' });
    const page = await (await fetch(`${provider.url}/sandbox/sms`)).text();
    expect(page.split('class="bubble"')).toHaveLength(2);
    expect(page).not.toContain('<script>');
    expect(await (await fetch(`${provider.url}/sandbox/mail`)).text()).toContain('Your receipt');
  });

  test('a person who wants no messages is a decline', async () => {
    expect(await sandboxSms.run(context(), { to: '+31612340000', text: 'Hello' })).toMatchObject({ kind: 'declined', code: 'opted-out' });
  });

  test('an entry is booked once by its reference, found, and reversed', async () => {
    const posting: Posting = {
      reference: 'pay_01',
      journal: 'bank',
      date: '2026-11-20',
      description: 'Payment',
      lines: [
        { account: 'asset:provider', debit: { amount: '12.50', currency: 'EUR' } },
        { account: 'asset:receivable', credit: { amount: '12.50', currency: 'EUR' } },
      ],
    };
    const posted = valueOf(await accounting.post(context({ idempotencyKey: 'a1' }), posting));
    expect(valueOf(await accounting.post(context({ idempotencyKey: 'a2' }), posting))).toEqual(posted);
    expect(valueOf(await accounting.find(context(), { reference: 'pay_01' }))).toEqual(posted);
    const reversed = valueOf(
      await accounting.reverse(context({ idempotencyKey: 'a3' }), {
        entry: posted.entry,
        reference: 'pay_01-r',
        date: '2026-11-21',
        reason: 'Refund',
      }),
    );
    expect(reversed.entry).not.toBe(posted.entry);
    expect(await (await fetch(`${provider.url}/sandbox/book`)).text()).toContain('reversal');
  });

  test('an entry that does not balance is refused', async () => {
    const lines = [
      { account: 'a', debit: { amount: '1.00', currency: 'EUR' } },
      { account: 'b', credit: { amount: '1.01', currency: 'EUR' } },
    ];
    const outcome = await accounting.post(context(), { reference: 'x', journal: 'bank', date: '2026-11-20', description: 'x', lines });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', code: 'unbalanced' });
  });
});

describe('pages', () => {
  test('a form of another site is refused', async () => {
    const { providerId } = await create();
    expect((await press(`pay/${providerId}/pay`, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await press(`pay/${providerId}/pay`, { origin: 'https://evil.example' })).status).toBe(403);
    expect(await facts(providerId)).toMatchObject({ providerState: 'open' });
  });

  test('what a customer wrote is shown as text', async () => {
    const { providerId } = await create();
    const page = await (await fetch(`${provider.url}/sandbox/pay/${providerId}`)).text();
    expect(page).toContain('100 credits &#60;b&#62;');
    expect(page).not.toContain('credits <b>');
  });

  test('an unknown payment is a page, not a stack', async () => {
    const answer = await fetch(`${provider.url}/sandbox/pay/sbx_none`);
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('There is no such payment.')]);
  });
});

test('checking a connection names the account', async () => {
  expect(await plugin.connection.check(context())).toMatchObject({
    ok: true,
    mode: 'test',
    account: expect.stringContaining('Sandbox (acct_'),
  });
  expect(await plugin.connection.check(context({ settings: { ...SETTINGS, apiKey: 'nope' } }))).toMatchObject({
    ok: false,
    field: 'apiKey',
  });
});

interface Door {
  readonly url: string;
  /** The next delivery, whenever it comes. */
  next(): Promise<RawWebhook & { readonly body: Buffer }>;
  /** Answers the next `times` deliveries with a 503. */
  refuse(times: number): void;
  close(): Promise<void>;
}

/** A webhook endpoint that keeps what it gets. */
async function openDoor(): Promise<Door> {
  const arrived: (RawWebhook & { readonly body: Buffer })[] = [];
  const waiting: ((delivery: RawWebhook & { readonly body: Buffer }) => void)[] = [];
  let refusals = 0;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const given = delivery(Buffer.concat(chunks).toString(), request.headers['sandbox-signature']);
      const waiter = waiting.shift();
      if (waiter) waiter(given);
      else arrived.push(given);
      response.writeHead(refusals-- > 0 ? 503 : 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/sandbox/con_1`,
    next: () => {
      const given = arrived.shift();
      return given ? Promise.resolve(given) : new Promise((resolve) => waiting.push(resolve));
    },
    refuse: (times) => {
      refusals = times;
    },
    close: () => new Promise((resolve) => (server.close(() => resolve()), server.closeAllConnections())),
  };
}

function delivery(body: string, header: string | readonly string[] | undefined): RawWebhook & { readonly body: Buffer } {
  return {
    method: 'POST',
    url: 'https://kassaflow.example/webhooks/sandbox/con_1',
    headers: header === undefined ? {} : { 'sandbox-signature': header },
    body: Buffer.from(body),
    receivedAt: Date.now(),
  };
}

function signed(body: string, shiftSeconds = 0, secrets: readonly string[] = [SECRET]): string {
  const seconds = Math.floor(Date.now() / 1000) + shiftSeconds;
  return [`t=${seconds}`, ...secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`)].join(
    ',',
  );
}
