import { describe, expect, test } from '@jest/globals';
import type { Failed, SettlementLine } from '@kassaflow/plugin-sdk';
import { decimalOf } from '../src/amounts.ts';
import { payments } from '../src/payments.ts';
import { lineOf } from '../src/settlement-lines.ts';
import { DAY, Fixture, valueOf } from './fixture.ts';

const at = new Fixture();

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** All lines of the days on which these payouts arrive, page after page. */
async function linesOf(from: string, to = from): Promise<readonly SettlementLine[]> {
  const lines: SettlementLine[] = [];
  let page: string | undefined;
  do {
    const got = valueOf(await payments.settlements!(at.context(), { from, to, ...(page === undefined ? {} : { page }) }));
    lines.push(...got.lines);
    page = got.next;
  } while (page !== undefined);
  return lines;
}

/** Pays out what there is, lets it arrive, and gives the lines of that day when it is over. */
async function paidOut(options: Parameters<typeof at.stripe.ledger.payOut>[0] = {}): Promise<readonly SettlementLine[]> {
  const payout = at.stripe.ledger.payOut(options);
  at.stripe.ledger.arrive(payout.id);
  await at.stripe.advance(DAY);
  return linesOf(dayOf(payout.arrival_date * 1000));
}

const minor = (text: string): number => Math.round(Number(text) * 100);
const netOf = (lines: readonly SettlementLine[]): number => lines.reduce((sum, { net }) => sum + minor(net), 0);

describe('a payout', () => {
  test('pitfall 33: is its payments, refunds, disputes and fees, and comes to nothing with the payout itself', async () => {
    const first = await at.paid('card', { reference: 'pay_01' });
    const second = await at.paid('ideal', { reference: 'pay_02' });
    const third = await at.paid('sepa_debit', { reference: 'pay_03' });
    at.stripe.settle(third.intent, 'succeeded');
    valueOf(
      await payments.refund!(at.context({ idempotencyKey: 'r' }), {
        providerId: first.providerId,
        reference: 'ref_1',
        amount: { amount: '5.00', currency: 'EUR' },
      }),
    );
    at.stripe.dispute(second.intent);
    at.stripe.dispute(second.intent, 'won');
    at.stripe.book.failLater(third.intent);
    at.stripe.ledger.book({ type: 'stripe_fee', amount: -250, currency: 'eur' });

    const lines = await paidOut();
    const byKind = [...Map.groupBy(lines, ({ kind }) => kind)];
    const shown = Object.fromEntries(byKind.map(([kind, held]) => [kind, held.map(({ gross, fee, net }) => `${gross} ${fee} ${net}`)]));
    expect(shown).toEqual({
      payment: ['12.50 0.29 12.21', '12.50 0.29 12.21', '12.50 0.29 12.21'],
      refund: ['-5.00 0.00 -5.00'],
      chargeback: ['-12.50 0.00 -12.50', '-12.50 15.00 -27.50'],
      'chargeback-reversal': ['12.50 0.00 12.50'],
      fee: ['0.00 2.50 -2.50'],
      payout: [expect.any(String)],
    });
    expect(netOf(lines)).toBe(0);
    for (const { gross, fee, net } of lines) expect(minor(gross) - minor(fee)).toBe(minor(net));
    expect(new Set(lines.map(({ payout }) => payout)).size).toBe(1);
  });

  test('each line names our payment, also where Stripe does not, and our refund’s id at Stripe', async () => {
    const { providerId, intent } = await at.paid('card', { reference: 'pay_77' });
    const refund = at.stripe.refund(intent, 200);
    at.stripe.dispute(intent);
    const lines = (await paidOut()).filter(({ kind }) => kind !== 'payout');
    expect(lines.map(({ kind, payment, reference }) => [kind, payment, reference])).toEqual([
      ['chargeback', intent, 'pay_77'],
      ['refund', intent, 'pay_77'],
      ['payment', intent, 'pay_77'],
    ]);
    expect(lines.find(({ kind }) => kind === 'refund')?.refund).toBe(refund.id);
    expect((await at.fetched(intent)).captured).toBe((await at.fetched(providerId)).captured);
  });

  test('a refund that failed is money again, of the same refund', async () => {
    const { intent } = await at.paid('card');
    const { id } = at.stripe.refund(intent, 300, { status: 'pending' });
    at.stripe.finishRefund(id, 'failed');
    const refunds = (await paidOut()).filter(({ kind }) => kind === 'refund');
    expect(refunds.map(({ refund, net }) => [refund, net])).toEqual([
      [id, '3.00'],
      [id, '-3.00'],
    ]);
  });

  test('pitfall 33: a kind that Stripe did not have yet is kept as unknown and logged, never dropped', async () => {
    at.stripe.ledger.book({ type: 'quantum_adjustment', amount: 77, currency: 'eur' });
    const payout = at.stripe.ledger.payOut();
    at.stripe.ledger.arrive(payout.id);
    await at.stripe.advance(DAY);
    const context = at.context();
    const day = dayOf(payout.arrival_date * 1000);
    const { lines } = valueOf(await payments.settlements!(context, { from: day, to: day }));
    expect(lines.find(({ kind }) => kind === 'unknown')).toMatchObject({ net: '0.77' });
    expect(context.logged.join()).toContain('quantum_adjustment');
    expect(netOf(lines)).toBe(0);
  });

  test('that a bank sent back comes again in a later one', async () => {
    await at.paid('card');
    const bounced = at.stripe.ledger.payOut();
    at.stripe.ledger.bounce(bounced.id);
    const first = dayOf(bounced.arrival_date * 1000);
    await at.stripe.advance(DAY);
    const later = await paidOut();
    expect(netOf(await linesOf(first))).toBe(0);
    expect(later.map(({ kind, net }) => [kind, net])).toEqual([
      ['payout', '-12.21'],
      ['payout', '12.21'],
    ]);
    expect(new Set(later.map(({ providerId }) => providerId)).size).toBe(2);
  });

  test.each([
    ['by its category', 'payout_reversal', undefined],
    ['by what it is about', 'other_adjustment', 'po_1'],
  ])('that a bank sent back as a mere adjustment is known %s', (_, reporting_category, source) => {
    const { transactions } = at.stripe.ledger;
    at.stripe.ledger.book({ type: 'adjustment', amount: 1_221, currency: 'eur', category: reporting_category, ...(source && { source }) });
    expect(lineOf(transactions.at(-1) as never, 'po_2')).toMatchObject({ kind: 'payout', gross: '12.21', net: '12.21', payout: 'po_2' });
    at.stripe.ledger.book({ type: 'adjustment', amount: 1_221, currency: 'eur', category: 'other_adjustment' });
    expect(lineOf(transactions.at(-1) as never, 'po_2')).toMatchObject({ kind: 'adjustment' });
  });

  test('that a person asked for besides is its own line alone, and is warned of', async () => {
    await at.paid('card');
    const payout = at.stripe.ledger.payOut({ automatic: false });
    at.stripe.ledger.arrive(payout.id);
    await at.stripe.advance(DAY);
    const context = at.context();
    const day = dayOf(payout.arrival_date * 1000);
    const { lines } = valueOf(await payments.settlements!(context, { from: day, to: day }));
    expect(lines).toMatchObject([{ kind: 'payout', providerId: payout.id, net: '-12.21' }]);
    expect(lines[0]).not.toHaveProperty('payout');
    expect(context.logged.join()).toContain(payout.id);
  });

  test('where all are asked for, every movement of a day is a line, and a payout is a withdrawal', async () => {
    at.stripe.ledger.interval = 'manual';
    for (let made = 0; made < 120; made += 1)
      at.stripe.book.payInFields(
        at.stripe.book.create({ amount: 995, currency: 'eur', capture_method: 'automatic', metadata: { payment_id: `m${made}` } }).id,
      );
    const payout = at.stripe.ledger.payOut();
    const day = dayOf(at.stripe.clock.now());
    await at.stripe.advance(DAY);
    const lines = await linesOf(day);
    expect(lines).toHaveLength(121);
    expect(new Set(lines.map(({ providerId }) => providerId)).size).toBe(121);
    expect(lines.every((line) => line.payout === undefined)).toBe(true);
    expect(lines.find(({ kind }) => kind === 'payout')).toMatchObject({ providerId: payout.id, net: '-1159.20' });
    expect(netOf(lines)).toBe(0);
  });

  test('pitfall 33: the VAT of a fee is told apart, and Stripe’s own word for each line', async () => {
    at.stripe.ledger.book({ type: 'payment', amount: 1_000, currency: 'eur', fee: 121, tax: 21 });
    at.stripe.ledger.book({ type: 'tax_fee', amount: -42, currency: 'eur' });
    const lines = (await paidOut()).filter(({ kind }) => kind !== 'payout');
    expect(lines.map(({ providerType, fee, feeVat }) => [providerType, fee, feeVat])).toEqual([
      ['tax_fee', '0.42', '0.42'],
      ['payment', '1.21', '0.21'],
    ]);
  });

  test('several on several days are read one after the other, oldest first, each line once', async () => {
    for (let made = 0; made < 130; made += 1)
      at.stripe.book.payInFields(
        at.stripe.book.create({ amount: 995, currency: 'eur', capture_method: 'automatic', metadata: { payment_id: `m${made}` } }).id,
      );
    const first = at.stripe.ledger.payOut();
    at.stripe.ledger.arrive(first.id);
    await at.stripe.advance(DAY);
    await at.paid('card');
    const second = at.stripe.ledger.payOut();
    at.stripe.ledger.arrive(second.id);
    await at.stripe.advance(DAY);
    const lines = await linesOf(dayOf(first.arrival_date * 1000), dayOf(second.arrival_date * 1000));
    expect(lines).toHaveLength(131 + 2);
    expect(new Set(lines.map(({ providerId }) => providerId)).size).toBe(133);
    expect([...new Set(lines.map(({ payout }) => payout))]).toEqual([first.id, second.id]);
  });
});

describe('money that was paid in another currency', () => {
  const came = (amount: number, source: object, rate: number | null = 0.0852) =>
    lineOf({ ...at.stripe.ledger.book({ type: 'charge', amount, currency: 'eur' }), exchange_rate: rate, source } as never, undefined)
      .exchanged;

  test('is told in it too, as Stripe’s rate leads from the one to the other', () => {
    const charge = { object: 'charge', amount: 100_000, amount_captured: 100_000, currency: 'nok' };
    expect(came(8_520, charge)).toEqual({ gross: '1000.00', currency: 'NOK' });
    expect(came(-2_130, { object: 'refund', amount: 25_000, currency: 'nok' })).toEqual({ gross: '-250.00', currency: 'NOK' });
    expect(came(4_260, { ...charge, amount_captured: 50_000 })).toEqual({ gross: '500.00', currency: 'NOK' });
  });

  test('is not, where the source has another amount, the same currency, or Stripe exchanged nothing', () => {
    expect(came(4_260, { object: 'charge', amount: 100_000, amount_captured: 100_000, currency: 'nok' })).toBeUndefined();
    expect(came(8_520, { object: 'charge', amount: 8_520, amount_captured: 8_520, currency: 'eur' }, 1)).toBeUndefined();
    expect(came(8_520, { object: 'charge', amount: 100_000, currency: 'nok' }, null)).toBeUndefined();
    expect(came(8_520, { object: 'payout', amount: 8_520, currency: 'eur' })).toBeUndefined();
  });
});

describe('pitfall 34: a report that is not ready', () => {
  test('is temporary: the day is not over, a payout is on its way, or Stripe still works out what it is made of', async () => {
    const today = dayOf(at.stripe.clock.now());
    const notReady = { kind: 'failed', reason: 'temporary', code: 'not_ready' };
    const tomorrow = dayOf(at.stripe.clock.now() + DAY);
    expect(await payments.settlements!(at.context(), { from: today, to: tomorrow })).toMatchObject(notReady);
    await at.paid('card');
    const payout = at.stripe.ledger.payOut();
    expect(await payments.settlements!(at.context(), { from: today, to: today })).toMatchObject(notReady);
    await at.stripe.advance(2 * DAY);
    const day = dayOf(payout.arrival_date * 1000);
    expect(await payments.settlements!(at.context(), { from: day, to: day })).toMatchObject(notReady);
    Object.assign(payout, { status: 'paid' });
    expect(await payments.settlements!(at.context(), { from: day, to: day })).toMatchObject(notReady);
    at.stripe.ledger.arrive(payout.id);
    expect(netOf(await linesOf(day))).toBe(0);
  });

  test('is none where the payout of today has arrived', async () => {
    await at.paid('card');
    const payout = at.stripe.ledger.payOut();
    at.stripe.ledger.arrive(payout.id);
    expect(netOf(await linesOf(dayOf(at.stripe.clock.now())))).toBe(0);
  });

  test('says when the day is over where every movement of it is a line', async () => {
    at.stripe.ledger.interval = 'manual';
    const today = dayOf(at.stripe.clock.now());
    const left = Date.parse(today) + DAY - at.stripe.clock.now();
    const outcome = await payments.settlements!(at.context(), { from: today, to: today });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'temporary', retryAfterMs: expect.any(Number) });
    // The clock goes on while it is asked.
    const { retryAfterMs = 0 } = outcome as Failed;
    expect([retryAfterMs <= left + 600_000, retryAfterMs > left + 540_000]).toEqual([true, true]);
  });

  test('a page that Stripe never gave is refused', async () => {
    const day = dayOf(at.stripe.clock.now() - 3 * DAY);
    expect(await payments.settlements!(at.context(), { from: day, to: day, page: 'x' })).toMatchObject({ reason: 'input', field: 'page' });
  });
});

test('pitfall 35: a payout belongs to the day in UTC on which it arrives', async () => {
  await at.paid('card');
  const payout = at.stripe.ledger.payOut();
  at.stripe.ledger.arrive(payout.id);
  await at.stripe.advance(2 * DAY);
  const at0 = payout.arrival_date * 1000;
  expect(await linesOf(dayOf(at0 - DAY))).toEqual([]);
  expect(await linesOf(dayOf(at0))).toHaveLength(2);
  expect(await linesOf(dayOf(at0 + DAY))).toEqual([]);
});

describe('pitfall 12: amounts in settlements', () => {
  test.each([
    [1250, 'eur', '12.50'],
    [-5, 'EUR', '-0.05'],
    [500, 'jpy', '500'],
    [4350, 'isk', '43.50'],
    [1230, 'kwd', '1.230'],
    [0, 'eur', '0.00'],
    [-70_000, 'ugx', '-700.00'],
  ])('%i %s is %s', (amount, currency, text) => {
    expect(decimalOf(amount, currency)).toBe(text);
  });

  test('a króna has a fee that only the settlement can tell', async () => {
    const { providerId } = await at.paid('card', { amount: { amount: '100', currency: 'ISK' } });
    expect(await at.fetched(providerId)).toMatchObject({ captured: 100, currency: 'ISK' });
    expect(await at.fetched(providerId)).not.toHaveProperty('fee');
    const lines = await paidOut({ currency: 'isk' });
    expect(lines.find(({ kind }) => kind === 'payment')).toMatchObject({ gross: '100.00', fee: '0.29', net: '99.71', currency: 'ISK' });
  });
});
