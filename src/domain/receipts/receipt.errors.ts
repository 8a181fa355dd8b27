import { defineErrors } from '../../kernel/errors.ts';

export const receiptErrors = defineErrors('receipt', {
  'not-found': {
    status: 404,
    title: 'There is no receipt of this payment',
    remedy: 'fix',
    help: 'A receipt is written when the first money of a payment comes. GET /v1/payments/{id} says whether it did.',
  },
});
