import { defineErrors } from '../../kernel/errors.ts';

export const checkoutErrors = defineErrors('checkout', {
  'not-found': { status: 404, title: 'There is no checkout session with this id', remedy: 'fix' },
  token: {
    status: 401,
    title: 'This token does not open the checkout session',
    remedy: 'fix',
    help: 'A client token is good for 30 minutes and for one session. POST /v1/checkout-sessions/{id}/client-token makes another.',
  },
  closed: { status: 409, title: 'Nothing can be paid in this checkout session any more', remedy: 'fix', help: 'Make a new session.' },
  'under-way': {
    status: 409,
    title: 'An earlier payment of this checkout session is still under way',
    remedy: 'retry',
    help: 'Wait until it is paid or has failed; GET /v1/checkout-sessions/{id} says how it stands.',
  },
  method: {
    status: 422,
    title: 'This way of paying is not offered here',
    remedy: 'fix',
    help: 'GET /v1/checkout-sessions/{id}/methods lists those that are.',
  },
  'too-many-attempts': {
    status: 409,
    title: 'Too many payments of this checkout session have failed',
    remedy: 'never',
    help: 'Make a new session. Whoever tries one card after the other gets no further here.',
  },
  'extended-enough': {
    status: 409,
    title: 'This checkout session cannot be held open any longer',
    remedy: 'never',
    help: 'A payer can ask for more time ten times. Make a new session.',
  },
  'phone-needed': { status: 422, title: 'This way of paying needs a phone number', remedy: 'fix' },
  'order-closed': { status: 409, title: 'The order is not waiting to be paid', remedy: 'fix' },
  expiry: { status: 422, title: 'A checkout session stays open between 5 minutes and 30 days', remedy: 'fix' },
});

export const paymentRequestErrors = defineErrors('payment-request', {
  'not-found': { status: 404, title: 'There is no payment request with this id', remedy: 'fix' },
  'no-connection': {
    status: 409,
    title: 'No connection can ask for a payment on a phone',
    remedy: 'fix',
    help: 'Add a connection whose provider offers a method with the flow push, or name one in the field connection.',
  },
  'no-phone': { status: 422, title: 'The request needs a phone number', remedy: 'fix', help: 'Name one, or a customer who has one.' },
  'still-open': {
    status: 409,
    title: 'The request can still be approved on the phone',
    remedy: 'fix',
    help: 'Cancel it first, or wait for its end.',
  },
  'already-approved': { status: 409, title: 'The customer has approved the request already', remedy: 'never', help: 'Refund its payment.' },
  ended: { status: 409, title: 'The request has ended already', remedy: 'never' },
  reminder: { status: 422, title: 'The reminder must come before the request expires', remedy: 'fix' },
});
