import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failed, ok, type SettlementLine } from '@kassaflow/plugin-sdk';
import { uuidOf } from '../../kernel/ids.ts';
import { parseMoney } from '../../kernel/money.ts';
import { aLine, settledWorld } from '../../../test/support/settled.ts';
import { domainWorld, type DomainWorld } from '../../../test/support/domain.ts';

const DAY = '2026-11-20';
const DAY_MS = 86_400_000;

let world: DomainWorld;
let settled: ReturnType<typeof settledWorld>;
beforeEach(async () => {
  world = await domainWorld();
  world.clock.advance(DAY_MS);
  settled = settledWorld(world);
});
afterEach(async () => {
  expect(await world.imbalance()).toEqual([]);
  await world.db.close();
});

/** What the provider tells from now on, on one page, for every question. */
function tells(...lines: SettlementLine[]): void {
  world.provider.settled = ({ from, to }) => ok({ lines: lines.filter(({ bookedOn = DAY }) => bookedOn >= from && bookedOn <= to) });
}

/** An invoice and a payment of it, captured. */
async function paid(amount: string, more: { fee?: number } = {}) {
  const invoice = await world.anInvoice(amount);
  const { payment } = await world.pay(invoice);
  const minor = Number(amount.replace('.', ''));
  world.provider.report(payment.providerId, { authorized: minor, captured: minor, ...more });
  await world.payments.refresh(world.db.tenantId, uuidOf('pay', payment.id));
  return { invoice, id: uuidOf('pay', payment.id), reference: payment.id, providerId: payment.providerId };
}

describe('a payout', () => {
  test('pitfall 33: clears the provider’s account of payments, refunds and costs with four decimals, and reaches the bank', async () => {
    const sold = await paid('12.50');
    const other = await paid('40.00');
    world.provider.report(other.providerId, { refunded: 250 });
    await world.payments.refresh(world.db.tenantId, other.id);
    tells(
      aLine({ providerId: 'tr_1', kind: 'payment', payment: sold.providerId, gross: '12.50', payout: 'stl_1' }),
      aLine({ providerId: 'tr_2', kind: 'payment', reference: other.reference, gross: '40.00', payout: 'stl_1' }),
      aLine({ providerId: 're_1', kind: 'refund', payment: other.providerId, refund: 're_1', gross: '-2.50', payout: 'stl_1' }),
      aLine({ providerId: 'cost', kind: 'fee', fee: '0.7018', feeVat: '0.1218', payout: 'stl_1' }),
      aLine({ providerId: 'rest', kind: 'adjustment', gross: '0.0018', payout: 'stl_1' }),
      aLine({ providerId: 'stl_1', kind: 'payout', gross: '-49.30', payout: 'stl_1' }),
    );
    expect(await settled.importDays(DAY)).toMatchObject({ state: 'done', lines: 6 });
    expect(await world.balances()).toEqual({
      'income:sales': 5250,
      'asset:receivable': 250,
      'asset:bank-clearing': 4930,
      'expense:fees': 58,
      'asset:vat:input': 12,
    });
    expect(await settled.events()).toEqual(['settlement.received']);
    const [settlement] = await settled.all();
    expect(settlement).toMatchObject({
      status: 'paid',
      kind: 'payout',
      providerId: 'stl_1',
      connection: 'pay',
      amount: { amount: '49.30', currency: 'EUR' },
      fees: { amount: '0.70' },
      lines: 6,
      paidOn: DAY,
    });
    const lines = await settled.linesOf(settlement!.id);
    expect(lines.map(({ providerId, paymentId, fee }) => [providerId, paymentId, fee])).toEqual([
      ['tr_1', sold.id, '0'],
      ['tr_2', other.id, '0'],
      ['re_1', other.id, '0'],
      ['cost', null, '0.7018'],
      ['rest', null, '0'],
      ['stl_1', null, '0'],
    ]);
  });

  test('pitfall 34: told again, by overlapping windows, changes nothing', async () => {
    const sold = await paid('12.50');
    tells(
      aLine({ providerId: 'tr_1', kind: 'payment', payment: sold.providerId, gross: '12.50', payout: 'stl_1' }),
      aLine({ providerId: 'stl_1', kind: 'payout', gross: '-12.50', payout: 'stl_1' }),
    );
    for (let turn = 0; turn < 3; turn += 1) await settled.importDays('2026-11-18', DAY);
    expect(await settled.entries()).toBe(1);
    expect(await settled.events()).toEqual(['settlement.received']);
    expect(await settled.all()).toHaveLength(1);
  });

  test('whose lines do not add up is said so, its difference is on suspense, and both end when the missing line comes', async () => {
    const sold = await paid('12.50');
    const line = aLine({ providerId: 'tr_1', kind: 'payment', payment: sold.providerId, gross: '12.50', payout: 'stl_1' });
    const payout = aLine({ providerId: 'stl_1', kind: 'payout', gross: '-12.50', payout: 'stl_1' });
    tells(payout);
    await settled.importDays(DAY);
    expect(await settled.events()).toEqual(['settlement.received', 'settlement.unbalanced']);
    expect((await settled.all())[0]).toMatchObject({ status: 'unbalanced', difference: { amount: '12.50' } });
    expect(await world.balances()).toMatchObject({ 'liability:suspense': 1250, 'asset:clearing': 1250, 'asset:bank-clearing': 1250 });
    tells(line, payout);
    await settled.importDays(DAY);
    expect((await settled.events()).at(-1)).toBe('settlement.balanced');
    expect(await world.balances()).toEqual({ 'income:sales': 1250, 'asset:bank-clearing': 1250 });
  });

  test('pitfall 30: a line of a kind that nobody knows is kept verbatim and put on suspense', async () => {
    tells(
      aLine({ providerId: 'x', kind: 'unknown', providerType: 'lunar-bonus', gross: '3.00', payout: 'stl_1' }),
      aLine({ providerId: 'stl_1', kind: 'payout', gross: '-3.00', payout: 'stl_1' }),
    );
    await settled.importDays(DAY);
    expect(await world.balances()).toEqual({ 'liability:suspense': 300, 'asset:bank-clearing': 300 });
    expect(await settled.events()).toEqual(['settlement.received', 'settlement.unexplained']);
    const { rows } = await world.db.ownerPool.query(`select data from event where type = 'settlement.unexplained'`);
    expect(rows[0].data.lines).toEqual([
      { providerId: 'x', kind: 'unknown', providerType: 'lunar-bonus', amount: { amount: '3.00', currency: 'EUR' } },
    ]);
  });

  test('that costs us money is booked the other way', async () => {
    const sold = await paid('12.50');
    world.provider.report(sold.providerId, { refunded: 1250 });
    await world.payments.refresh(world.db.tenantId, sold.id);
    tells(
      aLine({ providerId: 're_1', kind: 'refund', payment: sold.providerId, gross: '-12.50', fee: '0.25', payout: 'stl_1' }),
      aLine({ providerId: 'stl_1', kind: 'payout', gross: '12.75', payout: 'stl_1' }),
    );
    await settled.importDays(DAY);
    expect(await world.balances()).toMatchObject({ 'asset:bank-clearing': -1275, 'asset:clearing': 1250, 'expense:fees': 25 });
    expect((await settled.all())[0]).toMatchObject({ status: 'paid', amount: { amount: '-12.75' } });
  });

  test('does not book a fee again that came with its payment, and books what the payment did not tell of it', async () => {
    const told = await paid('12.50', { fee: 30 });
    const other = await paid('10.00');
    expect(await world.balances()).toMatchObject({ 'expense:fees': 30 });
    tells(
      aLine({ providerId: 'a', kind: 'payment', payment: told.providerId, gross: '12.50', fee: '0.30', payout: 'po_1' }),
      aLine({ providerId: 'b', kind: 'payment', payment: other.providerId, gross: '10.00', fee: '0.29', payout: 'po_1' }),
      aLine({ providerId: 'po_1', kind: 'payout', gross: '-21.91', payout: 'po_1' }),
    );
    await settled.importDays(DAY);
    expect(await world.balances()).toEqual({ 'income:sales': 2250, 'expense:fees': 59, 'asset:bank-clearing': 2191 });
  });

  test('takes a fee back that its payment tells of later', async () => {
    const sold = await paid('12.50');
    tells(
      aLine({ providerId: 'a', kind: 'payment', payment: sold.providerId, gross: '12.50', fee: '0.30', payout: 'po_1' }),
      aLine({ providerId: 'po_1', kind: 'payout', gross: '-12.20', payout: 'po_1' }),
    );
    await settled.importDays(DAY);
    world.provider.report(sold.providerId, { fee: 30 });
    await world.payments.refresh(world.db.tenantId, sold.id);
    expect(await world.balances()).toMatchObject({ 'expense:fees': 60, 'asset:clearing': -30 });
    tells();
    await settled.importDays('2026-11-21');
    expect(await world.balances()).toEqual({ 'income:sales': 1250, 'expense:fees': 30, 'asset:bank-clearing': 1220 });
  });

  test('pays out the days since the payout before where the provider names it on its own line only', async () => {
    const [first, second] = [await paid('10.00'), await paid('20.00')];
    const friday = { bookedOn: '2026-11-13', bookedAt: Date.parse('2026-11-13T10:00:00Z') };
    const sunday = { bookedOn: '2026-11-15', bookedAt: Date.parse('2026-11-15T10:00:00Z') };
    const monday = { bookedOn: '2026-11-16', bookedAt: Date.parse('2026-11-16T04:00:00Z') };
    tells(
      aLine({ providerId: 'p1', kind: 'payout', gross: '-5.00', payout: 'p1', ...friday }),
      aLine({ providerId: 'old', kind: 'unknown', gross: '5.00', payout: 'p1', ...friday }),
      aLine({ providerId: 'a', kind: 'payment', payment: first.providerId, gross: '10.00', ...sunday }),
      aLine({ providerId: 'b', kind: 'payment', payment: second.providerId, gross: '20.00', ...sunday }),
      aLine({ providerId: 'p2', kind: 'payout', gross: '-30.00', payout: 'p2', ...monday }),
    );
    await settled.importDays('2026-11-16');
    expect((await settled.all())[0]).toMatchObject({ status: 'unbalanced' });
    // The days before come by hand, and put it right.
    await settled.importDays('2026-11-13', '2026-11-16');
    const all = await settled.all();
    expect(new Set(all.map(({ kind, providerId, status }) => `${kind} ${providerId} ${status}`))).toEqual(
      new Set(['day 2026-11-15 paid', 'payout p1 paid', 'payout p2 paid']),
    );
    expect(await world.balances()).toMatchObject({ 'asset:bank-clearing': 3500, 'liability:suspense': 500 });
    expect((await world.balances())['asset:clearing']).toBeUndefined();
  });
});

describe('a running balance', () => {
  test('stays on the provider’s account, and a withdrawal is made of nothing in particular', async () => {
    const sold = await paid('100.00');
    tells(
      aLine({ providerId: 'a', kind: 'payment', payment: sold.providerId, gross: '100.00', fee: '3.00' }),
      aLine({ providerId: 'w', kind: 'payout', gross: '-60.00' }),
    );
    await settled.importDays(DAY);
    expect(await world.balances()).toMatchObject({ 'asset:clearing': 3700, 'asset:bank-clearing': 6000, 'expense:fees': 300 });
    expect(new Set((await settled.all()).map(({ kind, status }) => `${kind} ${status}`))).toEqual(new Set(['day open', 'payout paid']));
    expect(await settled.events()).toEqual(['settlement.received']);
  });

  test('a payout that the bank sent back is on the provider’s account again, and is paid out with the next', async () => {
    const sold = await paid('10.00');
    const at = (day: string) => ({ bookedOn: day, bookedAt: Date.parse(`${day}T10:00:00Z`) });
    tells(
      aLine({ providerId: 'a', kind: 'payment', payment: sold.providerId, gross: '10.00', payout: 'p1', ...at('2026-11-16') }),
      aLine({ providerId: 'p1', kind: 'payout', gross: '-10.00', payout: 'p1', ...at('2026-11-16') }),
      aLine({ providerId: 'aborted', kind: 'payout', gross: '10.00', ...at('2026-11-17') }),
    );
    await settled.importDays('2026-11-16', '2026-11-18');
    expect(await world.balances()).toEqual({ 'income:sales': 1000, 'asset:clearing': 1000 });
    const told = world.provider.settled!;
    const next = aLine({ providerId: 'p2', kind: 'payout', gross: '-10.00', payout: 'p2', ...at('2026-11-18') });
    world.provider.settled = (days) => {
      const before = told(days);
      return before.kind === 'ok' ? ok({ lines: [...before.value.lines, next] }) : before;
    };
    await settled.importDays('2026-11-16', '2026-11-18');
    expect(await world.balances()).toEqual({ 'income:sales': 1000, 'asset:bank-clearing': 1000 });
    expect(await settled.events()).toEqual(['settlement.received', 'settlement.received']);
    expect(new Set((await settled.all()).map(({ status }) => status))).toEqual(new Set(['paid']));
  });

  test('a line that gets its payout later is the same line, and is booked once', async () => {
    const sold = await paid('100.00');
    const line = aLine({ providerId: 'txn', kind: 'payment', payment: sold.providerId, gross: '100.00', fee: '3.00' });
    tells(line);
    await settled.importDays(DAY);
    tells({ ...line, payout: 'po_1' }, aLine({ providerId: 'po_1', kind: 'payout', gross: '-97.00', payout: 'po_1' }));
    await settled.importDays(DAY);
    tells(line, aLine({ providerId: 'po_1', kind: 'payout', gross: '-97.00', payout: 'po_1' }));
    await settled.importDays(DAY);
    expect(await world.balances()).toEqual({ 'income:sales': 10000, 'expense:fees': 300, 'asset:bank-clearing': 9700 });
    expect(await settled.events()).toEqual(['settlement.received']);
  });
});

describe('what only a settlement tells', () => {
  test('a payment whose webhook was lost is asked about and completed', async () => {
    const invoice = await world.anInvoice('12.50');
    const { payment } = await world.pay(invoice);
    world.provider.report(payment.providerId, { authorized: 1250, captured: 1250 });
    tells(aLine({ providerId: 'tr_1', kind: 'payment', reference: payment.id, gross: '12.50' }));
    await settled.importDays(DAY);
    expect((await world.invoiceOf(invoice)).status).toBe('paid');
    expect(await world.balances()).toEqual({ 'income:sales': 1250, 'asset:clearing': 1250 });
    expect(await settled.events()).toEqual([]);
  });

  test('pitfall 10: a chargeback becomes a fact of the payment, a fetch does not undo it, and a reversal does', async () => {
    world.provider.differs = { chargebacksInSettlements: true };
    const sold = await paid('125.00');
    const at = (day: string) => ({ bookedOn: day, bookedAt: Date.parse(`${day}T12:00:00Z`) });
    const lines = [
      aLine({ providerId: 'c', kind: 'payment', payment: sold.providerId, gross: '125.00', ...at('2026-11-18') }),
      aLine({ providerId: 'd', kind: 'chargeback', payment: sold.providerId, gross: '-125.00', ...at('2026-11-19') }),
    ];
    tells(...lines);
    await settled.importDays('2026-11-18', DAY);
    const view = async () => (await world.payments.get(world.db.tenantId, sold.id)).payment;
    expect(await view()).toMatchObject({ status: 'charged-back' });
    expect((await world.invoiceOf(sold.invoice)).status).toBe('issued');
    const events = await world.eventsOf(`payment/${sold.reference}`);
    expect(events.at(-1)).toBe('payment.charged-back');
    const charged = { 'income:sales': 12500, 'asset:receivable': 12500 };
    expect(await world.balances()).toEqual(charged);
    await world.payments.refresh(world.db.tenantId, sold.id);
    world.clock.advance(60_000);
    await world.payments.refresh(world.db.tenantId, sold.id);
    await settled.importDays('2026-11-18', DAY);
    expect(await view()).toMatchObject({ status: 'charged-back' });
    expect(await world.eventsOf(`payment/${sold.reference}`)).toEqual(events);
    expect(await world.balances()).toEqual(charged);
    tells(...lines, aLine({ providerId: 'r', kind: 'chargeback-reversal', payment: sold.providerId, gross: '125.00', ...at(DAY) }));
    await settled.importDays('2026-11-18', DAY);
    expect(await view()).toMatchObject({ status: 'completed' });
    expect((await world.invoiceOf(sold.invoice)).status).toBe('paid');
    expect(await world.balances()).toEqual({ 'income:sales': 12500, 'asset:clearing': 12500 });
    expect((await world.eventsOf(`payment/${sold.reference}`)).at(-1)).toBe('payment.reversed');
    const disputes = await world.disputes.list(world.db.tenantId, { limit: 10 });
    expect(disputes).toMatchObject([{ status: 'won', amount: { amount: '125.00' } }]);
    expect(await settled.events()).toEqual([]);
  });

  test('a refund that no fetch knows becomes a refund of ours by the provider, once', async () => {
    world.provider.differs = { findsByReport: true };
    const sold = await paid('50.00');
    tells(
      aLine({ providerId: 'a', kind: 'payment', payment: sold.providerId, gross: '50.00' }),
      aLine({ providerId: 'T1107', kind: 'refund', payment: sold.providerId, refund: 'RF1', gross: '-20.00' }),
    );
    await settled.importDays(DAY);
    await settled.importDays(DAY);
    const { rows } = await world.db.ownerPool.query('select amount_minor, state, origin, provider_id from refund');
    expect(rows).toEqual([{ amount_minor: '2000', state: 'completed', origin: 'provider', provider_id: 'RF1' }]);
    expect((await world.payments.get(world.db.tenantId, sold.id)).payment).toMatchObject({ status: 'partially-refunded' });
    expect(await world.balances()).toMatchObject({ 'asset:clearing': 3000, 'asset:receivable': 2000 });
    await world.payments.refresh(world.db.tenantId, sold.id);
    expect((await world.payments.get(world.db.tenantId, sold.id)).payment).toMatchObject({ refunded: { amount: '20.00' } });
    // Once its fetch knows it too, it is the same one.
    world.provider.report(sold.providerId, { refunded: 2000, refunds: [{ providerId: 'RF1', amount: 2000, state: 'done' }] });
    await world.payments.refresh(world.db.tenantId, sold.id);
    expect(await world.balances()).toMatchObject({ 'asset:clearing': 3000, 'asset:receivable': 2000 });
  });

  test('money that is not ours, or more than we took, is on suspense', async () => {
    const sold = await paid('50.00');
    tells(
      aLine({ providerId: 'a', kind: 'payment', payment: sold.providerId, gross: '51.00' }),
      aLine({ providerId: 'b', kind: 'payment', payment: 'of-another-shop', gross: '7.00' }),
      aLine({ providerId: 'c', kind: 'payment', payment: sold.providerId, currency: 'NOK', gross: '9.00' }),
    );
    await settled.importDays(DAY);
    expect(await world.balances()).toEqual({ 'income:sales': 5000, 'asset:clearing': 5800 + 900, 'liability:suspense': 800 + 900 });
    expect(await settled.events()).toEqual(['settlement.unexplained', 'settlement.unexplained']);
  });
});

describe('money that came in another currency than was paid in', () => {
  /** A payment in kroner, captured. */
  const inKroner = async (minor: number, more: object = {}) => {
    const amount = parseMoney({ amount: (minor / 100).toFixed(2), currency: 'NOK' });
    const { payment } = await world.payments.create(world.db.tenantId, world.wish({ amount, description: 'work' }));
    world.provider.report(payment.providerId, { captured: minor, ...more });
    await world.payments.refresh(world.db.tenantId, uuidOf('pay', payment.id));
    return { id: uuidOf('pay', payment.id), providerId: payment.providerId };
  };
  const books = async () => {
    const { rows } = await world.db.ownerPool.query<{ key: string; balance: string }>(
      `select regexp_replace(a.code, ':[0-9a-f-]{36}$', '') || ' ' || a.currency as key, sum(case l.side when a.normal then l.minor else -l.minor end)::text as balance
       from ledger_account a join ledger_line l on l.account_id = a.id group by 1 having sum(case l.side when a.normal then l.minor else -l.minor end) <> 0`,
    );
    return Object.fromEntries(rows.map(({ key, balance }) => [key, Number(balance)]));
  };
  const kroner = (gross: string) => ({ exchanged: { gross, currency: 'NOK' } });

  test('is exchanged in the books where the provider tells both amounts, and clears its account in both', async () => {
    const sold = await inKroner(100_000, { refunded: 25_000 });
    tells(
      aLine({
        providerId: 'a',
        kind: 'payment',
        payment: sold.providerId,
        gross: '85.20',
        fee: '1.20',
        payout: 'po',
        ...kroner('1000.00'),
      }),
      aLine({ providerId: 'b', kind: 'refund', payment: sold.providerId, gross: '-21.50', payout: 'po', ...kroner('-250.00') }),
      aLine({ providerId: 'po', kind: 'payout', gross: '-62.50', payout: 'po' }),
    );
    await settled.importDays(DAY);
    expect(await books()).toEqual({
      'asset:bank-clearing EUR': 6_250,
      'expense:fees EUR': 120,
      // 750 kroner became 63.70 euro.
      'income:exchange EUR': 6_370,
      'income:exchange NOK': -75_000,
      'liability:unallocated NOK': 75_000,
    });
    expect(await settled.events()).toEqual(['settlement.received']);
    const [settlement] = await settled.all();
    expect((await settled.linesOf(settlement!.id)).map(({ exchanged }) => exchanged)).toEqual([
      { gross: '1000', currency: 'NOK' },
      { gross: '-250', currency: 'NOK' },
      null,
    ]);
  });

  test('follows what is corrected, and what is told of it later', async () => {
    const sold = await inKroner(100_000);
    const line = { providerId: 'a', kind: 'payment', payment: sold.providerId } as const;
    tells(aLine({ ...line, gross: '85.20' }));
    await settled.importDays(DAY);
    expect(await books()).toMatchObject({ 'liability:suspense EUR': 8_520, 'asset:clearing NOK': 100_000 });
    tells(aLine({ ...line, gross: '85.20', ...kroner('1000.00') }));
    await settled.importDays(DAY);
    expect(await books()).toEqual({
      'asset:clearing EUR': 8_520,
      'income:exchange EUR': 8_520,
      'income:exchange NOK': -100_000,
      'liability:unallocated NOK': 100_000,
    });
    tells(aLine({ ...line, gross: '85.00', ...kroner('1000.00') }));
    await settled.importDays(DAY);
    expect(await books()).toMatchObject({ 'asset:clearing EUR': 8_500, 'income:exchange EUR': 8_500, 'income:exchange NOK': -100_000 });
    const entries = await settled.entries();
    await settled.importDays(DAY);
    expect(await settled.entries()).toBe(entries);
  });

  test('is suspense as far as our books do not have it', async () => {
    const sold = await inKroner(100_000);
    tells(aLine({ providerId: 'a', kind: 'payment', payment: sold.providerId, gross: '125.00', ...kroner('1250.00') }));
    await settled.importDays(DAY);
    expect(await books()).toMatchObject({
      'income:exchange EUR': 10_000,
      'income:exchange NOK': -100_000,
      'liability:suspense EUR': 2_500,
    });
    expect(await books()).not.toHaveProperty('asset:clearing NOK');
  });

  test('is charged back by the amount that was paid, where only a settlement tells of it', async () => {
    world.provider.differs = { chargebacksInSettlements: true };
    const sold = await inKroner(100_000);
    tells(
      aLine({ providerId: 'a', kind: 'payment', payment: sold.providerId, gross: '85.20', ...kroner('1000.00') }),
      aLine({ providerId: 'b', kind: 'chargeback', payment: sold.providerId, gross: '-85.90', ...kroner('-1000.00') }),
    );
    await settled.importDays(DAY);
    expect((await world.payments.get(world.db.tenantId, sold.id)).payment.status).toBe('charged-back');
    const { rows } = await world.db.ownerPool.query('select charged_back_minor from payment');
    expect(rows).toEqual([{ charged_back_minor: '100000' }]);
    // What the two exchanges cost.
    expect(await books()).toEqual({ 'asset:clearing EUR': -70, 'income:exchange EUR': -70 });
  });
});

describe('an import', () => {
  test('waits for a report that is not ready, and is done when it is', async () => {
    world.provider.settled = () => failed('temporary', 'The ledger is not closed yet.', { retryAfterMs: 1_800_000 });
    const waiting = await settled.importDays(DAY);
    expect(waiting).toMatchObject({ state: 'waiting', failures: 1, problem: 'The ledger is not closed yet.' });
    expect(waiting.nextAt).toEqual(new Date(world.clock.now().getTime() + 1_800_000));
    tells();
    world.clock.advance(1_799_000);
    expect(await settled.importer.importDue()).toBe(0);
    world.clock.advance(1_000);
    expect(await settled.importer.importDue()).toBe(1);
    expect(await settled.settlements.getImport(world.db.tenantId, waiting.id)).toMatchObject({ state: 'done', problem: null });
  });

  test('that the provider will never answer fails and says why', async () => {
    world.provider.settled = () => failed('permanent', 'These keys may not read settlements.');
    expect(await settled.importDays(DAY)).toMatchObject({ state: 'failed', problem: 'These keys may not read settlements.' });
  });

  test('begins anew when a page in the middle is refused', async () => {
    let refuses = true;
    world.provider.settled = ({ page }) => {
      if (page === 'two' && refuses) return failed('input', 'This is not a page of settlements.', { field: 'page' });
      return ok({ lines: [aLine({ providerId: page ?? 'one', kind: 'fee', fee: '1.00' })], ...(page === undefined && { next: 'two' }) });
    };
    const { id } = await settled.importDays(DAY);
    refuses = false;
    world.clock.advance(300_000);
    await settled.importer.importDue();
    expect(await settled.settlements.getImport(world.db.tenantId, id)).toMatchObject({ state: 'done', lines: 2 });
    expect(await world.balances()).toMatchObject({ 'expense:fees': 200 });
  });

  test('goes on at its page after a death, in another process', async () => {
    const sold = await paid('12.50');
    const pages: Record<string, SettlementLine[]> = {
      '': [aLine({ providerId: 'a', kind: 'payment', payment: sold.providerId, gross: '12.50', payout: 'po' })],
      two: [aLine({ providerId: 'po', kind: 'payout', gross: '-12.50', payout: 'po' })],
    };
    const asked: string[] = [];
    let dies = true;
    world.provider.settled = ({ page = '' }) => {
      asked.push(page);
      if (page === 'two' && dies) throw new Error('killed');
      return ok({ lines: pages[page] ?? [], ...(page === '' && { next: 'two' }) });
    };
    const { id } = await settled.settlements.requestImport(world.db.tenantId, {
      connection: 'pay',
      from: DAY,
      to: DAY,
      requestKey: 'k',
      actor: 'test',
    });
    // Takes it and never comes back: nothing it does after the lease counts.
    const dead = settled.anImporter();
    await dead.importDue();
    dies = false;
    world.clock.advance(600_000);
    await settled.importer.importDue();
    expect(await settled.settlements.getImport(world.db.tenantId, id)).toMatchObject({ state: 'done' });
    expect(await world.balances()).toEqual({ 'income:sales': 1250, 'asset:bank-clearing': 1250 });
  });

  test('of one connection is worked on by one process at a time', async () => {
    let now = 0;
    let most = 0;
    tells();
    const answer = world.provider.settled!;
    const call = world.provider.call.bind(world.provider);
    world.provider.settled = answer;
    world.provider.call = async (wanted) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return call(wanted);
    };
    for (const day of ['2026-11-18', '2026-11-19', DAY])
      await settled.settlements.requestImport(world.db.tenantId, { connection: 'pay', from: day, to: day, requestKey: day, actor: 'test' });
    const taken = await Promise.all(Array.from({ length: 4 }, () => settled.anImporter().importDue()));
    await settled.importer.importDue();
    expect(most).toBe(1);
    expect(taken.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(3);
    const { rows } = await world.db.ownerPool.query('select distinct state from settlement_import');
    expect(rows).toEqual([{ state: 'done' }]);
  });

  test('is asked for once per key, and leaves an entry in the audit log', async () => {
    tells();
    const wish = { connection: 'pay', from: DAY, to: DAY, requestKey: 'same', actor: 'key/x' };
    const [first, again] = [
      await settled.settlements.requestImport(world.db.tenantId, wish),
      await settled.settlements.requestImport(world.db.tenantId, wish),
    ];
    expect(again.id).toBe(first.id);
    const { rows } = await world.db.ownerPool.query(`select actor, detail from audit_entry where action = 'settlement.import'`);
    expect(rows).toEqual([{ actor: 'key/x', detail: { connection: 'pay', from: DAY, to: DAY } }]);
  });

  test.each([
    ['2026-11-22', '2026-11-22'],
    ['2026-11-20', '2026-11-19'],
    ['2026-10-01', '2026-11-19'],
    ['2026-02-30', '2026-03-01'],
  ])('from %s to %s is refused', async (from, to) => {
    tells();
    const wish = { connection: 'pay', from, to, requestKey: `${from}${to}`, actor: 'test' };
    await expect(settled.settlements.requestImport(world.db.tenantId, wish)).rejects.toMatchObject({ code: 'settlement.days' });
  });

  test('is refused where the plugin tells of no settlements', async () => {
    await expect(settled.importDays(DAY)).rejects.toMatchObject({ code: 'settlement.not-supported' });
  });
});
