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
  state: { status: 409, title: 'The connection is in use by another change; read it again', remedy: 'retry' },
});
