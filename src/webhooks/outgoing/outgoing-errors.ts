import { defineErrors } from '../../kernel/errors.ts';

/** What can be wrong with an endpoint of a portal, and with what is sent to it. */
export const endpointErrors = defineErrors('webhook-endpoint', {
  unknown: { status: 404, title: 'There is no such webhook endpoint', remedy: 'fix' },
  'url-taken': {
    status: 409,
    title: 'There is an endpoint with this address already',
    remedy: 'fix',
    help: 'Change its event types with PATCH /v1/webhook-endpoints/{id}.',
  },
  'too-many': { status: 422, title: 'A tenant has at most 50 webhook endpoints', remedy: 'fix' },
  changed: { status: 409, title: 'The endpoint was changed by somebody else meanwhile', remedy: 'retry' },
  'unknown-delivery': { status: 404, title: 'There is no such delivery to this endpoint', remedy: 'fix' },
  'unknown-type': {
    status: 422,
    title: 'There is no such event type',
    remedy: 'fix',
    help: 'GET /v1/event-types lists them; payment.* is every type that begins with payment.',
  },
});
