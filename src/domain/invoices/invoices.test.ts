import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newUuid, uuidOf } from '../../kernel/ids.ts';
import { decimal, money } from '../../kernel/money.ts';
import { domainWorld, eur, type DomainWorld } from '../../../test/support/domain.ts';
import { totalsOf, type InvoiceLine } from './vat.ts';

const line = (unit: string, quantity: number, vatRate: number): InvoiceLine => ({ description: '', quantity, unit: eur(unit), vatRate });

describe('the totals of an invoice', () => {
  test.each<[string, InvoiceLine[], string, string]>([
    ['VAT once per rate, not per line', [line('0.03', 1, 2100), line('0.03', 1, 2100), line('0.03', 1, 2100)], '0.02', '0.11'],
    ['half a cent goes up', [line('0.50', 1, 2100), line('2.00', 1, 2100)], '0.53', '3.03'],
    ['two rates', [line('50.00', 1, 2100), line('10.00', 2, 900)], '12.30', '82.30'],
    ['no VAT', [line('19.99', 3, 0)], '0.00', '59.97'],
  ])('%s', (_, lines, vat, total) => {
    const totals = totalsOf(lines, 'EUR');
    expect([decimal(totals.vat), decimal(totals.total)]).toEqual([vat, total]);
  });

  test('add up for any lines, and the VAT of a rate is never half a cent or more from exact', () => {
    const lines = fc.array(
      fc.record({
        minor: fc.bigInt({ min: 0n, max: 10n ** 9n }),
        quantity: fc.integer({ min: 1, max: 1000 }),
        vatRate: fc.integer({ min: 0, max: 10_000 }),
      }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(lines, (list) => {
        const totals = totalsOf(
          list.map(({ minor, ...rest }) => ({ ...rest, description: '', unit: money(minor, 'EUR') })),
          'EUR',
        );
        expect(totals.net.minor + totals.vat.minor).toBe(totals.total.minor);
        for (const { rate, net, vat } of totals.rates) {
          const error = vat.minor * 20_000n - net.minor * BigInt(rate) * 2n;
          expect(error <= 10_000n && error > -10_000n).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('an invoice', () => {
  let world: DomainWorld;
  beforeAll(async () => {
    world = await domainWorld();
  });
  afterAll(() => world.db.close());
  const draft = async () => {
    const customerId = await world.aCustomer();
    return world.invoices.create(world.db.tenantId, { customerId, description: 'work', lines: [line('100.00', 1, 2100)] });
  };

  test('issued by 20 requests at once has numbers without a gap, and its books balance', async () => {
    const drafts = await Promise.all(Array.from({ length: 20 }, draft));
    const before = await world.balances();
    const issued = await Promise.all(drafts.map(({ id }) => world.invoices.issue(world.db.tenantId, uuidOf('inv', id), 14, 'test')));
    expect(issued.map(({ number }) => number).toSorted()).toEqual(
      Array.from({ length: 20 }, (_, index) => `2026-${String(index + 1).padStart(6, '0')}`),
    );
    expect(issued[0]).toMatchObject({ status: 'issued', issuedOn: '2026-11-20', dueOn: '2026-12-04', open: { amount: '121.00' } });
    const after = await world.balances();
    expect([
      (after['asset:receivable'] ?? 0) - (before['asset:receivable'] ?? 0),
      after['income:sales'],
      after['liability:vat:2100'],
    ]).toEqual([20 * 12_100, 200_000, 42_000]);
  });

  test('issued twice keeps its number; cancelled it keeps its number too, and its entry is reversed', async () => {
    const { id } = await draft();
    const books = await world.balances();
    const [first, second] = [
      await world.invoices.issue(world.db.tenantId, uuidOf('inv', id), 0, 'test'),
      await world.invoices.issue(world.db.tenantId, uuidOf('inv', id), 0, 'test'),
    ];
    expect(second).toEqual(first);
    expect(await world.invoices.cancel(world.db.tenantId, uuidOf('inv', id), 'test')).toMatchObject({
      status: 'cancelled',
      number: first?.number,
      open: { amount: '0.00' },
    });
    expect(await world.balances()).toEqual(books);
    expect(await world.eventsOf(`invoice/${id}`)).toEqual(['invoice.created', 'invoice.issued', 'invoice.cancelled']);
    await expect(world.invoices.issue(world.db.tenantId, uuidOf('inv', id), 0, 'test')).rejects.toMatchObject({
      code: 'invoice.illegal-transition',
    });
  });

  test('with money on it is not cancelled', async () => {
    const invoice = await world.anInvoice('10.00');
    const { payment } = await world.pay(invoice);
    world.provider.report(payment.providerId, { captured: 1000 });
    await world.payments.refresh(world.db.tenantId, uuidOf('pay', payment.id));
    await expect(world.invoices.cancel(world.db.tenantId, invoice, 'test')).rejects.toMatchObject({ code: 'invoice.has-payments' });
  });

  test.each([
    ['nobody', async () => ({ customerId: newUuid(), lines: [line('1.00', 1, 0)] as const }), 'customer.not-found'],
    [
      'two currencies',
      async () => ({
        customerId: await world.aCustomer(),
        lines: [line('1.00', 1, 0), { ...line('1.00', 1, 0), unit: money(100n, 'DKK') }] as const,
      }),
      'invoice.currency-mix',
    ],
    ['nothing', async () => ({ customerId: await world.aCustomer(), lines: [line('0.00', 1, 2100)] as const }), 'invoice.nothing-to-pay'],
  ])('for %s is refused and nothing is stored', async (_, wish, code) => {
    const given = await wish();
    const count = async () => Number((await world.db.ownerPool.query('select count(*) from invoice')).rows[0].count);
    const before = await count();
    await expect(
      world.invoices.create(world.db.tenantId, { description: '', ...given, lines: [...given.lines] as never }),
    ).rejects.toMatchObject({ code });
    expect(await count()).toBe(before);
  });
});
