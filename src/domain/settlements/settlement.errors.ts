import { defineErrors } from '../../kernel/errors.ts';

export const settlementErrors = defineErrors('settlement', {
  'not-found': { status: 404, title: 'There is no settlement with this id', remedy: 'fix' },
  'no-import': { status: 404, title: 'There is no import of settlements with this id', remedy: 'fix' },
  connection: { status: 422, title: 'There is no active connection with this name or id', remedy: 'fix' },
  'not-supported': { status: 409, title: 'The provider of this connection does not tell what it settled', remedy: 'never' },
  days: {
    status: 422,
    title: 'These are not days that can be imported',
    remedy: 'fix',
    help: 'Name days that are over, the first one first, at most 31 of them.',
  },
});
