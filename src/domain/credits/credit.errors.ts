import { defineErrors } from '../../kernel/errors.ts';

export const creditErrors = defineErrors('credit', {
  insufficient: { status: 409, title: 'The customer does not have that many credits', remedy: 'fix' },
  'key-reused': { status: 409, title: 'A credit entry with this key exists and has another content', remedy: 'never' },
  'package-not-found': { status: 404, title: 'There is no credit package with this id', remedy: 'fix' },
  'package-name-taken': { status: 409, title: 'Another credit package has this name', remedy: 'fix' },
});
