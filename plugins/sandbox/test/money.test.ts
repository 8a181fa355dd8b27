import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DECLINE_REASONS, type SettlementLine } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { DECLINES } from '../src/declines.ts';
import { payments } from '../src/payments.ts';
import { startProvider } from '../src/provider/provider.ts';
import { CUSTOMER, euros, Fixture, valueOf } from './fixture.ts';

const at = new Fixture();
const DAY_MS = 86_400_000;

const refund = (providerId: string, amount: string, reference = 'ref_1') =>
  payments.refund!(at.context({ idempotencyKey: `${reference}:1` }), { providerId, reference, amount: euros(amount) });

describe('ways of paying', () => {
  const offered = async (amount: { amount: string; currency: string }, locale?: string) =>
    valueOf(await payments.methods!(at.context(), { amount, ...(locale === undefined ? {} : { locale }) }));

  test('are offered by currency, amount and language', async () => {
    expect((await offered(euros('12.50'), 'nl-NL')).map(({ id, title }) => [id, title])).toEqual([
      ['ideal', 'iDEAL'],
      ['card', 'Kaart'],
      ['sepa-debit', 'Incasso'],
      ['mobilepay', 'Telefoon'],
    ]);
    expect((await offered({ amount: '12.50', currency: 'DKK' })).map(({ id }) => id)).toEqual(['card', 'mobilepay']);
    expect((await offered(euros('10000.01'))).map(({ id }) => id)).not.toContain('sepa-debit');
  });

  test.each(['push', 'qr'] as const)('%s: the customer approves and the method is told in our word', async (flow) => {
    const { providerId, next } = await at.create({ flow, customer: { ...CUSTOMER, phone: '+31612345678' } });
    expect(next).toMatchObject({ kind: flow, expiresAt: expect.any(Number) });
    await at.press(`pay/${providerId}/pay`);
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250, method: 'mobilepay' });
  });

  test('fields and terminals are refused', async () => {
    for (const flow of ['hosted-fields', 'tap'] as const)
      expect(await payments.create(at.context(), at.order({ flow }))).toMatchObject({ kind: 'failed', reason: 'input', field: 'flow' });
  });

  test('an amount of the list is declined with its code, whoever pays; the next cent is not', async () => {
    const magic = await at.paid('card', { amount: euros('1001.00') });
    expect(await at.fetched(magic)).toMatchObject({ ended: 'failed', failure: { providerCode: 'insufficient_funds' } });
    expect(await at.fetched(await at.paid('card', { reference: 'pay_02', amount: euros('1001.01') }))).toMatchObject({ captured: 100_101 });
  });

  test('every code has one of our reasons', () => {
    for (const [reason] of Object.values(DECLINES)) expect(DECLINE_REASONS).toContain(reason);
  });

  test('pitfall 29: what is held is let go after seven days', async () => {
    const id = await at.paid('card', { capture: 'manual' });
    expect((await at.fetched(id)).captureBefore).toBeGreaterThan(Date.now() + 6 * DAY_MS);
    expect(await at.hasten(id, ({ ended }) => ended === 'expired')).toMatchObject({ authorized: 1250, voided: 1250, captured: 0 });
  });
});

test('an answer out of the sandbox’s memory is as old as the first one: the payment is looked at again', async () => {
  const { providerId } = await at.create();
  await at.press(`pay/${providerId}/pay`, { method: 'card' });
  const again = valueOf(await payments.create(at.context({ idempotencyKey: 'pay_01:create:1', attempt: 2 }), at.order()));
  expect(again).toMatchObject({ providerId, facts: { captured: 1250 }, next: { kind: 'none' } });
});

describe('money that goes back', () => {
  test('pitfall 5: refunds are told one by one, ours with our id and the desk’s without', async () => {
    const id = await at.paid('card');
    const { providerId: ours } = valueOf(await refund(id, '5.00'));
    await at.press(`payments/${id}/refund`);
    const facts = await at.fetched(id);
    expect(facts).toMatchObject({
      captured: 1250,
      refunded: 1250,
      refunds: [
        { providerId: ours, reference: 'ref_1', amount: 500, state: 'done' },
        { amount: 750, state: 'done' },
      ],
    });
    expect(facts.refunds?.[1]).not.toHaveProperty('reference');
  });

  test('pitfall 6: a refund of 1012.00 is accepted, fails, and may be asked for again', async () => {
    const id = await at.paid('card', { amount: euros('1012.00') });
    expect(valueOf(await refund(id, '1012.00'))).toMatchObject({ state: 'pending' });
    expect(await at.fetched(id)).toMatchObject({ refunded: 0, refundPending: 101_200 });
    expect(await refund(id, '1.00', 'ref_2')).toMatchObject({ kind: 'failed', reason: 'input' });
    expect(await at.hasten(id, ({ refundPending }) => refundPending === 0)).toMatchObject({
      refunded: 0,
      refunds: [{ state: 'failed', failure: 'account_closed' }],
    });
    expect(valueOf(await refund(id, '1.00', 'ref_3'))).toMatchObject({ state: 'pending' });
  });

  test('pitfall 9: a dispute is opened, and won or lost at the desk', async () => {
    for (const [button, state, chargedBack] of [
      ['win', 'won', 0],
      ['lose', 'lost', 1250],
    ] as const) {
      const id = await at.paid('card', { reference: `pay_${button}` });
      await at.press(`payments/${id}/chargeback`);
      const open = await at.fetched(id);
      expect(open).toMatchObject({ chargedBack: 1250, disputes: [{ state: 'opened', amount: 1250, reason: 'fraudulent' }] });
      expect(open.disputes?.[0]?.respondBy).toBeGreaterThan(Date.now());
      await at.press(`payments/${id}/${button}`);
      expect(await at.fetched(id)).toMatchObject({ captured: 1250, chargedBack, disputes: [{ state }] });
      expect((await at.press(`payments/${id}/${button}`)).status).toBe(409);
    }
  });
});

describe('settlements', () => {
  /** As the books lay on the day before. */
  function yesterday(): string {
    at.books.prepare('update booking set booked_at = booked_at - ?').run(DAY_MS);
    return new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);
  }

  const linesOf = async (day: string): Promise<readonly SettlementLine[]> =>
    valueOf(await payments.settlements!(at.context(), { from: day, to: day })).lines;

  test('pitfall 33: a day is what moved on it and what was paid out for it, and comes to nothing', async () => {
    const [paid, disputed, failing] = [
      await at.paid('card'),
      await at.paid('ideal', { reference: 'pay_02' }),
      await at.paid('card', { reference: 'pay_03', amount: euros('1012.00') }),
    ];
    valueOf(await refund(paid, '5.00'));
    await at.press(`payments/${disputed}/chargeback`);
    await at.press(`payments/${disputed}/win`);
    valueOf(await refund(failing, '1012.00', 'ref_9'));
    await at.hasten(failing, ({ refundPending }) => refundPending === 0);
    const lines = await linesOf(yesterday());
    expect(lines.map(({ kind, reference, gross, fee, net }) => [kind, reference, gross, fee, net])).toEqual([
      ['payment', 'pay_01', '12.50', '0.29', '12.21'],
      ['payment', 'pay_02', '12.50', '0.29', '12.21'],
      ['payment', 'pay_03', '1012.00', '0.29', '1011.71'],
      ['refund', 'pay_01', '-5.00', '0.00', '-5.00'],
      ['chargeback', 'pay_02', '-12.50', '0.00', '-12.50'],
      ['chargeback-reversal', 'pay_02', '12.50', '0.00', '12.50'],
      ['refund', 'pay_03', '-1012.00', '0.00', '-1012.00'],
      ['refund', 'pay_03', '1012.00', '0.00', '1012.00'],
      ['payout', undefined, '-1031.13', '0.00', '-1031.13'],
    ]);
    expect(new Set(lines.map(({ payout }) => payout)).size).toBe(1);
  });

  test('pitfall 34: a day that is not over is temporary', async () => {
    const today = new Date().toISOString().slice(0, 10);
    expect(await payments.settlements!(at.context(), { from: today, to: today })).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
      code: 'not_ready',
    });
  });

  test('each currency has a payout of its own, without decimals where it has none', async () => {
    await at.paid('card');
    await at.paid('card', { reference: 'pay_02', amount: { amount: '500', currency: 'JPY' } });
    const payouts = (await linesOf(yesterday())).filter(({ kind }) => kind === 'payout');
    expect(payouts.map(({ currency, net }) => [currency, net])).toEqual([
      ['EUR', '-12.21'],
      ['JPY', '-471'],
    ]);
  });

  test('another key has none of these lines', async () => {
    await at.paid('card');
    const day = yesterday();
    const other = at.context({ settings: { apiKey: 'sandbox_somebody_else', webhookSecrets: ['whsec_sandbox_test_secret_2'] } });
    expect(valueOf(await payments.settlements!(other, { from: day, to: day })).lines).toEqual([]);
  });
});

test('whatever happens to a payment, its facts are its books', async () => {
  const step = fc.tuple(fc.constantFrom('refund', 'dispute', 'win', 'lose'), fc.integer({ min: 1, max: 700 }));
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      count += 1;
      const id = await at.paid('card', { reference: `pay_${count}` });
      for (const [index, [what, cents]] of steps.entries()) {
        if (what === 'refund') await refund(id, (cents / 100).toFixed(2), `ref_${count}_${index}`);
        else await at.press(`payments/${id}/${what === 'dispute' ? 'chargeback' : what}`);
      }
      const { captured, refunded, chargedBack, refunds = [], disputes = [] } = await at.fetched(id);
      const held = at.books.prepare('select coalesce(sum(gross), 0) as held from booking where payment = ?').get(id);
      expect(Number(held?.['held'])).toBe(captured - refunded - chargedBack);
      expect(refunds.reduce((sum, one) => sum + one.amount, 0)).toBe(refunded);
      expect(disputes.reduce((sum, one) => sum + (one.state === 'won' ? 0 : one.amount), 0)).toBe(chargedBack);
      expect(captured - refunded - chargedBack).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 40 },
  );
});

test('a file of the first version is opened, and its payments are as they were', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'kassaflow-sandbox-old-'));
  const old = new DatabaseSync(path.join(dataDir, 'sandbox.sqlite'));
  old.exec(`
    create table payment (
      id text primary key, account text not null, reference text not null, amount integer not null, digits integer not null, currency text not null,
      description text not null, return_url text not null, cancel_url text not null, webhook_url text not null, methods text not null, capture text not null,
      state text not null, method text, captured integer not null default 0, voided integer not null default 0, charged_back integer not null default 0,
      failure text, created_at integer not null, expires_at integer not null, unique (account, reference)
    ) strict;
    create table refund (
      id text primary key, payment text not null references payment, reference text not null, amount integer not null, created_at integer not null
    ) strict;
    insert into payment values ('sbx_old', 'acct_a17c0c5ce2d2f4bd', 'pay_old', 1250, 2, 'EUR', 'Old', 'https://shop.example/', 'https://shop.example/',
      'https://kassaflow.example/webhooks/sandbox/1', '[]', 'automatic', 'paid', 'card', 1250, 0, 0, null, 1, 2);
    insert into refund values ('sbr_old', 'sbx_old', 'ref_old', 300, 3);
  `);
  old.close();
  const provider = await startProvider({ dataDir, isDurable: false });
  try {
    const page = await (await fetch(`${provider.url}/sandbox/payments`)).text();
    expect(page).toContain('€3.00 refunded');
    const refunded = await fetch(`${provider.url}/sandbox/payments/sbx_old/refund`, { method: 'POST', redirect: 'manual' });
    expect(refunded.status).toBe(303);
  } finally {
    await provider.close();
    rmSync(dataDir, { recursive: true });
  }
});
