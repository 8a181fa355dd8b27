import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SettlementLine } from '@kassaflow/plugin-sdk';
import { startPaypalServer, type PaypalServer } from '../../../test/providers/paypal-server.ts';
import { payments } from '../src/payments.ts';
import { contextOf, paid, valueOf } from './local-paypal.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let paypal: PaypalServer;
let from: string;
beforeEach(async () => {
  paypal = await startPaypalServer();
  // Noon of a day of its own, so that no test runs over midnight.
  paypal.clock.advance(DAY_MS - ((paypal.clock.now() + 12 * HOUR_MS) % DAY_MS));
  from = day();
});
afterEach(() => paypal.close());

function day(): string {
  return paypal.clock.stamp().slice(0, 10);
}

async function linesOf(to = from): Promise<readonly SettlementLine[]> {
  const lines: SettlementLine[] = [];
  let page: string | undefined;
  do {
    const answer = valueOf(await payments.settlements!(contextOf(paypal), { from, to, ...(page === undefined ? {} : { page }) }));
    lines.push(...answer.lines);
    page = answer.next;
  } while (page !== undefined);
  return lines;
}

function cents(lines: readonly SettlementLine[], of: 'gross' | 'fee' | 'net'): number {
  return lines.reduce((sum, line) => sum + Math.round(Number(line[of]) * 100), 0);
}

describe('settlements', () => {
  test('say what came, what it cost and whose it was; what goes to the bank is what was left', async () => {
    const first = await paid(paypal);
    const second = await paid(paypal, { reference: 'pay_02', amount: { amount: '100.00', currency: 'EUR' } });
    paypal.orders.dashboardRefund(first.captureId, '2.50');
    const dispute = paypal.disputes.open(second.captureId);
    paypal.disputes.resolve(dispute.dispute_id, 'RESOLVED_SELLER_FAVOUR');
    const payout = paypal.withdraw(paypal.ledger.balance('EUR'));
    paypal.clock.advance(DAY_MS);

    const lines = await linesOf();
    expect(lines.map(({ kind, gross, fee, net }) => [kind, gross, fee, net])).toEqual([
      ['payment', '12.50', '0.70', '11.80'],
      ['payment', '100.00', '3.15', '96.85'],
      ['refund', '-2.50', '0.00', '-2.50'],
      ['chargeback', '-100.00', '0.00', '-100.00'],
      ['chargeback-reversal', '100.00', '0.00', '100.00'],
      ['payout', '-106.15', '0.00', '-106.15'],
    ]);
    expect(lines.map(({ payment }) => payment)).toEqual([
      first.providerId,
      second.providerId,
      first.providerId,
      second.providerId,
      second.providerId,
      undefined,
    ]);
    expect(lines.at(-1)?.providerId).toContain(payout);
  });

  test('pitfall 33: gross − fee = net in every line, and all lines until a withdrawal add up to it', async () => {
    for (let index = 0; index < 20; index += 1)
      await paid(paypal, { reference: `pay_${index}`, amount: { amount: `${index + 1}.37`, currency: 'EUR' } });
    paypal.withdraw(paypal.ledger.balance('EUR'));
    paypal.clock.advance(DAY_MS);
    const lines = await linesOf();
    for (const line of lines) expect(cents([line], 'gross') - cents([line], 'fee')).toBe(cents([line], 'net'));
    expect(cents(lines, 'net')).toBe(0);
  });

  test('pages and days are read without loss and without doubles', async () => {
    for (let index = 0; index < 230; index += 1)
      paypal.ledger.add({ id: `TX${index}`, code: 'T0006', amount: { currency_code: 'EUR', value: '1.00' }, order: `O${index}` });
    paypal.clock.advance(2 * DAY_MS);
    await paid(paypal, { reference: 'pay_later' });
    const to = day();
    paypal.clock.advance(DAY_MS);
    const lines = await linesOf(to);
    expect(lines).toHaveLength(231);
    expect(new Set(lines.map(({ providerId }) => providerId)).size).toBe(231);
  });

  test('a refund names its payment also when that was paid on another day', async () => {
    const { providerId, captureId } = await paid(paypal);
    paypal.clock.advance(3 * DAY_MS);
    from = day();
    paypal.orders.dashboardRefund(captureId, '1.00');
    paypal.clock.advance(DAY_MS);
    expect(await linesOf()).toMatchObject([{ kind: 'refund', payment: providerId }]);
  });

  test('an empty day has no lines', async () => {
    paypal.clock.advance(DAY_MS);
    expect(valueOf(await payments.settlements!(contextOf(paypal), { from, to: from }))).toEqual({ lines: [] });
  });

  test('pitfall 34: a day that the report does not cover yet is temporary', async () => {
    await paid(paypal);
    paypal.clock.advance(13 * HOUR_MS);
    const early = await payments.settlements!(contextOf(paypal), { from, to: from });
    expect(early).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'REPORT_NOT_READY' });
    paypal.clock.advance(3 * HOUR_MS);
    expect(await linesOf()).toHaveLength(1);
  });

  test('pitfall 34: a reversal that shares the payment’s id is a line of its own', async () => {
    const { captureId } = await paid(paypal);
    paypal.orders.reverse(captureId);
    paypal.clock.advance(DAY_MS);
    const lines = await linesOf();
    expect(lines.map(({ kind }) => kind)).toEqual(['payment', 'chargeback']);
    expect(new Set(lines.map(({ providerId }) => providerId)).size).toBe(2);
  });

  test('pitfall 33: a kind that PayPal did not have yet is kept as unknown and logged', async () => {
    paypal.ledger.add({ id: 'TXNEW', code: 'T9999', amount: { currency_code: 'EUR', value: '-0.05' } });
    paypal.clock.advance(DAY_MS);
    const context = contextOf(paypal);
    expect(valueOf(await payments.settlements!(context, { from, to: from })).lines).toMatchObject([{ kind: 'unknown', net: '-0.05' }]);
    expect(context.logged.join()).toContain('T9999');
  });

  test('pitfall 35: a line belongs to its day in UTC, and keeps its moment', async () => {
    paypal.clock.advance(DAY_MS - (paypal.clock.now() % DAY_MS) - 1_500);
    from = day();
    paypal.ledger.add({ id: 'TXBEFORE', code: 'T0006', amount: { currency_code: 'EUR', value: '1.00' } });
    const before = paypal.clock.now();
    paypal.clock.advance(2_000);
    const to = day();
    paypal.ledger.add({ id: 'TXAFTER', code: 'T0006', amount: { currency_code: 'EUR', value: '2.00' } });
    paypal.clock.advance(2 * DAY_MS);
    expect(to > from).toBe(true);
    const [line, ...others] = await linesOf(from);
    expect([line?.gross, others.length]).toEqual(['1.00', 0]);
    expect(Math.abs((line?.bookedAt ?? 0) - before)).toBeLessThan(1_000);
    expect((await linesOf(to)).map(({ gross }) => gross)).toEqual(['1.00', '2.00']);
  });

  test('currencies without decimals have none', async () => {
    await paid(paypal, { amount: { amount: '500', currency: 'JPY' } });
    paypal.clock.advance(DAY_MS);
    expect(await linesOf()).toMatchObject([{ currency: 'JPY', gross: '500', fee: '49', net: '451' }]);
  });

  test('days in the wrong order are refused', async () => {
    expect(await payments.settlements!(contextOf(paypal), { from: '2026-11-02', to: '2026-11-01' })).toMatchObject({
      kind: 'failed',
      reason: 'input',
    });
  });
});
