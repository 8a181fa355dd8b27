import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isAbout } from '../platform/auth/follower.ts';
import { Watchers, type Indexed } from './watchers.ts';

const tenants = fc.constantFrom('a', 'b');
const subjects = fc.constantFrom('payment/1', 'payment/2', 'invoice/1', 'order', '');
const abouts = fc.option(
  fc.array(fc.constantFrom('payment/1', 'payment/2', 'payment/*', 'invoice/*', 'order'), { minLength: 1, maxLength: 4 }),
  {
    nil: undefined,
  },
);
const watcher = fc.record({ tenantId: tenants, about: abouts, goes: fc.boolean() });

describe('the index of watchers', () => {
  test('finds exactly those who want an event, each once, also after some have gone', () => {
    fc.assert(
      fc.property(fc.array(watcher, { maxLength: 20 }), tenants, subjects, (all, tenantId, subject) => {
        const index = new Watchers<Indexed & { readonly goes: boolean }>();
        for (const one of all) index.add(one);
        for (const one of all) if (one.goes) expect([index.delete(one), index.delete(one)]).toEqual([true, false]);
        const left = all.filter(({ goes }) => !goes);
        expect(
          [...index.of({ tenantId, subject })].toSorted((a, b) => left.findIndex((one) => one === a) - left.findIndex((one) => one === b)),
        ).toEqual(left.filter((one) => one.tenantId === tenantId && isAbout(one.about, subject)));
        expect(index.size).toBe(left.length);
        expect([...index.tenants()].toSorted()).toEqual([...new Set(left.map((one) => one.tenantId))].toSorted());
      }),
    );
  });
});
