import { describe, expect, test } from '@jest/globals';
import { underLease } from './lease.ts';

/** Short enough for many renewals in a test; nothing here depends on how many there are in which time. */
const LEASE_MS = 30;

describe('work under a lease', () => {
  test('is renewed until it ends, and never after', async () => {
    let renewals = 0;
    const enough = Promise.withResolvers<void>();
    const renew = async () => void ((renewals += 1) === 5 && enough.resolve());
    expect(await underLease(renew, () => enough.promise.then(() => 'done'), LEASE_MS)).toBe('done');
    const atEnd = renewals;
    await new Promise((resolve) => setTimeout(resolve, 3 * LEASE_MS));
    expect(renewals).toBe(atEnd);
  });

  test('ends after a renewal that is under way, so that its end is written last', async () => {
    const order: string[] = [];
    const begun = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const renew = async () => {
      begun.resolve();
      await held.promise;
      order.push('renewed');
    };
    const ended = underLease(renew, () => begun.promise, LEASE_MS).then(() => order.push('ended'));
    await begun.promise;
    held.resolve();
    await ended;
    expect(order).toEqual(['renewed', 'ended']);
  });

  test('goes on when a renewal fails, and throws what the work throws', async () => {
    let renewals = 0;
    const enough = Promise.withResolvers<void>();
    const renew = () => {
      if ((renewals += 1) === 3) enough.resolve();
      return Promise.reject(new Error('no database'));
    };
    const work = async () => {
      await enough.promise;
      throw new Error('the work itself');
    };
    await expect(underLease(renew, work, LEASE_MS)).rejects.toThrow('the work itself');
    expect(renewals).toBeGreaterThanOrEqual(3);
  });
});
