import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AmountError, decimalOf, toVipps } from '../src/amounts.ts';
import { payments } from '../src/payments.ts';
import { fromVippsReference, readPaymentId, toVippsReference } from '../src/references.ts';
import { lineOf, msisdnOf } from '../src/texts.ts';
import { ORDER, World } from './world.ts';

describe('amounts', () => {
  test.each([
    ['0.01', 'DKK', 1],
    ['12.50', 'EUR', 1_250],
    ['999999.99', 'NOK', 99_999_999],
  ])('pitfall 12: %s %s is %i', (amount, currency, value) => {
    expect(toVipps({ amount, currency })).toEqual({ currency, value });
  });

  test.each([
    ['500', 'JPY'],
    ['1.234', 'KWD'],
    ['12.50', 'SEK'],
    ['12.5', 'DKK'],
    ['12', 'DKK'],
    ['12.500', 'DKK'],
    ['-1.00', 'DKK'],
    ['0.00', 'DKK'],
    ['1e2', 'DKK'],
  ])('%s %s cannot be asked for', (amount, currency) => {
    expect(() => toVipps({ amount, currency })).toThrow(AmountError);
  });

  test('what cannot be asked for names the amount, in each call that moves money, before anything is sent', async () => {
    const world = await World.start();
    const amount = { amount: '500', currency: 'JPY' };
    const refused = { kind: 'failed', reason: 'input', field: 'amount' };
    expect(await payments.create(world.write(), { ...ORDER, amount })).toMatchObject(refused);
    expect(await payments.create(world.write(), { ...ORDER, amount, save: true })).toMatchObject(refused);
    expect(await payments.capture!(world.write(), { providerId: 'kf-pay-01', amount })).toMatchObject(refused);
    expect(await payments.refund!(world.write(), { providerId: 'agr_1/kf-pay-01', reference: 'ref_1', amount })).toMatchObject(refused);
    expect(
      await payments.charge!(world.write(), {
        reference: 'pay_07',
        mandate: 'agr_1',
        amount,
        description: 'x',
        returnUrl: ORDER.returnUrl,
        webhookUrl: ORDER.webhookUrl,
      }),
    ).toMatchObject(refused);
    expect(world.vipps.log.all()).toHaveLength(0);
    await world.close();
  });

  test('below the least amount of the market, or in another market’s currency, is the amount’s fault', async () => {
    const world = await World.start({ unit: { currency: 'NOK' } });
    const create = (amount: string, currency: string) => payments.create(world.write(), { ...ORDER, amount: { amount, currency } });
    expect(await create('0.99', 'NOK')).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount', code: '6010' });
    expect(await create('10.00', 'EUR')).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount', code: '5040' });
    expect(await create('1.00', 'NOK')).toMatchObject({ kind: 'ok' });
    await world.close();
  });

  test('minor units are written as decimals without a detour over fractions', () => {
    fc.assert(
      fc.property(fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }), (minor) => {
        const text = decimalOf(minor);
        expect(text).toMatch(/^-?\d+\.\d{2}$/);
        expect(BigInt(text.replace('.', ''))).toBe(BigInt(minor));
      }),
    );
  });
});

describe('references', () => {
  const part = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/);
  const reference = fc
    .tuple(part, fc.array(fc.tuple(fc.constantFrom('-', '_'), part), { maxLength: 2 }))
    .map(([first, rest]) => first + rest.map((more) => more.join('')).join(''));

  test('every reference that fits comes back as it was', () => {
    fc.assert(
      fc.property(reference, (ours) => {
        const theirs = toVippsReference(ours);
        if (theirs === undefined) return;
        expect(theirs).toMatch(/^[a-zA-Z0-9-]{8,50}$/);
        expect(fromVippsReference(theirs)).toBe(ours);
      }),
    );
  });

  test('our own ids fit, and two of ours are never one of theirs', () => {
    expect(toVippsReference('pay_01jd3k4m5n6p7q8r9s0t1v2w3x')).toBe('kf-pay-01jd3k4m5n6p7q8r9s0t1v2w3x');
    expect(toVippsReference('pay-01')).toBe('kf-pay--01');
    expect(toVippsReference('pay_01')).toBe('kf-pay-01');
  });

  test.each(['order-123', 'kf-', 'kf-a---b1234', 'kf--pay-01', 'kf-pay-01-', ''])('“%s” is none of ours', (theirs) => {
    expect(fromVippsReference(theirs)).toBeUndefined();
  });

  test('an id is a payment’s or a charge’s', () => {
    expect(readPaymentId('kf-pay-01')).toEqual({ kind: 'payment', reference: 'kf-pay-01' });
    expect(readPaymentId('agr_5k/kf-pay-01')).toEqual({ kind: 'charge', agreement: 'agr_5k', charge: 'kf-pay-01' });
    expect(readPaymentId('agr_5k/../x')).toBeUndefined();
  });
});

describe('texts', () => {
  test('descriptions are one line, within the limits, and never half a character', () => {
    const limits = { least: 3, most: 10, otherwise: 'kf-pay-01' };
    expect(lineOf('Invoice\n\t2026', limits)).toBe('Invoice 20');
    expect(lineOf('12345678👨‍👩‍👧', limits)).toBe('12345678');
    expect(lineOf('a', limits)).toBe('kf-pay-01');
    expect(lineOf('', { least: 1, most: 5, otherwise: 'kf-pay-01' })).toBe('kf-pa');
  });

  test('phone numbers lose their plus and their spaces', () => {
    expect(msisdnOf('+45 12 34 56 78')).toBe('4512345678');
    expect(msisdnOf('+358401234567')).toBe('358401234567');
    expect(msisdnOf('12 34')).toBeUndefined();
    expect(msisdnOf('+45x12345678')).toBeUndefined();
  });
});
