import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { groupOf, maskParticulars } from './fingerprint.ts';
import { staticPath } from './static-path.ts';

const failure = { flow: 'payment-completed', step: '0', code: 'step.permanent', message: 'Journal 90 is closed' };

describe('the path of a step in the flow', () => {
  test.each([
    ['0', '0'],
    ['0.repeat.3.2.then.0', '0.repeat.2.then.0'],
    ['1.for-each.12.0.repeat.1.4', '1.for-each.0.repeat.4'],
    ['0.parallel.repeat.1', '0.parallel.repeat.1'],
    ['0.choose.1.0', '0.choose.1.0'],
    ['on-failure.0', 'on-failure.0'],
    ['', ''],
  ])('%s is %s', (path, expected) => {
    expect(staticPath(path)).toBe(expected);
  });
});

describe('failures are the same failure', () => {
  test.each([
    ['in whichever round', { step: '0.repeat.1.0' }, { step: '0.repeat.2.0' }],
    ['whatever the number', { message: 'Journal 90 is closed' }, { message: 'Journal 1001 is closed' }],
    ['whatever the invoice', { message: 'INV-2026-118 has no customer' }, { message: 'INV-2025-7 has no customer' }],
    ['whatever the id of the provider', { message: 'No payment tr_8xkQ2' }, { message: 'No payment tr_7yy' }],
    ['whatever our id', { message: 'No run_01jd3k4m5n6p7q8r9s0t1v2w3x' }, { message: 'No run_01jd3k4m5n6p7q8r9s0t1v2w3y' }],
    ['whatever the amount', { message: 'At most 12.50 EUR' }, { message: 'At most 1,250.00 EUR' }],
    ['whatever the moment', { message: 'Closed since 2026-11-21T10:00:00Z' }, { message: 'Closed since 2025-01-02T03:04:05Z' }],
    ['whatever the address', { message: 'a.b@shop.nl is unknown' }, { message: 'kim@example.org is unknown' }],
    ['whatever the value in quotes', { message: 'No field "amount"' }, { message: 'No field "total due"' }],
    ['whatever the place', { message: 'GET https://a.example/x failed' }, { message: 'GET https://b.example/y?z=1 failed' }],
  ])('%s', (_, one, other) => {
    expect(groupOf({ ...failure, ...one }).fingerprint).toBe(groupOf({ ...failure, ...other }).fingerprint);
  });
});

test.each([
  ['another flow', { flow: 'invoice-due' }],
  ['another step', { step: '1' }],
  ['another code', { code: 'step.temporary' }],
  ['another message', { message: 'Journal 90 is missing' }],
])('%s makes another failure', (_, other) => {
  expect(groupOf({ ...failure, ...other }).fingerprint).not.toBe(groupOf(failure).fingerprint);
});

test('what the failures have in common can still be read', () => {
  expect(maskParticulars('Exact refused journal 90: period 2026-11 of INV-2026-118 is closed')).toBe(
    'Exact refused journal <n>: period <n> of <n> is closed',
  );
});

test('no message is too long or too odd for the database', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (message) => {
      const masked = maskParticulars(message);
      expect(masked.length).toBeLessThanOrEqual(200);
      expect(masked.isWellFormed()).toBe(true);
      expect(masked).not.toMatch(/\p{Cc}/u);
      expect(groupOf({ ...failure, message }).fingerprint).toMatch(/^[0-9a-f]{16}$/);
    }),
  );
});
