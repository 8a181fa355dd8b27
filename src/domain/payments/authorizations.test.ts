import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isKassaflowError } from '../../kernel/errors.ts';
import { newUuid, uuidOf } from '../../kernel/ids.ts';
import { domainWorld, eur, type DomainWorld } from '../../../test/support/domain.ts';
import type { PaymentView } from './payments.service.ts';

let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());
beforeEach(async () => {
  world.clock.advance(60_000);
  await world.resolver.resolveDue();
});

/** An invoice of 100.00 whose payment is authorized in full. */
async function authorized(): Promise<{ view: PaymentView; invoice: string }> {
  const invoice = await world.anInvoice('100.00');
  const view = await world.payments.create(world.db.tenantId, world.wish({ invoices: [{ id: invoice }], capture: 'manual' }));
  world.provider.report(view.payment.providerId, { started: true, authorized: 10_000 });
  await refresh(view);
  return { view, invoice };
}
const idOfView = ({ payment }: PaymentView) => uuidOf('pay', payment.id);
const refresh = (view: PaymentView) => {
  world.clock.advance(1_000);
  return world.payments.refresh(world.db.tenantId, idOfView(view));
};
const wish = (view: PaymentView, more: object = {}) => ({ paymentId: idOfView(view), requestKey: newUuid(), actor: 'key/test', ...more });
const capture = (view: PaymentView, more: object = {}) => {
  world.clock.advance(1_000);
  return world.authorizations.capture(world.db.tenantId, wish(view, more));
};
const cancel = (view: PaymentView, more: object = {}) => {
  world.clock.advance(1_000);
  return world.authorizations.cancel(world.db.tenantId, wish(view, more));
};
const now = async (view: PaymentView) => (await world.payments.get(world.db.tenantId, idOfView(view))).payment;
const events = ({ payment }: PaymentView) => world.eventsOf(`payment/${payment.id}`);
const attempts = async (view: PaymentView) =>
  (
    await world.db.ownerPool.query<{ operation: string; state: string }>(
      `select operation, state from payment_attempt where payment_id = $1 and operation <> 'create' order by started_at, number`,
      [idOfView(view)],
    )
  ).rows.map(({ operation, state }) => `${operation} ${state}`);

describe('a capture', () => {
  test('of all that is reserved completes the payment and pays its invoice', async () => {
    const { view, invoice } = await authorized();
    expect((await capture(view)).payment).toMatchObject({ status: 'completed', captured: { amount: '100.00' } });
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid' });
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.completed']);
    expect(await attempts(view)).toEqual(['capture done']);
  });

  test('in parts completes it with the first, because that is what was asked for', async () => {
    const { view, invoice } = await authorized();
    expect((await capture(view, { amount: eur('60.00') })).payment).toMatchObject({ status: 'completed', captured: { amount: '60.00' } });
    expect(await world.invoiceOf(invoice)).toMatchObject({ open: { amount: '40.00' } });
    expect((await capture(view, { amount: eur('40.00') })).payment).toMatchObject({ captured: { amount: '100.00' } });
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid' });
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.completed']);
    expect(await world.imbalance()).toEqual([]);
  });

  test('of which the provider takes more than was asked is a mismatch', async () => {
    const { view } = await authorized();
    await capture(view, { amount: eur('60.00') });
    world.provider.report(view.payment.providerId, { captured: 7_000 });
    await refresh(view);
    expect(await events(view)).toContain('payment.amount-mismatch');
  });

  test('whose webhook comes before its answer is no mismatch', async () => {
    const { view } = await authorized();
    world.provider.next('payments.capture', 'carries it out, answers nothing');
    expect((await capture(view, { amount: eur('60.00') })).payment.status).toBe('authorized');
    await refresh(view);
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.completed']);
  });

  test('that is still under way beside an earlier one is no mismatch either', async () => {
    const { view } = await authorized();
    await capture(view, { amount: eur('60.00') });
    world.provider.next('payments.capture', 'does nothing, answers nothing');
    await capture(view, { amount: eur('40.00') });
    await refresh(view);
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.completed']);
    world.clock.advance(60_000);
    await world.resolver.resolveDue();
    expect((await now(view)).captured.amount).toBe('100.00');
  });

  test('is made once however often the request is repeated', async () => {
    const { view } = await authorized();
    const before = world.provider.count('payments.capture');
    const requestKey = newUuid();
    await Promise.all([1, 2, 3].map(() => capture(view, { requestKey, amount: eur('10.00') }).catch(() => undefined)));
    await capture(view, { requestKey, amount: eur('10.00') });
    expect(world.provider.count('payments.capture') - before).toBe(1);
    expect((await now(view)).captured.amount).toBe('10.00');
  });

  test.each([
    ['carries it out, answers nothing', 1, 'completed', 'capture done'],
    ['does nothing, answers nothing', 1, 'completed', 'capture done'],
    ['carries it out, answers nothing', 50, 'completed', 'capture done'],
    ['does nothing, answers nothing', 50, 'authorized', 'capture failed'],
  ] as const)(
    'without an answer, when the provider %s, is decided after %i minutes: %s',
    async (misbehaviour, minutes, status, attempt) => {
      const { view } = await authorized();
      world.provider.next('payments.capture', misbehaviour);
      await capture(view);
      await expect(capture(view)).rejects.toMatchObject({ code: 'payment.busy' });
      world.clock.advance(minutes * 60_000);
      await world.resolver.resolveDue();
      expect([(await now(view)).status, await attempts(view)]).toEqual([status, [attempt]]);
      expect(await world.resolver.resolveDue()).toBe(0);
    },
  );

  test('whose process died is resolved by another', async () => {
    const { view } = await authorized();
    world.provider.next('payments.capture', 'outlives its caller');
    await expect(capture(view)).rejects.toThrow('killed');
    expect([(await now(view)).status, await attempts(view)]).toEqual(['authorized', ['capture sending']]);
    world.clock.advance(20_000);
    expect(await world.resolver.resolveDue()).toBe(1);
    expect([(await now(view)).status, await attempts(view)]).toEqual(['completed', ['capture done']]);
  });

  test('and many others whose process died are resolved side by side, each once', async () => {
    const views: PaymentView[] = [];
    for (let index = 0; index < 30; index += 1) views.push((await authorized()).view);
    world.provider.next('payments.capture', ...views.map(() => 'outlives its caller' as const));
    const before = world.provider.count('payments.capture');
    await Promise.all(views.map((view) => capture(view).catch(() => undefined)));
    world.clock.advance(20_000);
    expect(await world.resolver.resolveDue()).toBe(30);
    expect(world.provider.count('payments.capture') - before).toBe(60);
    for (const view of views) expect([(await now(view)).status, await attempts(view)]).toEqual(['completed', ['capture done']]);
    expect(await world.resolver.resolveDue()).toBe(0);
  });

  test('is not settled by a repeat that did not reach the provider', async () => {
    const { view } = await authorized();
    world.provider.next('payments.capture', 'carries it out, answers nothing', 'is unreachable');
    await capture(view);
    world.clock.advance(60_000);
    await world.resolver.resolveDue();
    expect(await attempts(view)).toEqual(['capture unknown']);
    world.clock.advance(5 * 60_000);
    await world.resolver.resolveDue();
    expect(await attempts(view)).toEqual(['capture done']);
  });

  test('that the provider refuses is told, also to a repeat, and leaves the money to another try', async () => {
    const { view } = await authorized();
    world.provider.next('payments.capture', 'refuses');
    const requestKey = newUuid();
    for (const _ of [1, 2]) await expect(capture(view, { requestKey })).rejects.toMatchObject({ code: 'payment.refused' });
    expect((await capture(view)).payment.status).toBe('completed');
  });

  test.each([
    ['K12 of more than is reserved', async () => ({ view: (await authorized()).view, amount: eur('100.01') }), 'payment.capture-exceeds'],
    [
      'K12 in another currency',
      async () => ({ view: (await authorized()).view, amount: { ...eur('5.00'), currency: 'NOK' } }),
      'payment.currency-mix',
    ],
    ['of nothing reserved', async () => ({ view: await world.pay(await world.anInvoice('5.00')) }), 'payment.capture-state'],
    [
      'of a payment of nobody',
      async () => ({ view: { payment: { id: 'pay_01jd3k4m5n6p7q8r9s0t1v2w3x' } } as PaymentView }),
      'payment.not-found',
    ],
  ])('%s is refused and nothing is sent', async (_, arrange, code) => {
    const { view, ...more } = await arrange();
    const before = world.provider.count('payments.capture');
    await expect(capture(view, more)).rejects.toMatchObject({ code });
    expect([world.provider.count('payments.capture'), await attempts(view)]).toEqual([before, []]);
  });

  test('through a provider that cannot is refused, and no payment is made there that would need it', async () => {
    const { view } = await authorized();
    world.provider.missing.add('payments.capture');
    await expect(capture(view)).rejects.toMatchObject({ code: 'payment.not-supported' });
    const manual = world.wish({ amount: eur('5.00'), capture: 'manual' });
    await expect(world.payments.create(world.db.tenantId, manual)).rejects.toMatchObject({ code: 'payment.no-connection' });
    world.provider.missing.clear();
  });
});

describe('a cancellation', () => {
  test.each([
    ['that is open', {}],
    ['whose money is reserved', { started: true, authorized: 10_000 }],
  ])('of a payment %s ends it', async (_, facts) => {
    const view = await world.pay(await world.anInvoice('100.00'));
    world.provider.report(view.payment.providerId, facts);
    await refresh(view);
    expect((await cancel(view)).payment.status).toBe('cancelled');
    expect((await events(view)).at(-1)).toBe('payment.cancelled');
    await expect(cancel(view)).rejects.toMatchObject({ code: 'payment.cancel-state' });
  });

  test('of a payment that took money is refused', async () => {
    const { view } = await authorized();
    await capture(view, { amount: eur('1.00') });
    await expect(cancel(view)).rejects.toMatchObject({ code: 'payment.cancel-state' });
  });

  test.each([
    ['carries it out, answers nothing', 'cancelled', 'cancel done'],
    ['does nothing, answers nothing', 'authorized', 'cancel failed'],
  ] as const)(
    'without an answer, when the provider %s and forgot the key, is read off the facts: %s',
    async (misbehaviour, status, attempt) => {
      const { view } = await authorized();
      world.provider.next('payments.cancel', misbehaviour);
      await cancel(view);
      world.clock.advance(50 * 60_000);
      await world.resolver.resolveDue();
      expect([(await now(view)).status, await attempts(view)]).toEqual([status, [attempt]]);
    },
  );
});

/** What may happen to an authorized payment of 100.00; amounts in cents. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('capture' as const), minor: fc.integer({ min: 1, max: 12_000 }) }),
  fc.record({ kind: fc.constant('refund' as const), minor: fc.integer({ min: 1, max: 12_000 }) }),
  fc.record({ kind: fc.constantFrom('cancel' as const, 'refresh' as const, 'resolve' as const) }),
  fc.record({
    kind: fc.constantFrom('lose the answer' as const, 'lose the call' as const),
    of: fc.constantFrom('capture', 'cancel', 'refund'),
  }),
);

test('captures, refunds and cancellations in any order, with lost calls and answers, book what the provider took and no more', async () => {
  const carryOut = async (view: PaymentView, one: StepOf<typeof step>) => {
    switch (one.kind) {
      case 'capture':
        return capture(view, { amount: money(one.minor) });
      case 'refund':
        return world.refunds.request(world.db.tenantId, {
          ...wish(view),
          reason: '',
          credits: 0,
          awaitApproval: false,
          amount: money(one.minor),
        });
      case 'cancel':
        return cancel(view);
      case 'refresh':
        return refresh(view);
      case 'resolve':
        world.clock.advance(60_000);
        return world.resolver.resolveDue();
      case 'lose the answer':
      case 'lose the call':
        world.provider.next(
          `payments.${one.of}` as never,
          one.kind === 'lose the call' ? 'does nothing, answers nothing' : 'carries it out, answers nothing',
        );
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const { view, invoice } = await authorized();
      for (const one of steps) {
        await carryOut(view, one).catch((error: unknown) => {
          // No is an answer; anything else is a defect.
          if (!isKassaflowError(error) || error.spec.status >= 500) throw error;
        });
        const { captured } = await now(view);
        expect(centsOf(captured)).toBeLessThanOrEqual(factsOf(view).captured);
      }
      for (const method of ['payments.capture', 'payments.cancel', 'payments.refund'] as const) world.provider.next(method);
      world.clock.advance(200 * 60_000);
      await world.resolver.resolveDue();
      await refresh(view);
      const { authorized: reserved, captured, refunded } = factsOf(view);
      expect(captured).toBeLessThanOrEqual(reserved);
      expect(refunded).toBeLessThanOrEqual(captured);
      expect(await bookedOn(view)).toBe(captured - refunded);
      expect(centsOf((await world.invoiceOf(invoice)).paid)).toBe(captured - refunded);
      expect(await events(view)).not.toContain('payment.amount-mismatch');
      expect(await world.imbalance()).toEqual([]);
    }),
    { numRuns: 40 },
  );
}, 120_000);

type StepOf<A> = A extends fc.Arbitrary<infer T> ? T : never;

const money = (minor: number) => ({ ...eur('1.00'), minor: BigInt(minor) });
const centsOf = ({ amount }: { amount: string }) => Number(amount.replace('.', ''));
const factsOf = ({ payment }: PaymentView) => {
  const facts = world.provider.facts.get(payment.providerId);
  if (!facts) throw new Error('the provider does not know the payment');
  return facts;
};
/** What our books say came in for a payment, less what went back. */
async function bookedOn({ payment }: PaymentView): Promise<number> {
  const { rows } = await world.db.ownerPool.query<{ minor: string }>(
    `select coalesce(sum(case l.side when 'debit' then l.minor else -l.minor end), 0) as minor
     from ledger_entry e join ledger_line l on l.entry_id = e.id join ledger_account a on a.id = l.account_id
     where e.subject = $1 and a.code like 'asset:clearing:%'`,
    [`payment/${payment.id}`],
  );
  return Number(rows[0]?.minor);
}
