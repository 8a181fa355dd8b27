import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Outcome, SettlementLine, SettlementPage } from '@kassaflow/plugin-sdk';
import { payments } from '../src/payments.ts';
import { DAY_MS, dkk, ORDER, START, valueOf, World } from './world.ts';

const DAY = '2026-11-20';

let world: World;
beforeEach(async () => {
  world = await World.start({ mode: 'live' });
});
afterEach(() => world.close());

function page(more: Partial<{ from: string; to: string; page: string }> = {}, settings = {}): Promise<Outcome<SettlementPage>> {
  return payments.settlements!(world.context({ settings }), { from: DAY, to: DAY, ...more });
}

async function all(from = DAY, to = DAY): Promise<SettlementLine[]> {
  const lines: SettlementLine[] = [];
  let next: string | undefined;
  do {
    const read = valueOf(await page({ from, to, ...(next === undefined ? {} : { page: next }) }));
    lines.push(...read.lines);
    next = read.next;
  } while (next !== undefined);
  return lines;
}

function minor(text: string): number {
  expect(text).toMatch(/^-?\d+\.\d{2}$/);
  return Number(text.replace('.', ''));
}

async function soldAndPaidOut(): Promise<string> {
  const providerId = await world.captured();
  await world.captured({ reference: 'pay_02', amount: dkk('10.00') });
  valueOf(await payments.refund!(world.write(), { providerId, reference: 'ref_1', amount: dkk('25.00') }));
  world.vipps.ledger.payOut(112);
  return providerId;
}

describe('a day’s ledger', () => {
  test('pitfall 33: line by line gross − fee = net, and all of it together is the payout', async () => {
    await soldAndPaidOut();
    await world.vipps.clock.advance(DAY_MS);
    const lines = await all();
    expect(lines.map(({ kind, gross, fee, net }) => [kind, gross, fee, net])).toEqual([
      ['payment', '125.00', '0.00', '125.00'],
      ['payment', '10.00', '0.00', '10.00'],
      ['refund', '-25.00', '0.00', '-25.00'],
      ['fee', '0.00', '1.12', '-1.12'],
      ['payout', '-108.88', '0.00', '-108.88'],
    ]);
    for (const { gross, fee, net } of lines) expect(minor(gross) - minor(fee)).toBe(minor(net));
    expect(lines.reduce((sum, { net }) => sum + minor(net), 0)).toBe(0);
    expect(new Set(lines.map(({ payout }) => payout))).toEqual(new Set(['302321-2000001']));
    expect(new Set(lines.map(({ providerId }) => providerId)).size).toBe(lines.length);
  });

  test('names the payment by the provider’s id and by ours, and the day when it was booked', async () => {
    const providerId = await soldAndPaidOut();
    await world.vipps.clock.advance(DAY_MS);
    const [capture, , refund, fee] = await all();
    expect(capture).toMatchObject({ payment: providerId, reference: 'pay_01', currency: 'DKK', bookedAt: START });
    expect(refund).toMatchObject({ payment: providerId, reference: 'pay_01', refund: expect.any(String) });
    expect(fee).not.toHaveProperty('payment');
  });

  test('pitfalls 9 and 10: a chargeback is told here and nowhere else, and so is one that is won back', async () => {
    const providerId = await world.captured();
    world.vipps.ledger.dispute(providerId, 'retained-disputed-capture');
    await world.vipps.clock.advance(DAY_MS);
    expect(await world.facts(providerId)).toMatchObject({ captured: 12_500, chargedBack: 0 });
    world.vipps.ledger.dispute(providerId, 'returned-disputed-capture');
    await world.vipps.clock.advance(DAY_MS);
    const lines = await all(DAY, '2026-11-21');
    expect(lines.slice(1)).toMatchObject([
      { kind: 'chargeback', payment: providerId, reference: 'pay_01', net: '-125.00' },
      { kind: 'chargeback-reversal', payment: providerId, reference: 'pay_01', net: '125.00' },
    ]);
    // The same `pspReference` three times: still three lines.
    expect(new Set(lines.map((line) => line.providerId)).size).toBe(3);
  });

  test('pages lose nothing and double nothing', async () => {
    world.vipps.ledger.pageSize = 2;
    for (let n = 1; n <= 5; n += 1)
      world.vipps.ledger.book('capture', { reference: `kf-pay-0${n}`, pspReference: `p${n}`, currency: 'DKK', amount: n * 100 });
    await world.vipps.clock.advance(DAY_MS);
    expect((await all()).map(({ reference }) => reference)).toEqual(['pay_01', 'pay_02', 'pay_03', 'pay_04', 'pay_05']);
  });

  test('a day of more than an answer holds is read in several, and the balance runs through', async () => {
    for (let n = 0; n < 2_500; n += 1)
      world.vipps.ledger.book('capture', { reference: `kf-pay-${n}x`, pspReference: `p${n}`, currency: 'DKK', amount: 100 });
    await world.vipps.clock.advance(DAY_MS);
    const first = valueOf(await page());
    expect(first.lines).toHaveLength(1_000);
    expect(new Set((await all()).map(({ providerId }) => providerId)).size).toBe(2_500);
    // A page that does not go on where the one before ended is not handed out.
    const place = JSON.parse(Buffer.from(first.next ?? '', 'base64url').toString('utf8')) as object;
    const wrong = Buffer.from(JSON.stringify({ ...place, balance: 1 })).toString('base64url');
    expect(await page({ page: wrong })).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'ledger-gap' });
  });

  test('several days come one after the other; an empty one has no lines', async () => {
    await soldAndPaidOut();
    await world.vipps.clock.advance(2 * DAY_MS);
    await world.captured({ reference: 'pay_03' });
    await world.vipps.clock.advance(DAY_MS);
    expect(valueOf(await page({ from: '2026-11-21', to: '2026-11-21' }))).toEqual({ lines: [] });
    expect((await all(DAY, '2026-11-22')).map(({ kind }) => kind)).toEqual(['payment', 'payment', 'refund', 'fee', 'payout', 'payment']);
  });

  test('pitfall 34: a day that is still open, or has not come, is not ready, even with entries in it', async () => {
    await soldAndPaidOut();
    const notReady = { kind: 'failed', reason: 'temporary', code: 'ledger-open', retryAfterMs: 1_800_000 };
    expect(await page()).toMatchObject(notReady);
    expect(await page({ from: '2026-12-24', to: '2026-12-24' })).toMatchObject(notReady);
  });

  test('pitfall 35: a sale just before midnight in Copenhagen is of that day, though the instant is the evening before in London', async () => {
    await world.vipps.clock.advance(11.5 * 3_600_000);
    await world.captured();
    await world.vipps.clock.advance(DAY_MS);
    expect(await all()).toEqual([]);
    expect(await all('2026-11-21', '2026-11-21')).toMatchObject([{ bookedAt: Date.parse('2026-11-20T23:30:00Z') }]);
  });

  test('pitfall 30: an entry of a new type is a line of unknown kind with its effect on the balance, and is warned of', async () => {
    world.vipps.ledger.book('lunar-bonus', { reference: 'kf-pay-01', pspReference: 'p', currency: 'DKK', amount: 5 });
    await world.vipps.clock.advance(DAY_MS);
    const context = world.context();
    const { lines } = valueOf(await payments.settlements!(context, { from: DAY, to: DAY }));
    expect(lines).toMatchObject([{ kind: 'unknown', gross: '0.05', net: '0.05', reference: 'pay_01' }]);
    expect(context.logged.join()).toContain('lunar-bonus');
  });

  test('a missing entry is noticed by the balance', async () => {
    await soldAndPaidOut();
    await world.vipps.clock.advance(DAY_MS);
    const context = world.context();
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await context.fetch(input, init);
      if (!(input instanceof Request ? input.url : input.toString()).includes('/funds/')) return response;
      const body = (await response.json()) as { items: unknown[] };
      return Response.json({ ...body, items: body.items.toSpliced(1, 1) });
    };
    expect(await payments.settlements!({ ...context, fetch }, { from: DAY, to: DAY })).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
      code: 'ledger-gap',
    });
  });
});

describe('access to settlements', () => {
  test('the test environment settles nothing and is not asked', async () => {
    const context = world.context({ mode: 'test' });
    expect(await payments.settlements!(context, { from: DAY, to: DAY })).toEqual({ kind: 'ok', value: { lines: [] }, reference: '' });
    expect(world.vipps.log.all()).toHaveLength(0);
  });

  test('accounting keys get their own token, which lives for a quarter of an hour', async () => {
    await soldAndPaidOut();
    await world.vipps.clock.advance(DAY_MS);
    const { reportClientId, reportClientSecret } = world.vipps.gate.keys;
    const settings = { reportClientId, reportClientSecret };
    valueOf(await page({}, settings));
    expect(world.vipps.log.all().map(({ operation }) => operation)).toContain('POST /miami/v1/token');
    const given = world.vipps.gate.tokensGiven;
    await world.vipps.clock.advance(14 * 60_000);
    valueOf(await page({}, settings));
    expect(world.vipps.gate.tokensGiven).toBe(given + 1);
  });

  test('keys that may not read settlements stop no payments: it is not a matter of the connection’s keys', async () => {
    world.vipps.gate.withoutProducts.push('/report/', '/settlement/');
    expect(await page()).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'report-access' });
    expect(await page({}, { reportClientId: 'wrong-id', reportClientSecret: 'wrong-secret' })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'report-access',
    });
    expect(await world.create({ amount: ORDER.amount })).toMatchObject({ providerId: 'kf-pay-01' });
  });

  test('a sales unit without a ledger has no lines, and pages of others are refused', async () => {
    world.vipps.gate.keys = { ...world.vipps.gate.keys, merchantSerialNumber: '555555' };
    expect(valueOf(await page())).toEqual({ lines: [] });
    const foreign = Buffer.from(JSON.stringify({ ledger: '302322', date: DAY })).toString('base64url');
    expect(await page({ page: foreign })).toMatchObject({ kind: 'failed', reason: 'input', field: 'page' });
    expect(await page({ page: 'nonsense' })).toMatchObject({ kind: 'failed', reason: 'input', field: 'page' });
    expect(await page({ from: '2026-02-30' })).toMatchObject({ kind: 'failed', reason: 'input', field: 'from' });
  });
});
