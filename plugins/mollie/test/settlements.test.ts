import { describe, expect, test } from '@jest/globals';
import type { SettlementLine } from '@kassaflow/plugin-sdk';
import { millionthsOf } from '../src/decimal.ts';
import { payments } from '../src/payments.ts';
import { lineOf } from '../src/settlement-lines.ts';
import type { Settings } from '../src/settings.ts';
import { euros, Fixture, valueOf } from './fixture.ts';

const DAY = 86_400_000;
/** The night in which clocks go forward: 23:30 UTC is 00:30 in Amsterdam before, and 01:30 after. */
const START = Date.parse('2026-03-27T23:30:00Z');
const at = new Fixture({ apiKey: 'live_localserver1', now: START });

const settings = (): Settings => ({ apiKey: at.mollie.apiKey, organizationToken: at.mollie.organizationToken });
const ask = (from: string, to = from, page?: string) =>
  payments.settlements!(at.context({ settings: settings() }), { from, to, ...(page === undefined ? {} : { page }) });

async function all(from: string, to = from): Promise<{ readonly lines: readonly SettlementLine[]; readonly pages: number }> {
  const lines: SettlementLine[] = [];
  let pages = 0;
  for (let page: string | undefined, more = true; more; more = page !== undefined) {
    const read = valueOf(await ask(from, to, page));
    lines.push(...read.lines);
    page = read.next;
    pages += 1;
  }
  return { lines, pages };
}

const sum = (lines: readonly SettlementLine[], field: 'gross' | 'fee' | 'net' = 'net') =>
  lines.reduce((total, line) => total + millionthsOf(line[field]), 0n);

async function settled(wrongBy = 0): Promise<string> {
  const { id } = at.mollie.settlements.close(wrongBy);
  await at.mollie.advance(60_000);
  at.mollie.settlements.payOut(id);
  return id;
}

describe('settlements', () => {
  test('pitfall 33: payments, refunds, chargebacks and costs with four decimals sum to what was paid out', async () => {
    const sold = await at.paid();
    const taken = await at.paid({ reference: 'pay_02', amount: euros('40.00') });
    const held = await at.paid({ reference: 'pay_03', methods: ['card'], capture: 'manual' });
    at.mollie.book.capture(held, { amount: { value: '10.00', currency: 'EUR' } });
    const refund = at.mollie.book.refundInDashboard(sold, '2.50');
    at.mollie.book.finishRefund(refund.id, 'refunded');
    const chargeback = at.mollie.book.chargeBack(taken, { code: 'MD06' });
    const id = await settled();
    await at.mollie.advance(DAY);
    const { lines } = await all('2026-03-28');
    expect(lines.map(({ kind, net }) => [kind, net])).toEqual([
      ['payment', '40.00'],
      ['payment', '12.50'],
      ['refund', '-2.50'],
      ['chargeback', '-40.00'],
      ['payment', '10.00'],
      ['fee', '-1.0527'],
      ['adjustment', '0.0027'],
      ['payout', '-18.95'],
    ]);
    expect(lines.find(({ kind }) => kind === 'refund')).toMatchObject({ payout: id, refund: refund.id, payment: sold });
    expect(lines.find(({ kind }) => kind === 'chargeback')).toMatchObject({ providerId: chargeback.id, payment: taken });
    expect(lines[1]).toMatchObject({
      payment: sold,
      reference: 'pay_01',
      currency: 'EUR',
      bookedAt: START + 60_000 - ((START + 60_000) % 1000),
    });
    for (const line of lines) expect(millionthsOf(line.gross) - millionthsOf(line.fee)).toBe(millionthsOf(line.net));
    expect(sum(lines)).toBe(0n);
  });

  test('a chargeback that comes back, and a payout that costs us money', async () => {
    const taken = await at.paid();
    await settled();
    const { id } = at.mollie.book.chargeBack(taken);
    await settled();
    at.mollie.book.reverseChargeback(id);
    await settled();
    await at.mollie.advance(DAY);
    const { lines } = await all('2026-03-28');
    expect(lines.filter(({ kind }) => kind !== 'fee' && kind !== 'adjustment').map(({ kind, net }) => [kind, net])).toEqual([
      ['payment', '12.50'],
      ['payout', '-12.15'],
      ['chargeback', '-12.50'],
      ['payout', '12.50'],
      ['chargeback-reversal', '12.50'],
      ['payout', '-12.50'],
    ]);
    expect(sum(lines)).toBe(0n);
  });

  test('a sum that is wrong by more than rounding is not smoothed over: its rest is unknown', async () => {
    await at.paid();
    await settled(100);
    await at.mollie.advance(DAY);
    const { lines } = await all('2026-03-28');
    expect(lines.find(({ kind }) => kind === 'unknown')).toMatchObject({ net: '1.0009', providerId: expect.stringMatching(/:rest$/) });
    expect(sum(lines)).toBe(0n);
  });

  test('goes through many pages and settlements without loss or doubles', async () => {
    for (let index = 0; index < 520; index += 1) {
      const payment = at.mollie.book.createPayment({
        amount: {
          currency: 'EUR',
          value: '1.00',
        },
        description: 'x',
        redirectUrl: 'https://x.example',
        metadata: null,
      });
      at.mollie.book.pay(payment.id);
      if (index === 510) await settled();
    }
    await settled();
    await at.mollie.advance(DAY);
    const { lines, pages } = await all('2026-03-28');
    const ids = lines.filter(({ kind }) => kind === 'payment').map(({ providerId }) => providerId);
    expect(new Set(ids).size).toBe(520);
    expect(ids).toHaveLength(520);
    expect(pages).toBe(12);
    expect(sum(lines)).toBe(0n);
  });

  test('pitfall 35: a day is Amsterdam’s, also in the night of the change of clocks', async () => {
    await at.paid();
    const id = await settled();
    await at.mollie.advance(3 * DAY);
    expect((await all('2026-03-27')).lines).toEqual([]);
    expect((await all('2026-03-28')).lines.at(-1)).toMatchObject({ kind: 'payout', providerId: id });
    expect((await all('2026-03-29', '2026-03-30')).lines).toEqual([]);
  });

  test('an empty day has no lines', async () => {
    await at.mollie.advance(2 * DAY);
    expect(await ask('2026-03-28')).toEqual({ kind: 'ok', value: { lines: [] }, reference: '' });
  });

  test('is not ready before the day is over, or while the bank is busy', async () => {
    expect(await ask('2026-03-28')).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'not-ready' });
    await at.paid();
    const { id } = at.mollie.settlements.close();
    await at.mollie.advance(DAY);
    expect(await ask('2026-03-28')).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'not-ready' });
    at.mollie.settlements.payOut(id);
    await at.mollie.advance(DAY);
    expect((await all('2026-03-28')).lines).toEqual([]);
    expect((await all('2026-03-29')).lines.at(-1)?.providerId).toBe(id);
  });

  test('needs the organisation’s token, and its lack or refusal does not pause payments', async () => {
    await at.mollie.advance(2 * DAY);
    for (const organizationToken of [undefined, 'access_wrongwrong']) {
      const context = at.context({ settings: { apiKey: at.mollie.apiKey, ...(organizationToken ? { organizationToken } : {}) } });
      const outcome = await payments.settlements!(context, { from: '2026-03-28', to: '2026-03-28' });
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'permanent', field: 'organizationToken' });
    }
  });

  test('a test connection has none, and never shows live ones', async () => {
    const context = at.context({ mode: 'test', settings: { ...settings(), apiKey: 'test_localserver1' } });
    expect(valueOf(await payments.settlements!(context, { from: '2026-03-01', to: '2026-03-02' }))).toEqual({ lines: [] });
    expect(at.mollie.log.all()).toHaveLength(0);
  });

  test('a page that is not one of ours is refused', async () => {
    await at.mollie.advance(2 * DAY);
    expect(await ask('2026-03-28', '2026-03-28', 'x')).toMatchObject({ kind: 'failed', reason: 'input', field: 'page' });
  });
});

test('money that was paid in another currency is told in it too, with the sign of what came', () => {
  const settlement = { id: 'stl_1', settledAt: '2026-11-20T09:00:00Z', amount: { currency: 'EUR', value: '63.70' } };
  const kroner = (value: string) => ({ currency: 'NOK', value });
  const euro = (value: string) => ({ currency: 'EUR', value });
  const paid = { id: 'tr_1', amount: kroner('1000.00'), settlementAmount: euro('85.20') };
  expect(lineOf(settlement, 'payments', paid)).toMatchObject({
    currency: 'EUR',
    gross: '85.20',
    exchanged: { gross: '1000.00', currency: 'NOK' },
  });
  const back = { id: 're_1', amount: kroner('250.00'), settlementAmount: euro('-21.50') };
  expect(lineOf(settlement, 'refunds', back)).toMatchObject({ gross: '-21.50', exchanged: { gross: '-250.00', currency: 'NOK' } });
  expect(lineOf(settlement, 'payments', { ...paid, amount: euro('85.20') })).not.toHaveProperty('exchanged');
});
