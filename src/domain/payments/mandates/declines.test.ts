import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { MandateFacts, PaymentFailure } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { newUuid, uuidOf } from '../../../kernel/ids.ts';
import { domainWorld, type DomainWorld } from '../../../../test/support/domain.ts';
import { CHARGES_PER_INVOICE, CHARGES_PER_METHOD } from './charge-caps.ts';
import type { ChargeRequest } from './charges.service.ts';

const DAY_MS = 86_400_000;
let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());
beforeEach(() => world.clock.advance(DAY_MS));

let made = 0;
/** A customer who paid once, at the present clock time, and left a mandate behind. */
async function withMandate(more: Partial<MandateFacts> = {}, customerId?: string) {
  const customer = customerId ?? (await world.aCustomer());
  const wish = world.wish({ invoices: [{ id: await world.anInvoice('1.00', customer) }], save: true });
  const first = await world.payments.create(world.db.tenantId, wish);
  const facts: MandateFacts = { providerId: `mandate_${(made += 1)}`, kind: 'card', state: 'active', ...more };
  world.provider.mandates.set(facts.providerId, facts);
  world.provider.report(first.payment.providerId, { started: true, captured: 100, mandate: facts });
  await signal(first.payment.providerId);
  const [mandate] = await world.mandates.list(world.db.tenantId, { limit: 5, customer });
  return { customer, mandate: mandate!, facts };
}

const signal = (providerId: string) => world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId });
const charge = (invoice: string, more: Partial<ChargeRequest> = {}) =>
  world.charges.charge(world.db.tenantId, { invoices: [{ id: invoice }], metadata: {}, requestKey: newUuid(), actor: 'test', ...more });
const statusOf = async (id: string) => (await world.mandates.get(world.db.tenantId, uuidOf('man', id))).status;

/** Charges and has the bank say no at once, in these words. */
async function chargeThatFails(invoice: string, failure: Partial<PaymentFailure>) {
  const requestKey = newUuid();
  const { payment } = await charge(invoice, { requestKey });
  world.provider.report(payment.providerId, { ended: 'failed', failure: { reason: 'other', retryable: true, ...failure } });
  await signal(payment.providerId);
  return charge(invoice, { requestKey });
}

/** Charges on the days that are advised, and tells which they were, by the calendar. */
async function daysOf(invoice: string, failure: Partial<PaymentFailure>) {
  const first = world.clock.now().getTime();
  const days: number[] = [];
  for (;;) {
    const { decline, payment } = await chargeThatFails(invoice, failure);
    if (!decline?.retryAt) return { days, decline, payment };
    days.push(Math.round((Date.parse(decline.retryAt) - first) / DAY_MS));
    world.clock.advance(Date.parse(decline.retryAt) - world.clock.now().getTime());
  }
}

async function eventData(subject: string, type: string): Promise<Record<string, unknown>> {
  const { rows } = await world.db.ownerPool.query<{ data: Record<string, unknown> }>(
    'select data from event where subject = $1 and type = $2 order by seq desc limit 1',
    [subject, type],
  );
  return rows[0]?.data ?? {};
}

describe('a charge that fails', () => {
  test('acceptance 11: AM04 comes again after 7 and 14 days, then the mandate rests; MD01 ends it; MS03 comes once', async () => {
    const poor = await withMandate({ kind: 'sepa-debit' });
    // Whatever weekday the test begins on, bank days move a repeat by two days at most.
    const { days } = await daysOf(await world.anInvoice('10.00', poor.customer), { reason: 'insufficient-funds', providerCode: 'AM04' });
    expect(days).toHaveLength(2);
    expect(days.every((day, index) => day >= 7 * (index + 1) && day <= 7 * (index + 1) + 2)).toBe(true);
    await expect(charge(await world.anInvoice('5.00', poor.customer))).rejects.toMatchObject({ code: 'mandate.suspended' });

    const gone = await withMandate({ kind: 'sepa-debit' });
    const { decline } = await chargeThatFails(await world.anInvoice('10.00', gone.customer), {
      reason: 'mandate-revoked',
      providerCode: 'MD01',
    });
    expect(decline).toMatchObject({ class: 'hard', source: 'sepa', code: 'MD01', retryable: false, retryAt: '' });
    expect(await statusOf(gone.mandate.id)).toBe('revoked');

    const hidden = await withMandate({ kind: 'sepa-debit' });
    expect((await daysOf(await world.anInvoice('10.00', hidden.customer), { providerCode: 'MS03' })).days).toHaveLength(1);
  });

  test('acceptance 12: a lost card never, insufficient funds after 1, 3, 7 and 14 days, authentication never blindly', async () => {
    const { customer } = await withMandate();
    const lost = { reason: 'card-declined', providerCode: 'lost_card', retryable: false } as const;
    expect(await daysOf(await world.anInvoice('10.00', customer), lost)).toMatchObject({ days: [], decline: { class: 'hard' } });
    const poor = { reason: 'insufficient-funds' } as const;
    expect((await daysOf(await world.anInvoice('10.00', customer), poor)).days).toEqual([1, 3, 7, 14]);
  });

  test('tells everybody what kind of no it was, and the same to whoever asks later', async () => {
    const { customer } = await withMandate();
    const invoice = await world.anInvoice('10.00', customer);
    const network = { scheme: 'mastercard', code: '26' } as const;
    const { decline, payment } = await chargeThatFails(invoice, { reason: 'card-declined', network });
    expect(decline).toMatchObject({ class: 'soft', source: 'mastercard', code: '26', retryable: true });
    expect(Date.parse(decline?.retryAt ?? '') - world.clock.now().getTime()).toBeGreaterThanOrEqual(2 * DAY_MS);
    expect((await eventData(`payment/${payment.id}`, 'payment.failed'))['decline']).toEqual(decline);
  });

  test('pitfall 31: is not repeated by us where the provider itself repeats it', async () => {
    world.provider.differs = { retriesCharges: true };
    const { customer } = await withMandate({ kind: 'agreement' });
    const { decline } = await chargeThatFails(await world.anInvoice('10.00', customer), { reason: 'insufficient-funds' });
    world.provider.differs = {};
    expect(decline).toMatchObject({ class: 'soft', retryable: true, retryAt: '' });
  });

  test('acceptance 14: whose answer is lost and that succeeded all the same is not made a second time', async () => {
    const { customer } = await withMandate();
    const invoice = await world.anInvoice('7.00', customer);
    world.provider.next('payments.charge', 'carries it out, answers nothing');
    const before = world.provider.charged.size;
    const { status } = await charge(invoice);
    expect(status).toBe('pending');
    await expect(charge(invoice)).rejects.toMatchObject({ code: 'mandate.charge-open' });
    world.clock.advance(120_000);
    await world.resolver.resolveDue();
    const [providerId] = [...world.provider.created].at(-1)!;
    world.provider.report(providerId, { started: true, captured: 700 });
    await signal(providerId);
    expect(world.provider.charged.size - before).toBe(1);
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid' });
    await expect(charge(invoice)).rejects.toMatchObject({ code: 'payment.invoice-not-open' });
  });
});

describe('a direct debit that comes back', () => {
  const paid = async (invoice: string) => {
    const { payment } = await charge(invoice);
    world.provider.report(payment.providerId, { started: true, captured: 500 });
    await signal(payment.providerId);
    return payment;
  };
  const returned = async (payment: { readonly providerId: string }, reason: string) => {
    world.provider.report(payment.providerId, {
      chargedBack: 500,
      disputes: [{ providerId: `dp_${payment.providerId}`, state: 'opened', amount: 500, reason }],
    });
    await signal(payment.providerId);
  };

  test('after it was paid is told with the bank’s code and a day to try again, and its invoice is open again', async () => {
    const { customer } = await withMandate({ kind: 'sepa-debit' });
    const invoice = await world.anInvoice('5.00', customer);
    const payment = await paid(invoice);
    world.clock.advance(21 * DAY_MS);
    await returned(payment, 'AM04');
    const { decline } = await eventData(`payment/${payment.id}`, 'payment.charged-back');
    expect(decline).toMatchObject({ class: 'soft', source: 'sepa', code: 'AM04', retryAt: expect.stringMatching(/^20/) });
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'issued', open: { amount: '5.00' } });
  });

  test('because the debtor wants the money back is not taken again', async () => {
    const { customer } = await withMandate({ kind: 'sepa-debit' });
    const payment = await paid(await world.anInvoice('5.00', customer));
    await returned(payment, 'MD06');
    expect((await eventData(`payment/${payment.id}`, 'payment.charged-back'))['decline']).toMatchObject({
      class: 'customer-action',
      retryAt: '',
    });
  });

  test('twice in a row lets nothing new be collected, until one is paid or a person says so', async () => {
    const { customer, mandate } = await withMandate({ kind: 'sepa-debit' });
    for (const _turn of [1, 2]) await returned(await paid(await world.anInvoice('5.00', customer)), 'MS03');
    const next = await world.anInvoice('5.00', customer);
    const calls = world.provider.count('payments.charge');
    await expect(charge(next)).rejects.toMatchObject({ code: 'mandate.suspended' });
    expect(await world.eventsOf(`mandate/${mandate.id}`)).toEqual(['mandate.created', 'mandate.suspended']);
    expect(world.provider.count('payments.charge')).toBe(calls);
    world.clock.advance(1_000);
    await world.mandates.resume(world.db.tenantId, uuidOf('man', mandate.id), 'test');
    world.clock.advance(1_000);
    await paid(next);
    expect(await world.invoiceOf(next)).toMatchObject({ status: 'paid' });
  });
});

describe('how often a card is charged', () => {
  test('acceptance 13: never more than ten times in 30 days and eight times for an invoice, whoever charges at once', async () => {
    const step = fc.record({
      invoice: fc.integer({ min: 0, max: 2 }),
      mandate: fc.integer({ min: 0, max: 1 }),
      // Enough to meet both caps in every run.
      atOnce: fc.integer({ min: 2, max: 4 }),
      pauseDays: fc.constantFrom(0, 0, 0, 1, 11),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 10 }), async (steps) => {
        const fingerprint = newUuid();
        const one = await withMandate({ fingerprint });
        const mandates = [one.mandate.id, (await withMandate({ fingerprint }, one.customer)).mandate.id];
        const invoices = [];
        for (let count = 0; count < 3; count += 1) invoices.push(await world.anInvoice('2.00', one.customer));
        const calls: { at: number; invoice: string }[] = [];
        for (const { invoice, mandate, atOnce, pauseDays } of steps) {
          const id = invoices[invoice]!;
          const before = world.provider.count('payments.charge');
          // One may go through and is declined; the others find it open or the cap reached.
          world.provider.next('payments.charge', 'declines', 'declines', 'declines', 'declines');
          const wish = { mandateId: uuidOf('man', mandates[mandate]!) };
          await Promise.allSettled(Array.from({ length: atOnce }, () => charge(id, wish)));
          const made = world.provider.count('payments.charge') - before;
          for (let count = 0; count < made; count += 1) calls.push({ at: world.clock.now().getTime(), invoice: id });
          world.provider.next('payments.charge');
          world.clock.advance(pauseDays * DAY_MS + 1);
        }
        for (const { at } of calls) {
          const window = calls.filter((call) => call.at > at - 30 * DAY_MS && call.at <= at);
          expect(window.length).toBeLessThanOrEqual(CHARGES_PER_METHOD);
        }
        for (const id of invoices) expect(calls.filter((call) => call.invoice === id).length).toBeLessThanOrEqual(CHARGES_PER_INVOICE);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  }, 300_000);
});

test('pitfall 32: a mandate that was revoked at its provider without a word is not charged', async () => {
  const { customer, facts, mandate } = await withMandate();
  world.clock.advance(2 * 3_600_000);
  world.provider.mandates.set(facts.providerId, { ...facts, state: 'revoked' });
  const calls = world.provider.count('payments.charge');
  await expect(charge(await world.anInvoice('5.00', customer))).rejects.toMatchObject({ code: 'mandate.none' });
  expect(world.provider.count('payments.charge')).toBe(calls);
  expect(await statusOf(mandate.id)).toBe('revoked');
});
