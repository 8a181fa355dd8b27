import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { extendedEnd, EXTENSION_MS, MOST_EXTENSIONS, WARNING_MS } from './checkout-session.ts';

test('whenever a payer presses for more time, the end never comes nearer, and each press that counts gives a minute at least', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 86_400_000 }),
      fc.array(fc.integer({ min: 0, max: EXTENSION_MS }), { maxLength: 40 }),
      (life, pauses) => {
        let now = 0;
        let expiresAt = new Date(life);
        for (const pause of pauses) {
          now += pause;
          if (now >= expiresAt.getTime()) return;
          const end = extendedEnd({ expiresAt }, new Date(now));
          if (!end) {
            expect(expiresAt.getTime() - now).toBeGreaterThan(EXTENSION_MS - 60_000);
            continue;
          }
          expect(end.getTime() - expiresAt.getTime()).toBeGreaterThanOrEqual(60_000);
          expect(end.getTime() - now).toBe(EXTENSION_MS);
          expiresAt = end;
        }
      },
    ),
  );
});

test('a warned payer always gets more time, and as often as WCAG 2.2.1 asks for', () => {
  expect(extendedEnd({ expiresAt: new Date(WARNING_MS) }, new Date(0))?.getTime()).toBe(EXTENSION_MS);
  expect(MOST_EXTENSIONS).toBeGreaterThanOrEqual(10);
});
