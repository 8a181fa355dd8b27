import { describe, expect, test } from '@jest/globals';
import type { CreatePayment, PaymentMethod } from '@kassaflow/plugin-sdk';
import { payments } from '../src/payments.ts';
import { CUSTOMER, Fixture, ORDER, valueOf } from './fixture.ts';

const at = new Fixture();

async function offered(more: Partial<Parameters<NonNullable<typeof payments.methods>>[1]> = {}): Promise<readonly PaymentMethod[]> {
  return valueOf(await payments.methods!(at.context(), { amount: { amount: '12.50', currency: 'EUR' }, ...more }));
}

const idsOf = (methods: readonly PaymentMethod[]): readonly string[] => methods.map(({ id }) => id);

describe('what the account offers', () => {
  test('is what is switched on, in the asked currency', async () => {
    expect(idsOf(await offered())).toEqual(['apple-pay', 'bancontact', 'card', 'google-pay', 'ideal', 'link', 'mobilepay', 'sepa-debit']);
    expect(idsOf(await offered({ amount: { amount: '12.50', currency: 'SEK' } }))).toEqual([
      'apple-pay',
      'card',
      'google-pay',
      'link',
      'mobilepay',
      'swish',
    ]);
  });

  test('changes without a change of code: what Stripe adds tomorrow is offered by its own name', async () => {
    at.stripe.configuration['wero_plus'] = true;
    at.stripe.configuration['ideal'] = false;
    const methods = await offered();
    expect(idsOf(methods)).not.toContain('ideal');
    expect(methods.find(({ id }) => id === 'wero-plus')).toMatchObject({ title: 'Wero Plus', flows: ['redirect', 'hosted-fields', 'qr'] });
  });

  test('is named in the customer’s language', async () => {
    const titles = async (locale: string) => Object.fromEntries((await offered({ locale })).map(({ id, title }) => [id, title]));
    expect(await titles('nl-NL')).toMatchObject({ card: 'Kaart', 'sepa-debit': 'SEPA-incasso', 'apple-pay': 'Apple Pay', ideal: 'iDEAL' });
    expect(await titles('tlh')).toMatchObject({ card: 'Card' });
  });

  test('leaves out what cannot be charged again, where that is wanted', async () => {
    expect(idsOf(await offered({ recurring: true }))).toEqual([
      'apple-pay',
      'bancontact',
      'card',
      'google-pay',
      'ideal',
      'link',
      'sepa-debit',
    ]);
  });

  test('is nothing below Stripe’s smallest amount, which is told in our units', async () => {
    expect(await offered({ amount: { amount: '0.49', currency: 'EUR' } })).toEqual([]);
    expect((await offered()).every(({ least }) => least === 50)).toBe(true);
  });

  test('has no fields on our page without the publishable key', async () => {
    const context = at.context({ settings: { secretKey: at.stripe.apiKey } });
    const methods = valueOf(await payments.methods!(context, { amount: { amount: '12.50', currency: 'EUR' } }));
    expect(methods[0]?.flows).toEqual(['redirect', 'qr']);
  });
});

describe('fields on our page', () => {
  const fields = (more: Partial<CreatePayment> = {}) => at.create({ flow: 'hosted-fields', methods: [], ...more });

  test('get a client secret and the publishable key; the same payment is paid, fetched and found', async () => {
    const { providerId, next, facts } = await fields();
    const intent = at.stripe.intent(providerId);
    expect(next).toEqual({ kind: 'hosted-fields', clientSecret: intent.client_secret, publishableKey: at.stripe.publishableKey });
    expect(facts).toMatchObject({ providerState: 'requires_payment_method', started: false, captured: 0 });
    at.stripe.book.payInFields(providerId, 'ideal');
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250, method: 'ideal' });
    const found = valueOf(await payments.find!(at.context(), { reference: 'pay_01', notBefore: Date.now() - 60_000 }));
    expect(found).toMatchObject({ providerId, next: { kind: 'none' } });
  });

  test('a decline in the fields leaves the payment open for another try', async () => {
    const { providerId } = await fields();
    at.stripe.book.declineInFields(providerId, 'insufficient_funds');
    const facts = await at.fetched(providerId);
    expect(facts).toMatchObject({ failure: { reason: 'insufficient-funds' } });
    expect(facts).not.toHaveProperty('ended');
    at.stripe.book.payInFields(providerId);
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250 });
  });

  test('a debit that bounces days later has failed, because nobody is on the page', async () => {
    const { providerId } = await fields();
    at.stripe.book.payInFields(providerId, 'sepa_debit');
    at.stripe.settle(providerId, 'failed');
    expect(await at.fetched(providerId)).toMatchObject({ ended: 'failed', failure: { reason: 'insufficient-funds' } });
  });

  test('a token of theirs is charged at once', async () => {
    const { facts, next } = await fields({ token: 'ctoken_card_visa' });
    expect([facts, next]).toMatchObject([{ captured: 1250, method: 'card' }, { kind: 'none' }]);
  });

  test('a token whose bank asks for authentication leads to the bank’s page', async () => {
    const { providerId, next } = await fields({ token: 'ctoken_card_authenticationRequired' });
    expect(next).toEqual({ kind: 'redirect', url: `${at.stripe.url}/authenticate/${providerId}` });
    at.stripe.book.authenticate(providerId);
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250 });
  });

  test('a token that is declined leaves a payment that can be tried again in the same fields', async () => {
    const { facts, next } = await fields({ token: 'ctoken_card_chargeDeclinedInsufficientFunds' });
    expect(facts.failure).toMatchObject({ reason: 'insufficient-funds' });
    expect(facts).not.toHaveProperty('ended');
    expect(next.kind).toBe('hosted-fields');
  });

  test('to be saved, belong to a customer: one is made, once', async () => {
    const { providerId } = await fields({ save: true, customer: CUSTOMER });
    await fields({ save: true, customer: CUSTOMER });
    expect(at.stripe.vault.customers.size).toBe(1);
    at.stripe.book.payInFields(providerId, 'card');
    expect((await at.fetched(providerId)).mandate).toMatchObject({
      kind: 'card',
      state: 'active',
      customer: at.stripe.intent(providerId).customer,
    });
  });

  test('Apple Pay needs no code: it is a card to Stripe', async () => {
    const { providerId } = await at.create({ methods: ['apple-pay', 'card', 'ideal'] });
    expect(at.stripe.session(providerId).allowed_payment_method_types).toEqual(['card', 'ideal']);
  });
});

test('a code leads to Stripe’s page, and is found as a code', async () => {
  const { providerId, next } = await at.create({ flow: 'qr' });
  const { url, expires_at: expiresAt } = at.stripe.session(providerId);
  expect(next).toEqual({ kind: 'qr', payload: url, expiresAt: expiresAt * 1000 });
  const found = valueOf(await payments.find!(at.context(), { reference: 'pay_01', notBefore: Date.now() - 60_000 }));
  expect(found?.next).toEqual(next);
});

test.each<[field: string, more: Partial<CreatePayment>]>([
  ['flow', { flow: 'push' }],
  ['flow', { flow: 'tap' }],
  ['token', { flow: 'hosted-fields', token: '4242424242424242' }],
  ['customer', { save: true }],
  ['metadata', { metadata: { ['n'.repeat(41)]: 'x' } }],
])('what cannot be asked is refused for its %s before anything is sent', async (field, more) => {
  const outcome = await payments.create(at.context(), { ...ORDER, ...more });
  expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', field });
  expect(at.stripe.log.all()).toHaveLength(0);
});

test('fields without the publishable key are refused', async () => {
  const context = at.context({ settings: { secretKey: at.stripe.apiKey } });
  expect(await payments.create(context, { ...ORDER, flow: 'hosted-fields' })).toMatchObject({
    kind: 'failed',
    reason: 'input',
    field: 'flow',
  });
});

test('pitfall 25: a live publishable key in a test connection is refused before anything is sent', async () => {
  const context = at.context({ settings: { secretKey: at.stripe.apiKey, publishableKey: 'pk_live_12345678' } });
  expect(await payments.create(context, ORDER)).toMatchObject({ kind: 'failed', reason: 'auth', field: 'publishableKey' });
  expect(at.stripe.log.all()).toHaveLength(0);
});
