import { defineErrors } from '../../kernel/errors.ts';

export const paymentErrors = defineErrors('payment', {
  'not-found': { status: 404, title: 'There is no payment with this id', remedy: 'fix' },
  'illegal-transition': { status: 409, title: 'The payment is not in a state that allows this', remedy: 'never' },
  'invalid-facts': { status: 502, title: 'The provider reports amounts that cannot be', remedy: 'never' },
  'nothing-to-pay': {
    status: 422,
    title: 'A payment is for more than zero',
    remedy: 'fix',
    help: 'Name invoices that are open, or an amount.',
  },
  'invoice-not-open': { status: 409, title: 'The invoice is not open', remedy: 'fix' },
  'split-duplicate': { status: 422, title: 'The same invoice is named twice', remedy: 'fix' },
  'split-sum': { status: 422, title: 'The parts do not add up to the amount of the payment', remedy: 'fix' },
  'exceeds-open': { status: 422, title: 'The payment is for more than is open on the invoice', remedy: 'fix' },
  'currency-mix': { status: 422, title: 'The payment and the invoice are in different currencies', remedy: 'fix' },
  'customer-mix': { status: 422, title: 'The invoices of one payment belong to one customer', remedy: 'fix' },
  'return-url': {
    status: 422,
    title: 'The return address must be https, or this computer in test mode',
    remedy: 'fix',
    help: 'Write the host as browsers write it, without user or password, and everything that is not ASCII percent-encoded.',
  },
  'return-origin': {
    status: 422,
    title: 'The return address is not one of the portals of this account',
    remedy: 'fix',
    help: 'PUT /v1/portal-origins lists the origins that payers may be led back to; in live mode every one has to be listed.',
  },
  'no-connection': {
    status: 409,
    title: 'There is no connection through which this payment can be made',
    remedy: 'fix',
    help: 'Add a connection with "kassaflow connection add".',
  },
  'choose-connection': {
    status: 409,
    title: 'Several connections could make this payment',
    remedy: 'fix',
    help: 'Name one in the field connection, or make one the default.',
  },
  'capture-state': { status: 409, title: 'No reserved money of this payment is left to be captured', remedy: 'fix' },
  'capture-exceeds': { status: 409, title: 'The capture is for more than is reserved and not yet captured', remedy: 'fix' },
  'cancel-state': {
    status: 409,
    title: 'This payment can no longer be cancelled',
    remedy: 'fix',
    help: 'Refund what was captured with POST /v1/refunds.',
  },
  busy: {
    status: 409,
    title: 'The answer to an earlier call about this payment is still awaited',
    remedy: 'retry',
  },
  'not-supported': { status: 409, title: 'The provider of this payment cannot do this', remedy: 'never' },
  refused: { status: 409, title: 'The provider did not do it', remedy: 'fix' },
  'provider-answer': { status: 502, title: 'The provider did not say how the payment stands', remedy: 'retry' },
});

export const refundErrors = defineErrors('refund', {
  'not-found': { status: 404, title: 'There is no refund with this id', remedy: 'fix' },
  exceeds: { status: 409, title: 'The refund is larger than what is left of the payment', remedy: 'fix' },
  'payment-state': { status: 409, title: 'Nothing of this payment can be refunded', remedy: 'fix' },
  'currency-mix': { status: 422, title: 'The refund and the payment are in different currencies', remedy: 'fix' },
  'not-supported': { status: 409, title: 'The provider of this payment cannot refund', remedy: 'never' },
  'four-eyes': {
    status: 403,
    title: 'A refund is approved by somebody else than who asked for it',
    remedy: 'fix',
    help: 'Send it with another API key, or answer the task of the flow refund-approval as somebody else.',
  },
  'cancel-state': { status: 409, title: 'Only a refund that waits can be called off', remedy: 'never' },
});

export const disputeErrors = defineErrors('dispute', {
  'not-found': { status: 404, title: 'There is no dispute with this id', remedy: 'fix' },
});

export const mandateErrors = defineErrors('mandate', {
  'not-found': { status: 404, title: 'There is no mandate with this id', remedy: 'fix' },
  'not-active': {
    status: 409,
    title: 'The mandate cannot be charged',
    remedy: 'fix',
    help: 'Ask the customer for a new one: POST /v1/mandates, or a payment that has "save": true.',
  },
  none: {
    status: 409,
    title: 'The customer has no mandate that can be charged',
    remedy: 'fix',
    help: 'Ask the customer for one: POST /v1/mandates, or a payment that has "save": true.',
  },
  'charge-open': {
    status: 409,
    title: 'The invoice is being charged already',
    remedy: 'retry',
    help: 'Wait for the last word on the payment named; a direct debit takes days.',
  },
  'other-customer': { status: 422, title: 'The mandate belongs to another customer', remedy: 'fix' },
  'due-on': {
    status: 422,
    title: 'A direct debit cannot be due on this day',
    remedy: 'fix',
    help: 'Banks settle from Monday to Friday, and want it on the bank day before; announcing it gives a day.',
  },
  'not-announced': {
    status: 409,
    title: 'This direct debit was not announced to the customer',
    remedy: 'fix',
    help: 'Announce it with POST /v1/debit-notices and charge with the dueOn of the answer, or change "noticeRequired" of the dunning policy.',
  },
  'no-connection': {
    status: 409,
    title: 'There is no connection through which this mandate can be made',
    remedy: 'fix',
    help: 'Name one in the field connection whose provider keeps mandates of this kind.',
  },
  refused: { status: 409, title: 'The provider did not make the mandate', remedy: 'fix' },
  'no-answer': {
    status: 502,
    title: 'The provider did not say whether it made the mandate',
    remedy: 'retry',
    help: 'Send the same request with the same Idempotency-Key again.',
  },
  'not-a-debit': { status: 409, title: 'Only direct debits are announced', remedy: 'fix' },
  suspended: {
    status: 409,
    title: 'Too many direct debits of this mandate came back, one after the other',
    remedy: 'fix',
    help: 'Speak with the customer, then let it be charged again with POST /v1/mandates/{id}/resume.',
  },
  cap: {
    status: 409,
    title: 'The card or mandate, or the invoice, was charged as often as card schemes allow',
    remedy: 'never',
    help: 'Ten attempts per card or mandate in 30 days and eight per invoice. Ask the customer to pay by link.',
  },
});
