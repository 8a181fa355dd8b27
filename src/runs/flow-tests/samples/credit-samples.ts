/** Samples of what happens to prepaid credits. */
import { creditOrder, kim, type Samples } from './sample-world.ts';

const entry = { id: 'cre_01k9xw3d5t8m2q4r6v7y9z0a1k', kind: 'use', units: 5, balance: 15, reason: 'report 2207' } as const;
const low = { credit: entry, customer: { ...kim, credits: entry.balance }, threshold: 20 };

export const creditSamples: Readonly<Record<string, Samples>> = {
  'credit.low': {
    'fifteen-left': low,
    'only-mail': { ...low, customer: { ...low.customer, phone: '' } },
    unreachable: { ...low, customer: { ...low.customer, phone: '', email: '' } },
  },
  'credit.added': {
    'credit-package-100': {
      credit: { ...entry, kind: 'grant', units: 100, balance: 140, reason: 'order' },
      customer: { ...kim, credits: 140 },
      order: creditOrder,
    },
  },
};
