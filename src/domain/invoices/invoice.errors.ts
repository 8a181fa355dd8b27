import { defineErrors } from '../../kernel/errors.ts';

export const invoiceErrors = defineErrors('invoice', {
  'not-found': { status: 404, title: 'There is no invoice with this id', remedy: 'fix' },
  'illegal-transition': { status: 409, title: 'The invoice is not in a state that allows this', remedy: 'fix' },
  overpaid: { status: 409, title: 'More would be paid on the invoice than its total, or less than nothing', remedy: 'never' },
  'has-payments': { status: 409, title: 'Money was paid on this invoice', remedy: 'fix', help: 'Refund the payment first.' },
  'nothing-open': { status: 409, title: 'Nothing of this invoice is open', remedy: 'never' },
  'currency-mix': { status: 422, title: 'All lines of an invoice are in one currency', remedy: 'fix' },
  'nothing-to-pay': { status: 422, title: 'The total of an invoice is more than zero', remedy: 'fix' },
});
