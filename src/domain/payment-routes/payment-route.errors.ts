import { defineErrors } from '../../kernel/errors.ts';

export const paymentRouteErrors = defineErrors('payment-route', {
  'unknown-connection': {
    status: 422,
    title: 'There is no connection of this name',
    remedy: 'fix',
    help: 'GET /v1/connections lists them.',
  },
  'cannot-pay': { status: 422, title: 'The plugin of this connection does not take payments', remedy: 'fix' },
  duplicate: { status: 422, title: 'Two routes are for the same method and currency, or one names a connection twice', remedy: 'fix' },
});
