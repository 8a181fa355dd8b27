import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { MandateFacts } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { idOf, newUuid, uuidOf } from '../../../kernel/ids.ts';
import { awaitedNews, STILL_WAITING } from '../../../plugin-host/action-call.ts';
import { domainWorld, type DomainWorld } from '../../../../test/support/domain.ts';
import type { ChargeRequest } from './charges.service.ts';
import { lapsesAt, mandateEvent, mandateState, type KnownMandate, type MandateState } from './mandate.ts';

const DAY_MS = 86_400_000;
let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());
beforeEach(() => world.clock.advance(60_000));

let made = 0;
/** A customer who paid once and left a mandate behind. */
async function withMandate(more: Partial<MandateFacts> = {}) {
  const customer = await world.aCustomer();
  const first = await world.payments.create(
    world.db.tenantId,
    world.wish({ invoices: [{ id: await world.anInvoice('1.00', customer) }], save: true }),
  );
  const facts: MandateFacts = {
    providerId: `mdt_${(made += 1)}`,
    kind: 'card',
    state: 'active',
    customer: 'cst_1',
    label: 'Visa •••• 4242',
    ...more,
  };
  world.provider.mandates.set(facts.providerId, facts);
  world.provider.report(first.payment.providerId, { started: true, captured: 100, mandate: facts });
  await signal(first.payment.providerId);
  const [mandate] = await world.mandates.list(world.db.tenantId, { limit: 5, customer });
  return { customer, first, facts, mandate };
}

const signal = (providerId: string) => world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId });
const charge = (invoice: string, more: Partial<ChargeRequest> = {}) =>
  world.charges.charge(world.db.tenantId, { invoices: [{ id: invoice }], metadata: {}, requestKey: newUuid(), actor: 'test', ...more });
const mandateOf = (id: string) => world.mandates.get(world.db.tenantId, uuidOf('man', id));

describe('a mandate', () => {
  test('comes of a payment that saves, and its customer has one from then on', async () => {
    const { customer, first, mandate } = await withMandate();
    expect(world.provider.created.get(first.payment.providerId)).toMatchObject({ save: true });
    expect(mandate).toMatchObject({ status: 'active', method: 'card', label: 'Visa •••• 4242', provider: 'acme' });
    expect((await world.customers.get(world.db.tenantId, customer)).hasMandate).toBe(true);
    await signal(first.payment.providerId);
    expect(await world.eventsOf(`mandate/${mandate?.id}`)).toEqual(['mandate.created']);
  });

  test('is asked about when the provider signals it, and a revoked one is over for good', async () => {
    const { facts, mandate, customer } = await withMandate();
    world.provider.mandates.set(facts.providerId, { ...facts, state: 'revoked' });
    await world.mandates.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: facts.providerId });
    world.provider.mandates.set(facts.providerId, facts);
    world.clock.advance(1_000);
    await world.mandates.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: facts.providerId });
    expect((await mandateOf(mandate!.id)).status).toBe('revoked');
    expect(await world.eventsOf(`mandate/${mandate?.id}`)).toEqual(['mandate.created', 'mandate.revoked']);
    await expect(charge(await world.anInvoice('5.00', customer))).rejects.toMatchObject({ code: 'mandate.none' });
  });

  test('is revoked here even when the provider cannot be reached', async () => {
    const { facts, mandate } = await withMandate();
    world.provider.next('mandates.revoke', 'is unreachable');
    expect(await world.mandates.revoke(world.db.tenantId, uuidOf('man', mandate!.id), 'test')).toMatchObject({ status: 'revoked' });
    expect(await world.mandates.revoke(world.db.tenantId, uuidOf('man', mandate!.id), 'test')).toMatchObject({ status: 'revoked' });
    expect(world.provider.mandates.get(facts.providerId)?.state).toBe('revoked');
    expect(await world.eventsOf(`mandate/${mandate?.id}`)).toEqual(['mandate.created', 'mandate.revoked']);
  });

  test('that nobody charged for 36 months lapses', async () => {
    const { customer, mandate } = await withMandate();
    world.clock.advance(3 * 366 * DAY_MS);
    await expect(charge(await world.anInvoice('5.00', customer))).rejects.toMatchObject({ code: 'mandate.none' });
    await world.lapser.lapseDue();
    expect((await mandateOf(mandate!.id)).status).toBe('expired');
    expect(await world.eventsOf(`mandate/${mandate?.id}`)).toEqual(['mandate.created', 'mandate.expired']);
  });

  test('is nobody else’s to see', async () => {
    const { mandate } = await withMandate();
    const other = await world.db.addTenant('other');
    await expect(world.mandates.get(other, uuidOf('man', mandate!.id))).rejects.toMatchObject({ code: 'mandate.not-found' });
    expect(await world.mandates.list(other, { limit: 5 })).toEqual([]);
  });
});

describe('a charge', () => {
  test('is a payment under the mandate, made once for its request, and pays the invoice when bank or scheme says so', async () => {
    const { customer, facts } = await withMandate();
    const invoice = await world.anInvoice('60.50', customer);
    const requestKey = newUuid();
    const views = await Promise.all([1, 2, 3].map(() => charge(invoice, { requestKey })));
    expect(new Set(views.map(({ payment }) => payment.id)).size).toBe(1);
    const { payment } = await charge(invoice, { requestKey });
    expect(world.provider.charged.get(payment.id)).toMatchObject({
      mandate: facts.providerId,
      customer: 'cst_1',
      amount: { amount: '60.50' },
    });
    world.provider.report(payment.providerId, { started: true, captured: 6050 });
    await signal(payment.providerId);
    expect(await charge(invoice, { requestKey })).toMatchObject({ status: 'completed' });
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid' });
    expect(await world.imbalance()).toEqual([]);
  });

  test('whose answer is lost is sent again with the same key, and one that was never made is not taken for done', async () => {
    const { customer } = await withMandate();
    const invoice = await world.anInvoice('7.00', customer);
    const requestKey = newUuid();
    world.provider.next('payments.charge', 'carries it out, answers nothing');
    const before = world.provider.charged.size;
    expect((await charge(invoice, { requestKey })).payment.providerId).toBe('');
    world.clock.advance(120_000);
    await world.resolver.resolveDue();
    expect(world.provider.charged.size - before).toBe(1);
    expect((await charge(invoice, { requestKey })).payment.providerId).not.toBe('');
  });

  test('that is declined says what kind of no it was', async () => {
    const { customer } = await withMandate();
    world.provider.next('payments.charge', 'declines');
    expect(await charge(await world.anInvoice('7.00', customer))).toMatchObject({
      status: 'failed',
      payment: { reason: 'insufficient-funds' },
      decline: { class: 'soft', source: 'ours', code: 'insufficient-funds', retryable: true },
    });
  });

  test('in a flow waits for the last word without using up an attempt, and finds it by the same key', async () => {
    const { customer } = await withMandate({ kind: 'sepa-debit' });
    const action = world.actions.find('payment.charge');
    const input = { invoice: idOf('inv', await world.anInvoice('12.00', customer)) };
    const call = {
      tenantId: world.db.tenantId,
      action: 'payment.charge',
      input,
      idempotencyKey: newUuid(),
      attempt: 1,
      runId: newUuid(),
      step: 'charge',
    };
    const run = () => action?.run({ ...call, timeoutMs: 1_000 }, AbortSignal.timeout(30_000));
    world.provider.hasNoNextStep = true;
    const first = await run();
    expect(first).toMatchObject({ kind: 'failed', code: STILL_WAITING, retryAfterMs: 5_000 });
    const [, opened] = [...world.provider.created].at(-1)!;
    // What wakes the run before its pause is over.
    expect(awaitedNews(first)).toMatchObject({
      events: expect.arrayContaining(['payment.completed', 'payment.failed']),
      path: 'payment.id',
      value: opened.reference,
    });
    world.provider.hasNoNextStep = false;
    world.clock.advance(3 * DAY_MS);
    expect(await run()).toMatchObject({ code: STILL_WAITING, retryAfterMs: 6 * 3_600_000 });
    const [id, { reference }] = [...world.provider.created].at(-1)!;
    world.provider.report(id, { started: true, captured: 1200 });
    await signal(id);
    expect(await run()).toMatchObject({ kind: 'ok', value: { status: 'completed', payment: reference, retryAt: '' } });
  });

  test('that comes back because the account is closed ends its mandate', async () => {
    const { customer, mandate } = await withMandate({ kind: 'sepa-debit' });
    const { payment } = await charge(await world.anInvoice('9.00', customer));
    world.provider.report(payment.providerId, {
      ended: 'failed',
      failure: { reason: 'account-closed', providerCode: 'AC04', retryable: false },
    });
    await signal(payment.providerId);
    expect((await mandateOf(mandate!.id)).status).toBe('revoked');
  });

  test('is refused before the provider hears of it, the eleventh time for one card in 30 days, over all its mandates', async () => {
    const fingerprint = newUuid();
    const [one, other] = [await withMandate({ fingerprint }), await withMandate({ fingerprint })];
    for (let turn = 0; turn < 10; turn += 1) await charge(await world.anInvoice('1.00', turn % 2 ? one.customer : other.customer));
    const calls = world.provider.count('payments.charge');
    await expect(charge(await world.anInvoice('1.00', one.customer))).rejects.toMatchObject({ code: 'mandate.cap' });
    expect(world.provider.count('payments.charge')).toBe(calls);
    world.clock.advance(31 * DAY_MS);
    expect((await charge(await world.anInvoice('1.00', one.customer))).status).toBe('pending');
  });

  test('is not begun while another one of the invoice has no last word, also when both are asked for at once', async () => {
    const { customer } = await withMandate();
    const invoice = await world.anInvoice('30.00', customer);
    const calls = world.provider.count('payments.charge');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => charge(invoice)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const problems = results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as { code: string }).code] : []));
    expect(new Set(problems)).toEqual(new Set(['mandate.charge-open']));
    expect(world.provider.count('payments.charge') - calls).toBe(1);
  });

  test('is refused the ninth time for one invoice', async () => {
    const { customer } = await withMandate();
    const invoice = await world.anInvoice('1.00', customer);
    for (let turn = 0; turn < 8; turn += 1) {
      world.provider.next('payments.charge', 'declines');
      await charge(invoice);
    }
    await expect(charge(invoice)).rejects.toMatchObject({ code: 'mandate.cap', facts: { counted: 'invoice' } });
  });

  test('never goes to a mandate of another customer', async () => {
    const [one, other] = [await withMandate(), await withMandate()];
    const invoice = await world.anInvoice('1.00', one.customer);
    await expect(charge(invoice, { mandateId: uuidOf('man', other.mandate!.id) })).rejects.toMatchObject({
      code: 'mandate.other-customer',
    });
  });
});

describe('the state of a mandate', () => {
  const states = fc.constantFrom<MandateState>('pending', 'active', 'revoked', 'expired');
  const now = new Date('2026-11-20T10:00:00Z');

  test('ends in what the newest report says, whatever came late or twice; revoked stays', () => {
    const reports = fc.array(fc.record({ state: states, at: fc.integer({ min: 0, max: 20 }) }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(reports, (list) => {
        let known: KnownMandate | undefined;
        const events: string[] = [];
        for (const { state, at } of [...list, ...list]) {
          const fetchedAt = new Date(at);
          const next = mandateState(known, { state }, { fetchedAt, now });
          if (next === undefined) continue;
          const event = mandateEvent(known?.state, next);
          if (event) events.push(event);
          if (known?.state === 'revoked') expect(next).toBe('revoked');
          if (known?.state === 'active') expect(next).not.toBe('pending');
          known = { state: next, usedAt: now, fetchedAt };
        }
        expect(events.filter((type) => type === 'mandate.revoked').length).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('lapses 36 months after its last use, or sooner when the provider says so', () => {
    expect(lapsesAt(new Date('2026-11-20T10:00:00Z'), undefined)).toEqual(new Date('2029-11-20T10:00:00Z'));
    expect(lapsesAt(new Date('2026-11-20T10:00:00Z'), new Date('2027-01-31T00:00:00Z'))).toEqual(new Date('2027-01-31T00:00:00Z'));
  });
});
