import { defineErrors } from '../../kernel/errors.ts';

/** What the ledger refuses. Most of these are mistakes of our own code, found before anything is stored. */
export const ledgerErrors = defineErrors('ledger', {
  unbalanced: { status: 500, title: 'The debits and credits of a ledger entry differ', remedy: 'never' },
  'invalid-line': { status: 500, title: 'A ledger line needs a known kind of account and an amount above zero', remedy: 'never' },
  'key-reused': { status: 409, title: 'A ledger entry with this key exists and has another content', remedy: 'never' },
  'not-found': { status: 404, title: 'There is no ledger entry with this id', remedy: 'fix' },
  'already-reversed': {
    status: 409,
    title: 'The ledger entry was reversed before',
    remedy: 'never',
    help: 'An entry is reversed at most once; correct a wrong reversal with a new entry.',
  },
});
