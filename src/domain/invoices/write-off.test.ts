import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newUuid } from '../../kernel/ids.ts';
import { money } from '../../kernel/money.ts';
import { NewPayment } from '../payments/index.ts';
import { domainWorld, type DomainWorld } from '../../../test/support/domain.ts';
import { covered, openOf, roomOf } from './invoice.ts';
import type { InvoiceRow } from './invoice.entity.ts';

let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());

const writeOff = (invoice: string) => world.invoices.writeOff(world.db.tenantId, invoice, 'gone', 'test');
const report = async (providerId: string, change: object) => {
  world.clock.advance(60_000);
  world.provider.report(providerId, { started: true, ...change });
  await world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId });
};

test('what is open is given up as a loss, and money that comes all the same takes it back', async () => {
  const invoice = await world.anInvoice('100.00');
  const pay = (amount: string) =>
    world.payments.create(world.db.tenantId, world.wish({ invoices: [{ id: invoice }], amount: money(BigInt(amount), 'EUR') }));
  const [part, late] = [await pay('4000'), await pay('6000')];
  await report(part.payment.providerId, { captured: 4000 });
  expect(await writeOff(invoice)).toMatchObject({ status: 'written-off', open: { amount: '0.00' }, paid: { amount: '40.00' } });
  expect(await writeOff(invoice)).toMatchObject({ status: 'written-off' });
  expect(await world.balances()).toMatchObject({ 'expense:bad-debts': 6000 });
  expect(await world.balances()).not.toHaveProperty('asset:receivable');

  await report(late.payment.providerId, { captured: 2500 });
  expect(await world.balances()).toMatchObject({ 'expense:bad-debts': 3500 });
  await report(part.payment.providerId, { captured: 4000, chargedBack: 4000 });
  expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'issued', open: { amount: '40.00' }, paid: { amount: '25.00' } });
  await report(part.payment.providerId, { captured: 4000, chargedBack: 0 });
  expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'written-off', open: { amount: '0.00' } });
  await report(late.payment.providerId, { captured: 6000 });
  expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid', paid: { amount: '100.00' } });
  expect(await world.balances()).not.toHaveProperty('expense:bad-debts');
  expect(await world.imbalance()).toEqual([]);
});

test('what was given up can be paid by whoever wants to, and no mandate is charged for it', async () => {
  const invoice = await world.anInvoice('10.00');
  await writeOff(invoice);
  const newPayment = new NewPayment(world.invoices, world.provider);
  const wish = world.wish({ invoices: [{ id: invoice }] });
  const charge = { mandate: { id: newUuid(), connectionId: world.connectionId, providerId: 'm_1' } };
  const plan = (more: object) => world.db.database.transact(world.db.tenantId, (tx) => newPayment.plan(tx, { ...wish, ...more }));
  expect(await plan({})).toMatchObject({ amount: money(1000n, 'EUR'), intents: [{ id: invoice, intended: 1000n }] });
  await expect(plan({ charge })).rejects.toMatchObject({ code: 'payment.invoice-not-open' });
});

test('a draft, a paid and a cancelled invoice have nothing to give up', async () => {
  const paid = await world.anInvoice('10.00');
  const { payment } = await world.pay(paid);
  await report(payment.providerId, { captured: 1000 });
  await expect(writeOff(paid)).rejects.toMatchObject({ code: 'invoice.nothing-open' });
  const cancelled = await world.anInvoice('10.00');
  await world.invoices.cancel(world.db.tenantId, cancelled, 'test');
  await expect(writeOff(cancelled)).rejects.toMatchObject({ code: 'invoice.nothing-open' });
});

test('however money comes and goes, what is paid, open and given up is the total', () => {
  const changes = fc.array(fc.bigInt({ min: -120n, max: 120n }), { maxLength: 20 });
  fc.assert(
    fc.property(changes, fc.bigInt({ min: 1n, max: 100n }), (list, paidFirst) => {
      // All that `covered` and `openOf` look at.
      let invoice = {
        state: 'written-off',
        currency: 'EUR',
        totalMinor: 100n,
        paidMinor: 100n - paidFirst,
        writtenOffMinor: paidFirst,
      } as InvoiceRow;
      for (const change of list) {
        const isPossible = invoice.paidMinor + change >= 0n && invoice.paidMinor + change <= 100n;
        if (!isPossible) {
          expect(() => covered(invoice, money(change, 'EUR'))).toThrow(expect.objectContaining({ code: 'invoice.overpaid' }));
          continue;
        }
        const { state, paid, writtenOff } = covered(invoice, money(change, 'EUR'));
        const before = invoice;
        invoice = { ...invoice, state, paidMinor: paid.minor, writtenOffMinor: writtenOff.minor };
        expect(invoice.paidMinor + invoice.writtenOffMinor + openOf(invoice).minor).toBe(100n);
        expect(openOf(invoice).minor === 0n).toBe(state !== 'issued');
        expect(writtenOff.minor <= before.writtenOffMinor && openOf(invoice).minor <= roomOf(invoice).minor).toBe(true);
      }
    }),
  );
});
