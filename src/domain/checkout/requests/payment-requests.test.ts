import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { domainApp, type DomainApp } from '../../../../test/support/domain-app.ts';
import { SubjectReaders } from '../../../events/subject-readers.ts';
import { Payments } from '../../payments/payments.service.ts';
import { EndOverdue } from '../end-overdue.ts';
import { stateAfter, type Ending, type RequestState } from './payment-request.ts';

let http: DomainApp;
let customer: string;
beforeAll(async () => {
  http = await domainApp();
  http.provider.offers = [
    { id: 'card', title: 'Card', flows: ['redirect'] },
    { id: 'phone-app', title: 'App', flows: ['redirect', 'push'] },
  ];
  customer = String((await http.send('POST', '/v1/customers', { name: 'Mette', phone: '+4520123456' })).body['id']);
});
afterAll(() => http.close());
beforeEach(() => http.provider.missing.clear());

const eur = (amount: string) => ({ amount, currency: 'EUR' });
const MINUTE = 60_000;
const ask = async (more: object = {}) => {
  const answer = await http.send('POST', '/v1/payment-requests', { amount: eur('25.00'), customer, description: 'Coffee', ...more });
  return { ...answer, id: String(answer.body['id']), px: `px_${http.provider.created.size}` };
};
const requestOf = async (id: string) => (await http.send('GET', `/v1/payment-requests/${id}`)).body;
const refresh = async (id: string) => http.send('POST', `/v1/payments/${String((await requestOf(id))['payment'])}/refresh`);
const work = () => http.app.get(EndOverdue).endDue();
const eventsOf = async (id: string) =>
  (await http.db.ownerPool.query<{ type: string }>('select type from event where subject = $1 order by seq', [`request/${id}`])).rows.map(
    ({ type }) => type,
  );
const anInvoice = async (amount: string) => {
  const line = { description: 'work', quantity: 1, unit: eur(amount), vatRate: 0 };
  const { body } = await http.send('POST', '/v1/invoices', { customer, lines: [line] });
  await http.send('POST', `/v1/invoices/${String(body['id'])}/issue`, {});
  return String(body['id']);
};

describe('a payment request', () => {
  test('asks on the phone over several invoices, and its approval pays them by the rule chosen', async () => {
    const invoices = [await anInvoice('10.00'), await anInvoice('30.00')];
    const made = await ask({ invoices, amount: eur('20.00'), split: 'proportional' });
    expect(made).toMatchObject({ status: 201, body: { status: 'created', phone: '+4520123456', invoices } });
    expect(http.provider.created.get(made.px)).toMatchObject({
      flow: 'push',
      methods: ['phone-app'],
      customer: { phone: '+4520123456' },
      expiresAt: http.clock.now().getTime() + 1_440 * MINUTE,
    });
    http.provider.report(made.px, { captured: 2_000, started: true });
    http.clock.advance(1_000);
    await refresh(made.id);
    expect(await requestOf(made.id)).toMatchObject({ status: 'approved' });
    const paid = await Promise.all(invoices.map(async (id) => (await http.send('GET', `/v1/invoices/${id}`)).body['paid']));
    expect(paid).toEqual([eur('5.00'), eur('15.00')]);
    expect(await eventsOf(made.id)).toEqual(['request.created', 'request.approved']);
    const read = await http.app.get(SubjectReaders).read('request', http.db.tenantId, [made.id]);
    expect(read.get(made.id)).toMatchObject({ status: 'approved' });
  });

  test('is cancelled by the provider’s word', async () => {
    const made = await ask();
    expect(await http.send('POST', `/v1/payment-requests/${made.id}/cancel`)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect(http.provider.facts.get(made.px)).toMatchObject({ ended: 'cancelled' });
    expect(await eventsOf(made.id)).toEqual(['request.created', 'request.cancelled']);
    const calls = http.provider.count('payments.cancel');
    expect(await http.send('POST', `/v1/payment-requests/${made.id}/cancel`)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect(http.provider.count('payments.cancel')).toBe(calls);
  });

  test('pitfall 27: is approved when the customer was faster than the cancellation or the end, and that is said', async () => {
    const [taken, late] = [await ask(), await ask({ expiresInMinutes: 10 })];
    for (const { px } of [taken, late]) http.provider.report(px, { captured: 2_500, started: true });
    http.clock.advance(1_000);
    const answer = await http.send('POST', `/v1/payment-requests/${taken.id}/cancel`);
    expect([answer.status, answer.body['code']]).toEqual([409, 'payment-request.already-approved']);
    http.clock.advance(10 * MINUTE);
    await work();
    for (const { id } of [taken, late]) {
      expect(await requestOf(id)).toMatchObject({ status: 'approved' });
      expect(await eventsOf(id)).toEqual(['request.created', 'request.approved']);
    }
  });

  test('reminds once, and then expires at the provider too', async () => {
    const made = await ask({ expiresInMinutes: 60, remindAfterMinutes: 20 });
    for (const minutes of [19, 2, 30]) {
      http.clock.advance(minutes * MINUTE);
      await work();
    }
    expect(await eventsOf(made.id)).toEqual(['request.created', 'request.reminder-due']);
    http.clock.advance(10 * MINUTE);
    await work();
    expect(await requestOf(made.id)).toMatchObject({ status: 'expired' });
    expect(http.provider.facts.get(made.px)).toMatchObject({ ended: 'cancelled' });
    expect(await eventsOf(made.id)).toEqual(['request.created', 'request.reminder-due', 'request.expired']);
  });

  test('waits for the answer to a cancellation that was lost, and asks again', async () => {
    const made = await ask();
    http.provider.next('payments.cancel', 'does nothing, answers nothing');
    expect(await http.send('POST', `/v1/payment-requests/${made.id}/cancel`)).toMatchObject({ status: 200, body: { status: 'created' } });
    // While that answer is awaited nothing is decided.
    await work();
    expect(await requestOf(made.id)).toMatchObject({ status: 'created' });
    const { ResolveAttempts } = await import('../../payments/resolve-attempts.ts');
    http.clock.advance(2 * MINUTE);
    await http.app.get(ResolveAttempts).resolveDue();
    expect(await requestOf(made.id)).toMatchObject({ status: 'cancelled' });
  });

  test('ends with us where the provider cannot cancel, and a late approval still counts', async () => {
    http.provider.missing.add('payments.cancel');
    const made = await ask({ expiresInMinutes: 5 });
    http.clock.advance(6 * MINUTE);
    await work();
    expect(await requestOf(made.id)).toMatchObject({ status: 'expired' });
    http.provider.report(made.px, { captured: 2_500, started: true });
    http.clock.advance(1_000);
    await refresh(made.id);
    expect(await requestOf(made.id)).toMatchObject({ status: 'approved' });
  });

  test.each([
    ['declines', 'failed'],
    ['refuses', 'failed'],
    ['carries it out, answers nothing', 'created'],
  ] as const)('is known for what it is when the provider %s', async (wrong, status) => {
    http.provider.next('payments.create', wrong);
    expect((await ask()).body).toMatchObject({ status });
  });

  test('that the customer refuses is cancelled, one that the bank declines has failed', async () => {
    const [refused, declined] = [await ask(), await ask()];
    http.provider.report(refused.px, { ended: 'failed', failure: { reason: 'cancelled-by-customer', retryable: false } });
    http.provider.report(declined.px, { ended: 'failed', failure: { reason: 'insufficient-funds', retryable: true } });
    http.clock.advance(1_000);
    for (const { id } of [refused, declined]) await refresh(id);
    expect(await requestOf(refused.id)).toMatchObject({ status: 'cancelled', reason: 'cancelled-by-customer' });
    expect(await requestOf(declined.id)).toMatchObject({ status: 'failed', reason: 'insufficient-funds' });
  });

  test('repeated under its key asks once, also after its process died', async () => {
    const key = { 'idempotency-key': 'once' };
    const body = { amount: eur('1.00'), phone: '+4520123456' };
    const before = http.provider.created.size;
    http.provider.next('payments.create', 'outlives its caller');
    expect((await http.send('POST', '/v1/payment-requests', body, key)).status).toBe(500);
    const again = await http.send('POST', '/v1/payment-requests', body, key);
    expect(again).toMatchObject({ status: 201, body: { status: 'created' } });
    expect(http.provider.created.size - before).toBe(1);
  });

  test('whose process died before its payment was made is completed by a repeat, and expires without one', async () => {
    const [repeated, left] = [{ 'idempotency-key': 'dies-1' }, { 'idempotency-key': 'dies-2' }];
    const body = { amount: eur('1.00'), phone: '+4520123456', expiresInMinutes: 5 };
    const before = http.provider.created.size;
    for (const key of [repeated, left]) {
      jest.spyOn(http.app.get(Payments), 'create').mockRejectedValueOnce(new Error('killed'));
      expect((await http.send('POST', '/v1/payment-requests', body, key)).status).toBe(500);
    }
    expect((await http.send('POST', '/v1/payment-requests', body, repeated)).body).toMatchObject({
      status: 'created',
      payment: expect.stringMatching(/^pay_/),
    });
    http.clock.advance(6 * MINUTE);
    await work();
    const items = (await http.send('GET', '/v1/payment-requests?limit=2')).body['items'] as { status: string; payment: string }[];
    expect(items.map(({ status, payment }) => [status, payment === ''])).toEqual([
      ['expired', true],
      ['expired', false],
    ]);
    expect(http.provider.created.size - before).toBe(1);
  });

  test('needs a phone, a provider that can ask on one, and a reminder before its end', async () => {
    const before = http.provider.created.size;
    expect((await ask({ customer: undefined })).body).toMatchObject({ status: 422, code: 'payment-request.no-phone' });
    expect((await ask({ method: 'card' })).body).toMatchObject({ status: 409, code: 'payment-request.no-connection' });
    expect((await ask({ expiresInMinutes: 5, remindAfterMinutes: 5 })).body).toMatchObject({ code: 'payment-request.reminder' });
    expect((await http.send('POST', '/v1/payment-requests', {}, { 'idempotency-key': '' })).status).toBe(400);
    expect(http.provider.created.size).toBe(before);
  });
});

test('whatever a payment goes through, an approved request stays so, and only money approves', () => {
  const states = ['created', 'pending', 'authorized', 'completed', 'failed', 'cancelled', 'expired', 'refunded', 'charged-back'] as const;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...states)), fc.constantFrom<Ending | null>(null, 'cancel', 'expire'), (history, ending) => {
      let state: RequestState = 'created';
      for (const payment of history) state = stateAfter(state, { state: payment, failure: null }, ending) ?? state;
      expect(state === 'approved').toBe(history.some((payment) => payment === 'authorized' || payment === 'completed'));
      if (history.every((payment) => payment === 'created' || payment === 'pending')) expect(state).toBe('created');
    }),
  );
});
