import { defineErrors } from '../../kernel/errors.ts';

export const customerErrors = defineErrors('customer', {
  'not-found': { status: 404, title: 'There is no customer with this id', remedy: 'fix' },
  'reference-taken': { status: 409, title: 'Another customer has this reference', remedy: 'fix' },
  'phone-country': {
    status: 422,
    title: 'A phone number needs its country code',
    remedy: 'fix',
    help: 'Write +31612345678, or send the country as well.',
  },
  'phone-format': {
    status: 422,
    title: 'This is not a phone number',
    remedy: 'fix',
    help: 'Write one number in the international form, for example +31612345678.',
  },
});
