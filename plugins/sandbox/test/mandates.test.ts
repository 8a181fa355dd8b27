import { describe, expect, test } from '@jest/globals';
import type { ChargeMandate, CreatedPayment, CreateMandate, MandateFacts, Outcome } from '@kassaflow/plugin-sdk';
import { mandates } from '../src/mandates.ts';
import { payments } from '../src/payments.ts';
import { webhook } from '../src/webhook.ts';
import { CUSTOMER, euros, Fixture, valueOf } from './fixture.ts';

const at = new Fixture();

function charge(
  { providerId }: Pick<MandateFacts, 'providerId'>,
  amount = '9.95',
  { reference = 'pay_09', attempt = 1 }: { readonly reference?: string; readonly attempt?: number } = {},
): Promise<Outcome<CreatedPayment>> {
  const { returnUrl, webhookUrl, description } = at.order();
  const request: ChargeMandate = { reference, mandate: providerId, amount: euros(amount), description, returnUrl, webhookUrl };
  return Promise.resolve(payments.charge!(at.context({ idempotencyKey: `${reference}:charge:1`, attempt }), request));
}

/** The mandate that a payment by this way leaves behind. */
async function saved(method: string): Promise<MandateFacts> {
  const { mandate } = await at.fetched(await at.paid(method, { save: true, customer: CUSTOMER }));
  if (!mandate) throw new Error('The payment left no mandate');
  return mandate;
}

function setup(kind: CreateMandate['kind'] = 'sepa-debit'): CreateMandate {
  const { returnUrl, webhookUrl } = at.order();
  return { reference: 'man_01', kind, description: 'Membership', returnUrl, webhookUrl, customer: CUSTOMER };
}

describe('a mandate', () => {
  test.each([
    ['card', 'card', 'Visa •••• 4242'],
    ['ideal', 'sepa-debit', 'NL•• SAND •••• 6789'],
    ['sepa-debit', 'sepa-debit', 'NL•• SAND •••• 6789'],
    ['wallet', 'agreement', 'Phone •••• 5678'],
  ])('is left behind by a payment by %s: %s', async (method, kind, label) => {
    expect(await saved(method)).toMatchObject({ kind, label, state: 'active', customer: expect.stringMatching(/^sbc_/) });
  });

  test('is not left behind where nobody asked for it', async () => {
    expect(await at.fetched(await at.paid('card'))).not.toHaveProperty('mandate');
  });

  test('is given on a page, made once under one key, and told of', async () => {
    const create = (attempt: number) => mandates.create(at.context({ idempotencyKey: 'man_01:create:1', attempt }), setup());
    const { facts, next } = valueOf(await create(1));
    expect(facts).toMatchObject({ kind: 'sepa-debit', state: 'pending' });
    expect(next).toEqual({ kind: 'redirect', url: new URL(`/sandbox/mandate/${facts.providerId}`, at.door.url).href });
    expect(await charge(facts)).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'mandate_pending' });
    await at.press(`mandate/${facts.providerId}/approve`);
    expect(valueOf(await create(2))).toMatchObject({ facts: { providerId: facts.providerId, state: 'active' }, next: { kind: 'none' } });
    const [delivery] = await at.door.atLeast(1);
    expect(await webhook.translate(at.context(), delivery!)).toMatchObject([
      { kind: 'mandate', type: 'mandate.active', providerId: facts.providerId, reference: 'man_01' },
    ]);
  });

  test('is not given by a customer who says no', async () => {
    const { facts } = valueOf(await mandates.create(at.context(), setup('card')));
    await at.press(`mandate/${facts.providerId}/decline`);
    expect(valueOf(await mandates.fetch(at.context(), facts))).toMatchObject({ state: 'revoked' });
  });

  test('is revoked by us or at the bank, and declined from then on', async () => {
    const [ours, theirs] = [await saved('card'), valueOf(await mandates.create(at.context({ idempotencyKey: 'm' }), setup('card'))).facts];
    for (const attempt of [1, 2])
      expect(valueOf(await mandates.revoke(at.context({ idempotencyKey: 'r', attempt }), ours))).toMatchObject({ state: 'revoked' });
    await at.press(`mandate/${theirs.providerId}/approve`);
    await at.press(`mandates/${theirs.providerId}/revoke`);
    for (const [index, mandate] of [ours, theirs].entries())
      expect(await charge(mandate, '9.95', { reference: `pay_1${index}` })).toMatchObject({ kind: 'declined', code: 'mandate-revoked' });
  });
});

describe('a charge', () => {
  test('of a card comes at once, once under one key, and is found', async () => {
    const mandate = await saved('card');
    const first = valueOf(await charge(mandate));
    expect(first).toMatchObject({ facts: { captured: 995, method: 'card', fee: 29 }, next: { kind: 'none' } });
    expect(valueOf(await charge(mandate, '9.95', { attempt: 2 })).providerId).toBe(first.providerId);
    const found = valueOf(await payments.find!(at.context(), { reference: 'pay_09', notBefore: 0 }));
    expect(found?.providerId).toBe(first.providerId);
  });

  test('of an account is under way, comes, and may go back for eight weeks', async () => {
    const { providerId, facts } = valueOf(await charge(await saved('ideal')));
    expect(facts).toMatchObject({ providerState: 'pending', started: true, captured: 0 });
    const came = await at.hasten(providerId, ({ captured }) => captured > 0);
    expect(came).toMatchObject({ captured: 995, method: 'sepa-debit' });
    expect(came.provisionalUntil).toBeGreaterThan(Date.now() + 55 * 86_400_000);
  });

  test.each([
    ['1001.00', 'insufficient-funds', true],
    ['1002.00', 'card-expired', false],
    ['1005.00', 'fraud', false],
    ['1008.00', 'mandate-revoked', false],
    ['1009.00', 'technical', true],
  ])('of %s is a payment that failed: %s', async (amount, reason, retryable) => {
    const { facts } = valueOf(await charge(await saved('card'), amount));
    expect(facts).toMatchObject({ ended: 'failed', captured: 0, failure: { reason, retryable } });
  });

  test('of 1001.00 from an account bounces a moment later', async () => {
    const { providerId, facts } = valueOf(await charge(await saved('ideal'), '1001.00'));
    expect(facts).toMatchObject({ providerState: 'pending' });
    expect(await at.hasten(providerId, ({ ended }) => ended === 'failed')).toMatchObject({ failure: { reason: 'insufficient-funds' } });
  });

  test('of 1010.00 wants its customer, and is paid on the page that it leads to', async () => {
    const { providerId, facts, next } = valueOf(await charge(await saved('card'), '1010.00'));
    expect(facts).toMatchObject({ providerState: 'open', failure: { reason: 'authentication-failed', retryable: false } });
    expect(facts).not.toHaveProperty('ended');
    expect(next).toMatchObject({ kind: 'redirect', url: new URL(`/sandbox/pay/${providerId}`, at.door.url).href });
    await at.press(`pay/${providerId}/pay`);
    const paid = await at.fetched(providerId);
    expect(paid).toMatchObject({ captured: 101_000 });
    expect(paid).not.toHaveProperty('failure');
  });

  test('of 1011.00 from an account comes and is given back by its bank', async () => {
    const { providerId } = valueOf(await charge(await saved('ideal'), '1011.00'));
    expect(await at.hasten(providerId, ({ chargedBack }) => chargedBack > 0)).toMatchObject({
      captured: 101_100,
      chargedBack: 101_100,
      disputes: [{ state: 'lost', reason: 'MD06', amount: 101_100 }],
      failure: { reason: 'cancelled-by-customer', retryable: false },
    });
  });
});
