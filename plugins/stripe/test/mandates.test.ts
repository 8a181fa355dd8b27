import { describe, expect, test } from '@jest/globals';
import type { ChargeMandate, CreatedPayment, CreateMandate, MandateFacts, Outcome } from '@kassaflow/plugin-sdk';
import { mandates } from '../src/mandates.ts';
import { payments } from '../src/payments.ts';
import { CUSTOMER, DAY, euros, Fixture, ORDER, valueOf } from './fixture.ts';

const at = new Fixture();

const SETUP: CreateMandate = {
  reference: 'man_01',
  kind: 'sepa-debit',
  description: 'Membership',
  returnUrl: ORDER.returnUrl,
  webhookUrl: ORDER.webhookUrl,
  customer: CUSTOMER,
};

function charge(
  { providerId, customer }: Pick<MandateFacts, 'providerId' | 'customer'>,
  { attempt = 1, ...more }: Partial<ChargeMandate> & { readonly attempt?: number } = {},
): Promise<Outcome<CreatedPayment>> {
  const { returnUrl, webhookUrl } = ORDER;
  const reference = more.reference ?? 'pay_09';
  const request: ChargeMandate = {
    reference,
    mandate: providerId,
    amount: euros('9.95'),
    description: 'November',
    returnUrl,
    webhookUrl,
    ...more,
  };
  const context = at.context({ idempotencyKey: `${reference}:charge:1`, attempt });
  return Promise.resolve(payments.charge!(context, customer === undefined ? request : { ...request, customer }));
}

/** The permission that a payment by this way leaves behind. */
async function saved(way: string, more: Partial<typeof ORDER> = {}): Promise<MandateFacts> {
  const { providerId } = await at.paid(way, { save: true, customer: CUSTOMER, ...more });
  const { mandate } = await at.fetched(providerId);
  if (!mandate) throw new Error('The payment left no mandate');
  return mandate;
}

/** A card as it is at the bank now. */
function behave(mandate: MandateFacts, behaviour: string): void {
  at.stripe.vault.behave(mandate.providerId, behaviour);
}

describe('what a payment leaves behind', () => {
  test('a card, by the payment method’s id', async () => {
    const { customer, ...mandate } = await saved('card');
    expect(mandate).toEqual({
      providerId: expect.stringMatching(/^pm_/),
      kind: 'card',
      state: 'active',
      label: 'Visa •••• 4242',
      fingerprint: 'card:Xt5EWLLDS7FJjR1c',
      validUntil: Date.UTC(new Date().getUTCFullYear() + 4, 0, 1) - 1,
    });
    expect(customer).toMatch(/^cus_/);
  });

  test.each(['ideal', 'bancontact', 'sepa_debit'])('%s: a debit of the account, by the mandate’s id', async (way) => {
    const { providerId } = await at.paid(way, { save: true, customer: CUSTOMER });
    if (way === 'sepa_debit') await at.stripe.advance(10 * DAY);
    const { mandate } = await at.fetched(providerId);
    expect(mandate).toMatchObject({
      providerId: expect.stringMatching(/^mandate_/),
      kind: 'sepa-debit',
      state: 'active',
      label: 'NL•• INGB •••• 6789',
      fingerprint: 'account:NrVafqTONZfbLkQK',
    });
  });

  test('nothing, when it was not asked for or not paid yet', async () => {
    expect(await at.fetched((await at.paid('card')).providerId)).not.toHaveProperty('mandate');
    const { providerId } = await at.paid('sepa_debit', { reference: 'pay_02', save: true, customer: CUSTOMER });
    expect(await at.fetched(providerId)).not.toHaveProperty('mandate');
  });
});

describe('a permission without a sale', () => {
  test('is given on Stripe’s page, and named by the session until then', async () => {
    const { facts, next } = valueOf(await mandates.create(at.context({ idempotencyKey: 'man_01:create:1' }), SETUP));
    expect(facts).toEqual({ providerId: expect.stringMatching(/^cs_test_/), kind: 'sepa-debit', state: 'pending' });
    expect(next).toEqual({ kind: 'redirect', url: at.stripe.session(facts.providerId).url });
    expect(at.stripe.session(facts.providerId)).toMatchObject({
      mode: 'setup',
      client_reference_id: 'man_01',
      allowed_payment_method_types: ['ideal', 'bancontact', 'sepa_debit'],
      metadata: { mandate_id: 'man_01' },
    });
    at.stripe.book.approve(facts.providerId, 'ideal');
    expect(valueOf(await mandates.fetch(at.context(), facts))).toMatchObject({
      providerId: expect.stringMatching(/^mandate_/),
      kind: 'sepa-debit',
      state: 'active',
      customer: expect.stringMatching(/^cus_/),
    });
  });

  test.each([
    ['card', 'card', /^pm_/],
    ['sepa-debit', 'sepa_debit', /^mandate_/],
    ['account', 'paypal', /^pm_/],
  ] as const)('%s by %s', async (kind, way, id) => {
    const { facts } = valueOf(await mandates.create(at.context(), { ...SETUP, kind }));
    at.stripe.book.approve(facts.providerId, way);
    expect(valueOf(await mandates.fetch(at.context(), facts))).toMatchObject({
      providerId: expect.stringMatching(id),
      kind,
      state: 'active',
    });
  });

  test('is made once under one key, and expires when nobody comes', async () => {
    const create = async (attempt: number) =>
      valueOf(await mandates.create(at.context({ idempotencyKey: 'man_01:create:1', attempt }), SETUP));
    const { facts } = await create(1);
    expect((await create(2)).facts).toEqual(facts);
    expect(at.stripe.sessions()).toHaveLength(1);
    await at.stripe.advance(2 * DAY);
    expect(valueOf(await mandates.fetch(at.context(), facts))).toMatchObject({ state: 'expired' });
  });

  test('a kind that Stripe does not have is refused', async () => {
    expect(await mandates.create(at.context(), { ...SETUP, kind: 'agreement' })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'kind',
    });
  });
});

describe('revoking', () => {
  test('takes the way of paying off its customer, once, and leaves nothing to charge', async () => {
    const mandate = await saved('ideal');
    for (const attempt of [1, 2]) {
      const context = at.context({ idempotencyKey: 'man:revoke', attempt });
      expect(valueOf(await mandates.revoke(context, mandate))).toMatchObject({ providerId: mandate.providerId, state: 'revoked' });
    }
    expect(at.stripe.log.executed('POST /v1/payment_methods/:id/detach')).toBe(1);
    expect(await charge(mandate)).toMatchObject({ kind: 'declined', code: 'mandate-revoked' });
    expect(at.stripe.log.executed('POST /v1/payment_intents')).toBe(0);
  });

  test('before the customer has approved, ends the page', async () => {
    const { facts } = valueOf(await mandates.create(at.context(), SETUP));
    expect(valueOf(await mandates.revoke(at.context({ idempotencyKey: 'man:revoke' }), facts))).toMatchObject({ state: 'revoked' });
    expect(at.stripe.session(facts.providerId).status).toBe('expired');
  });

  test('one that Stripe does not know any more is revoked', async () => {
    expect(valueOf(await mandates.fetch(at.context(), { providerId: 'pm_gone' }))).toMatchObject({
      providerId: 'pm_gone',
      state: 'revoked',
    });
  });
});

describe('a charge', () => {
  test('of a card comes at once, once under one key, and is found', async () => {
    const mandate = await saved('card');
    const first = valueOf(await charge(mandate));
    expect(first).toMatchObject({
      providerId: expect.stringMatching(/^pi_/),
      next: { kind: 'none' },
      facts: { captured: 995, method: 'card' },
    });
    expect(valueOf(await charge(mandate, { attempt: 2 })).providerId).toBe(first.providerId);
    expect(at.stripe.log.executed('POST /v1/payment_intents')).toBe(1);
    const found = valueOf(await payments.find!(at.context(), { reference: 'pay_09', notBefore: Date.now() - 60_000 }));
    expect(found?.providerId).toBe(first.providerId);
  });

  test('of an account is under way for days, comes, and may go back for eight weeks', async () => {
    const mandate = await saved('ideal');
    const { providerId, facts } = valueOf(await charge(mandate));
    expect(facts).toMatchObject({ providerState: 'processing', started: true, captured: 0 });
    await at.stripe.advance(8 * DAY);
    const settled = await at.fetched(providerId);
    expect(settled).toMatchObject({ captured: 995, method: 'sepa-debit' });
    expect((settled.provisionalUntil ?? 0) - at.stripe.clock.now()).toBeGreaterThan(54 * DAY);
  });

  test('of an account that bounces has failed, and says why', async () => {
    const mandate = await saved('ideal');
    const method = at.stripe.vault.mandate(mandate.providerId).payment_method;
    at.stripe.vault.behave(method, 'debit_not_authorized');
    const { providerId } = valueOf(await charge(mandate));
    await at.stripe.advance(8 * DAY);
    expect(await at.fetched(providerId)).toMatchObject({
      ended: 'failed',
      captured: 0,
      failure: { reason: 'mandate-revoked', providerCode: 'debit_not_authorized', retryable: false },
    });
  });

  test('that the bank declines is a payment that failed, and stays so', async () => {
    const mandate = await saved('card');
    behave(mandate, 'insufficient_funds');
    const { providerId, facts, next } = valueOf(await charge(mandate));
    expect([facts, next]).toMatchObject([
      { ended: 'failed', captured: 0, failure: { reason: 'insufficient-funds', providerCode: 'insufficient_funds', retryable: true } },
      { kind: 'none' },
    ]);
    behave(mandate, 'ok');
    expect(valueOf(await charge(mandate, { attempt: 2 })).facts).toMatchObject({ ended: 'failed' });
    expect(await at.fetched(providerId)).toMatchObject({ ended: 'failed' });
    expect(valueOf(await charge(mandate, { reference: 'pay_10' })).facts.captured).toBe(995);
  });

  describe('that wants its customer', () => {
    test('stays one payment, and leads to the bank’s page', async () => {
      const mandate = await saved('card');
      behave(mandate, 'needs-customer');
      const { providerId, facts, next } = valueOf(await charge(mandate));
      expect(next).toEqual({ kind: 'redirect', url: `${at.stripe.url}/authenticate/${providerId}` });
      expect(facts).toMatchObject({ providerState: 'requires_action', failure: { reason: 'authentication-failed', retryable: false } });
      expect(facts).not.toHaveProperty('ended');
      expect(at.stripe.intent(providerId).next_action).toMatchObject({ redirect_to_url: { return_url: ORDER.returnUrl } });
      at.stripe.book.authenticate(providerId);
      const paid = await at.fetched(providerId);
      expect(paid).toMatchObject({ captured: 995 });
      expect(paid).not.toHaveProperty('failure');
      expect(at.stripe.intents().filter(({ metadata }) => metadata['payment_id'] === 'pay_09')).toHaveLength(1);
    });

    test('has failed when the customer could not be authenticated', async () => {
      const mandate = await saved('card');
      behave(mandate, 'needs-customer');
      const { providerId } = valueOf(await charge(mandate));
      at.stripe.book.authenticate(providerId, false);
      expect(await at.fetched(providerId)).toMatchObject({
        ended: 'failed',
        failure: { reason: 'authentication-failed', retryable: false },
      });
    });

    test('is unknown while its page could not be asked for; the same key then leads there', async () => {
      const mandate = await saved('card');
      behave(mandate, 'needs-customer');
      at.stripe.faults.add({ match: '/confirm', action: '429' });
      expect((await charge(mandate)).kind).toBe('unknown');
      const { next } = valueOf(await charge(mandate, { attempt: 2 }));
      expect(next.kind).toBe('redirect');
      expect(at.stripe.log.executed('POST /v1/payment_intents/:id/confirm')).toBe(1);
    });

    test('can be cancelled before the customer comes', async () => {
      const mandate = await saved('card');
      behave(mandate, 'needs-customer');
      const { providerId } = valueOf(await charge(mandate));
      expect(valueOf(await payments.cancel!(at.context({ idempotencyKey: 'c' }), { providerId }))).toMatchObject({ ended: 'cancelled' });
    });
  });

  test('pitfall 32: a mandate that the bank ended since is declined before anything is asked, and the payment before it says so', async () => {
    const mandate = await saved('ideal');
    at.stripe.vault.endMandate(mandate.providerId);
    expect(await charge(mandate)).toMatchObject({ kind: 'declined', code: 'mandate-revoked' });
    expect(at.stripe.log.executed('POST /v1/payment_intents')).toBe(0);
  });

  test('pitfall 32: a charge that went through is not hidden by the mandate’s end', async () => {
    const mandate = await saved('ideal');
    at.stripe.quirks.add({ match: 'POST /v1/payment_intents', action: 'truncated' });
    expect((await charge(mandate)).kind).toBe('unknown');
    at.stripe.vault.endMandate(mandate.providerId);
    expect(valueOf(await charge(mandate, { attempt: 2 })).facts).toMatchObject({ providerState: 'processing' });
    expect(at.stripe.log.executed('POST /v1/payment_intents')).toBe(1);
  });

  test('of a card that is too old is declined for that', async () => {
    const mandate = await saved('card');
    await at.stripe.advance(5 * 366 * DAY);
    expect(await charge(mandate)).toMatchObject({ kind: 'declined', code: 'card-expired' });
  });

  test.each([
    [1, undefined],
    [5, 5],
    [14, 14],
  ])('of an account in %i days is given that day when Stripe takes it', async (days, given) => {
    const mandate = await saved('ideal');
    const day = (ahead: number): string => new Date(at.stripe.clock.now() + ahead * DAY).toISOString().slice(0, 10);
    valueOf(await charge(mandate, { dueOn: day(days) }));
    const line = at.stripe.log.all().findLast(({ operation }) => operation === 'POST /v1/payment_intents');
    expect(line).toMatchObject({ executed: true });
    expect(at.stripe.bodies.at(-1)).toMatchObject(
      given === undefined ? { confirm: 'true' } : { payment_method_options: { sepa_debit: { target_date: day(given) } } },
    );
  });

  test('pitfall 13: a second attempt on a day on which the debit’s date cannot be given any more says nothing of the first', async () => {
    const mandate = await saved('ideal');
    const dueOn = new Date(at.stripe.clock.now() + 3 * DAY).toISOString().slice(0, 10);
    valueOf(await charge(mandate, { dueOn }));
    // Over midnight, and not so far that the key is forgotten.
    await at.stripe.advance(DAY - (at.stripe.clock.now() % DAY) + 500);
    expect((await charge(mandate, { dueOn, attempt: 2 })).kind).toBe('unknown');
    expect(at.stripe.log.executed('POST /v1/payment_intents')).toBe(1);
  });

  test.each([
    ['dueOn', { dueOn: '2099-01-01' }],
    ['mandate', { mandate: 'cs_test_1' }],
    ['metadata', { metadata: { note: 'x'.repeat(501) } }],
  ])('is refused for its %s before anything is sent', async (field, more) => {
    expect(await charge({ providerId: 'pm_1' }, more)).toMatchObject({ kind: 'failed', reason: 'input', field });
    expect(at.stripe.log.all()).toHaveLength(0);
  });

  test('pitfall 31: Stripe itself does not try again', () => {
    expect(payments.traits?.retriesCharges).toBe(false);
  });
});
