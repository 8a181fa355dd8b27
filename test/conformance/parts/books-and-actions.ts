import { randomUUID } from 'node:crypto';
import { failed, ok } from '@kassaflow/plugin-sdk';
import { subject as mollie } from '../../../plugins/mollie/test/conformance.ts';
import { subject as sandbox } from '../../../plugins/sandbox/test/conformance.ts';
import { payments, accounting, everyAction, everyTrigger, otherKey, mapped, mappedLater, type Row } from './replace.ts';

const SAME_WAY = [
  { account: 'asset:receivable', debit: { amount: '12.50', currency: 'EUR' } },
  { account: 'income:sales', credit: { amount: '12.50', currency: 'EUR' } },
];

export const BOOK_ROWS: readonly Row[] = [
  [
    'S1: forgets the costs',
    mollie,
    payments((was) => ({
      settlements: async (context, asked) =>
        mapped(await was.settlements(context, asked), (page) => ({
          ...page,
          lines: page.lines.map((line) => ({ ...line, net: line.gross })),
        })),
    })),
    ['S1'],
    /gross − fee = net/,
  ],
  [
    'S2: loses the last line of a page',
    mollie,
    payments((was) => ({
      settlements: async (context, asked) =>
        mapped(await was.settlements(context, asked), ({ lines, ...page }) => ({ ...page, lines: lines.slice(0, 249) })),
    })),
    ['S1', 'S2'],
    /302 lines|come to what was paid out/,
  ],
  [
    'S3: fills an empty day',
    mollie,
    payments(() => ({
      settlements: async () =>
        ok({ lines: [{ providerId: 'x', kind: 'unknown', currency: 'EUR', gross: '1.00', fee: '0.00', net: '1.00', bookedAt: 0 }] }),
    })),
    ['S2', 'S3', 'S4'],
    /another page: not all lines/,
  ],
  [
    'S4: takes “not ready” for “nothing”',
    mollie,
    payments((was) => ({
      settlements: async (context, asked) =>
        ((outcome) => (outcome.kind === 'failed' ? ok({ lines: [] }) : outcome))(await was.settlements(context, asked)),
    })),
    ['S4'],
    /failed\/temporary/,
  ],
  [
    'A1: makes an entry balance',
    sandbox,
    accounting((was) => ({
      post: (context, entry) =>
        was.post(context, {
          ...entry,
          lines: entry.lines.map((line) => (line.credit ? { ...line, credit: { amount: '12.50', currency: 'EUR' } } : line)),
        }),
    })),
    ['A1'],
    /does not balance/,
  ],
  [
    'A2: gives every repeat another number',
    sandbox,
    accounting((was) => ({
      post: (context, entry) =>
        mappedLater(was.post(context, entry), (posted) => ({ ...posted, entry: `${posted.entry}:${randomUUID()}` })),
    })),
    ['A2', 'A6'],
    /the same entry/,
  ],
  [
    'A3: takes a lost answer for a failure',
    sandbox,
    accounting((was) => ({
      post: async (context, entry) =>
        ((outcome) => (outcome.kind === 'unknown' ? failed('temporary', 'Lost.') : outcome))(await was.post(context, entry)),
    })),
    ['A3'],
    /unknown, because nobody saw/,
  ],
  [
    'A6: books an entry again instead of reversing it',
    sandbox,
    accounting((was) => ({
      reverse: (context, { reference, date, reason }) =>
        was.post(context, { reference, date, journal: '', description: reason, lines: SAME_WAY }),
    })),
    ['A6'],
    /debit for credit/,
  ],
  [
    'T1: sends a message for every attempt',
    sandbox,
    everyAction((was) => ({ run: (context, input) => was.run(otherKey(context), input) })),
    ['T1'],
    /one effect of two attempts/,
  ],
  [
    'T3: begins with what is old',
    sandbox,
    everyTrigger((was) =>
      was.poll ? { poll: (context, question) => was.poll!(context, { cursor: 'first', ...(question as object) }) } : {},
    ),
    ['T3'],
    /no items at the first poll/,
  ],
];
