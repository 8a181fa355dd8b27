import { defineErrors } from '../../kernel/errors.ts';

export const connectionErrors = defineErrors('connection', {
  unknown: { status: 404, title: 'There is no such connection', remedy: 'fix' },
  name: { status: 422, title: 'A connection’s name is small letters, digits and dashes', remedy: 'fix' },
  'name-taken': { status: 409, title: 'Another connection has this name', remedy: 'fix' },
  'unknown-plugin': { status: 422, title: 'There is no plugin of this name', remedy: 'fix', help: 'GET /v1/plugins lists them.' },
  settings: { status: 422, title: 'The settings do not fit the plugin', remedy: 'fix' },
  limit: { status: 422, title: 'A tenant has at most 200 connections', remedy: 'fix' },
  missing: { status: 422, title: 'No connection can do this', remedy: 'fix', help: 'Add a connection of a plugin that offers the action.' },
  ambiguous: {
    status: 422,
    title: 'Several connections can do this',
    remedy: 'fix',
    help: 'Name one with `via:`, or make one the default.',
  },
  'does-not-fit': { status: 422, title: 'The connection cannot do this', remedy: 'fix' },
  refused: { status: 422, title: 'The provider does not accept the new credentials', remedy: 'fix', help: 'Nothing was changed.' },
  'other-account': {
    status: 409,
    title: 'The new credentials belong to another account',
    remedy: 'fix',
    help: 'Payments of the old account could not be asked about any more. Add a connection for the new one.',
  },
  'not-tried': {
    status: 503,
    title: 'The provider could not be asked whether it accepts the new credentials',
    remedy: 'retry',
    help: 'Nothing was changed. PATCH /v1/connections/{id} changes settings without asking.',
  },
  'webhook-by-hand': {
    status: 409,
    title: 'This provider’s webhooks are not registered by Kassaflow',
    remedy: 'fix',
    help: 'Put the address of the connection’s webhook into the provider’s dashboard, where it has webhooks.',
  },
  'in-use': {
    status: 409,
    title: 'The connection is still needed',
    remedy: 'fix',
    help: 'Let what is under way end, and take it out of the payment routes. A connection with the status disabled takes no new payments.',
  },
  busy: { status: 409, title: 'The connection is being looked at already', remedy: 'retry' },
  state: { status: 409, title: 'The connection is in use by another change; read it again', remedy: 'retry' },
});
