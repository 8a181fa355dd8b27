import type { Outcome, Posted } from '@kassaflow/plugin-sdk';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import { builtInAction } from '../built-in-action.ts';
import { reversalReference, subjectOf, type AccountingPostings } from './accounting.service.ts';

const id = { type: 'string', maxLength: 40 } as const;
const postInput = {
  type: 'object',
  properties: {
    payment: { ...id, title: 'Payment' },
    invoice: { ...id, title: 'Invoice' },
    refund: { ...id, title: 'Refund' },
    journal: { type: 'string', title: 'Journal', description: 'sales, bank, costs or a code of the package', maxLength: 40 },
    description: { type: 'string', title: 'Description', maxLength: 200 },
  },
  additionalProperties: false,
} as const;
const reverseInput = {
  type: 'object',
  properties: { entry: { type: 'string', title: 'Entry', maxLength: 100 }, reason: { type: 'string', title: 'Reason', maxLength: 200 } },
  required: ['entry'],
  additionalProperties: false,
} as const;
const output = {
  type: 'object',
  properties: { entry: { type: 'string' }, number: { type: 'string' } },
  required: ['entry', 'number'],
  additionalProperties: false,
} as const;

const SHARED = {
  output,
  effect: 'lookup',
  uses: 'accounting',
  timeoutMs: 30_000,
  sample: { entry: 'b4c1f2', number: '20260117' },
} as const;

/** The actions `accounting.post` and `accounting.reverse`, through any connection to an accounting package. */
export function accountingActions(postings: AccountingPostings): readonly BuiltInAction[] {
  return [
    builtInAction(
      {
        ...SHARED,
        name: 'accounting.post',
        title: 'Post to accounting',
        about:
          'Books what a payment, an invoice or a refund did to our ledger in the accounting package. Posting the same again finds the first entry.',
        input: postInput,
        undo: 'accounting.reverse',
      },
      {
        run: async (call, wish) => written(await postings.post(call, wish)),
        lookup: async (call, wish) => found(await postings.find(call, subjectOf(wish).id)),
      },
    ),
    builtInAction(
      {
        ...SHARED,
        name: 'accounting.reverse',
        title: 'Reverse a posting',
        about: 'Books the opposite of an entry in the accounting package.',
        input: reverseInput,
      },
      {
        run: async (call, { entry, reason = '' }) => written(await postings.reverse(call, { entry, reason })),
        lookup: async (call, { entry }) => found(await postings.find(call, reversalReference(entry))),
      },
    ),
  ];
}

type Entry = Required<Posted>;

function written(outcome: Outcome<Posted>): Outcome<Entry> {
  return outcome.kind === 'ok' ? { ...outcome, value: entryOf(outcome.value) } : outcome;
}

function found(outcome: Outcome<Posted | undefined>): Outcome<Entry | undefined> {
  return outcome.kind === 'ok' ? { ...outcome, value: outcome.value && entryOf(outcome.value) } : outcome;
}

/** Not every package numbers its entries. */
function entryOf({ entry, number = '' }: Posted): Entry {
  return { entry, number };
}
