import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ChargeMandate, CreateMandate, MandateFacts } from '@kassaflow/plugin-sdk';
import { startPaypalServer, type PaypalServer } from '../../../test/providers/paypal-server.ts';
import { mandates } from '../src/mandates.ts';
import { payments } from '../src/payments.ts';
import { contextOf, fetched, paid, valueOf } from './local-paypal.ts';

const HOUR_MS = 3_600_000;
const MANDATE: CreateMandate = {
  reference: 'man_01',
  kind: 'account',
  description: 'Maandelijks: 100 credits (€)',
  returnUrl: 'https://shop.example/saved',
  webhookUrl: 'https://kassaflow.example/webhooks/paypal/con_1',
  customer: { reference: 'cus_1', locale: 'nl-NL' },
};

let paypal: PaypalServer;
beforeEach(async () => {
  paypal = await startPaypalServer();
});
afterEach(() => paypal.close());

async function begin(): Promise<string> {
  const { facts, next } = valueOf(await mandates.create(contextOf(paypal, { idempotencyKey: 'man_01:create:1' }), MANDATE));
  expect(next.kind).toBe('redirect');
  return facts.providerId;
}

async function fetchMandate(providerId: string): Promise<MandateFacts> {
  return valueOf(await mandates.fetch(contextOf(paypal), { providerId }));
}

async function active(): Promise<MandateFacts> {
  const pending = await begin();
  paypal.vault.approve(pending.slice('setup:'.length));
  return fetchMandate(pending);
}

function charge(mandate: string, more: Partial<ChargeMandate> = {}, key = 'pay_02:charge:1') {
  const request: ChargeMandate = {
    reference: 'pay_02',
    mandate,
    amount: { amount: '9.00', currency: 'EUR' },
    description: 'November',
    returnUrl: 'https://shop.example/return',
    webhookUrl: MANDATE.webhookUrl,
  };
  return payments.charge!(contextOf(paypal, { idempotencyKey: key }), { ...request, ...more });
}

describe('saving a wallet', () => {
  test('waits for the payer on PayPal’s page, and is made once', async () => {
    const first = await begin();
    expect(await begin()).toBe(first);
    expect(paypal.log.executed('POST /v3/vault/setup-tokens')).toBe(1);
    expect(await fetchMandate(first)).toMatchObject({ providerId: first, kind: 'account', state: 'pending' });
  });

  test('approved, it becomes a payment token at the first look, and only one', async () => {
    const pending = await begin();
    paypal.vault.approve(pending.slice('setup:'.length));
    const looks = await Promise.all([fetchMandate(pending), fetchMandate(pending), fetchMandate(pending)]);
    const [token] = paypal.vault.tokens();
    for (const facts of looks)
      expect(facts).toMatchObject({ providerId: token?.id, state: 'active', customer: token?.customer, fingerprint: 'BUYER12345678' });
    expect(paypal.vault.tokens()).toHaveLength(1);
  });

  test('a lost answer loses no mandate, also when PayPal has forgotten the key', async () => {
    const pending = await begin();
    paypal.vault.approve(pending.slice('setup:'.length));
    paypal.faults.add({ match: 'POST /v3/vault/payment-tokens', action: 'reset-after' });
    expect(await mandates.fetch(contextOf(paypal), { providerId: pending })).toMatchObject({ kind: 'failed', reason: 'temporary' });
    paypal.clock.advance(4 * HOUR_MS);
    expect(await fetchMandate(pending)).toMatchObject({ providerId: paypal.vault.tokens()[0]?.id, state: 'active' });
    expect(paypal.vault.tokens()).toHaveLength(1);
  });

  test('that nobody approves within three days is expired', async () => {
    const pending = await begin();
    paypal.clock.advance(73 * HOUR_MS);
    expect(await fetchMandate(pending)).toMatchObject({ providerId: pending, state: 'expired' });
  });

  test('comes of a payment too, when the payer agrees', async () => {
    const { providerId } = await paid(paypal, { save: true });
    const [token] = paypal.vault.tokens();
    expect((await fetched(paypal, providerId)).mandate).toEqual({
      providerId: token?.id,
      kind: 'account',
      state: 'active',
      customer: token?.customer,
      label: 'PayPal',
      fingerprint: 'BUYER12345678',
    });
  });

  test('other kinds are not PayPal’s', async () => {
    expect(await mandates.create(contextOf(paypal), { ...MANDATE, kind: 'sepa-debit' })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'kind',
    });
  });
});

describe('revoking', () => {
  test('deletes the token, and is done when it is done already', async () => {
    const { providerId, customer } = await active();
    for (let time = 0; time < 2; time += 1) {
      expect(valueOf(await mandates.revoke(contextOf(paypal), { providerId, customer: customer ?? '' }))).toMatchObject({
        providerId,
        state: 'revoked',
        customer,
      });
    }
    expect(await fetchMandate(providerId)).toMatchObject({ state: 'revoked' });
  });

  test('what is still to be approved is revoked too', async () => {
    const pending = await begin();
    expect(valueOf(await mandates.revoke(contextOf(paypal), { providerId: pending }))).toMatchObject({ state: 'revoked' });
    expect(paypal.vault.tokens()).toHaveLength(0);
  });
});

describe('charging a saved wallet', () => {
  test('takes the money in one call, and is a payment like any other', async () => {
    const { providerId: mandate } = await active();
    const made = valueOf(await charge(mandate));
    expect(made).toMatchObject({ next: { kind: 'none' }, facts: { captured: 900, authorized: 900, method: 'paypal' } });
    expect(paypal.orders.order(made.providerId)).toMatchObject({ customId: 'pay_02', vaultId: mandate });
    valueOf(
      await payments.refund!(contextOf(paypal, { idempotencyKey: 'ref' }), {
        providerId: made.providerId,
        reference: 'ref_1',
        amount: { amount: '9.00', currency: 'EUR' },
      }),
    );
    expect(await fetched(paypal, made.providerId)).toMatchObject({ refunded: 900 });
  });

  test('ten at once under one key take it once', async () => {
    const { providerId: mandate } = await active();
    const all = await Promise.all(Array.from({ length: 10 }, () => charge(mandate)));
    expect(new Set(all.map((one) => valueOf(one).providerId)).size).toBe(1);
    expect(paypal.ledger.balance('EUR')).toBe(900 - 60);
  });

  test('a lost answer is unknown; the same key has the payment', async () => {
    const { providerId: mandate } = await active();
    paypal.faults.add({ match: 'POST /v2/checkout/orders', action: 'reset-after' });
    expect((await charge(mandate)).kind).toBe('unknown');
    expect(valueOf(await charge(mandate))).toMatchObject({ facts: { captured: 900 } });
  });

  test('under another key the same payment is never taken twice: it is unknown, and found later', async () => {
    const { providerId: mandate } = await active();
    const sentAt = paypal.clock.now();
    const { providerId } = valueOf(await charge(mandate));
    expect((await charge(mandate, {}, 'pay_02:charge:2')).kind).toBe('unknown');
    paypal.clock.advance(4 * HOUR_MS);
    expect(valueOf(await payments.find!(contextOf(paypal), { reference: 'pay_02', notBefore: sentAt }))).toMatchObject({ providerId });
    expect(paypal.ledger.balance('EUR')).toBe(900 - 60);
  });

  test('pitfall 32: a mandate that the payer took back is declined for that', async () => {
    const { providerId: mandate } = await active();
    paypal.vault.remove(mandate);
    expect(await charge(mandate)).toMatchObject({ kind: 'declined', code: 'mandate-revoked' });
    expect(await fetchMandate(mandate)).toMatchObject({ state: 'revoked' });
  });

  test('a no of the wallet is declined; a wrong amount is input', async () => {
    const { providerId: mandate } = await active();
    paypal.orders.next({ issue: 'INSTRUMENT_DECLINED' });
    expect(await charge(mandate)).toMatchObject({ kind: 'declined', code: 'card-declined' });
    expect(await charge(mandate, { amount: { amount: '0.00', currency: 'EUR' } })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'amount',
    });
  });
});
