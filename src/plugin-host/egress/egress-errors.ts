import { defineErrors } from '../../kernel/errors.ts';

/** Why the egress gateway does not let a request out. None of these left the machine. */
export const egressErrors = defineErrors('egress', {
  scheme: { status: 422, title: 'Only https addresses can be called', remedy: 'fix' },
  port: { status: 422, title: 'Only the ports 443 and 8443 can be called', remedy: 'fix' },
  credentials: {
    status: 422,
    title: 'An address that is called holds no user name or password',
    remedy: 'fix',
    help: 'Put credentials in the connection’s secret settings.',
  },
  address: { status: 422, title: 'This is not an address that can be called', remedy: 'fix' },
  'private-address': {
    status: 422,
    title: 'The host is not on the public internet',
    remedy: 'fix',
    help: 'An operator may allow a host of the own network with KASSAFLOW_EGRESS_ALLOW.',
  },
  'host-not-listed': {
    status: 422,
    title: 'The plugin’s manifest does not list this host',
    remedy: 'fix',
    help: 'Add the host name to `hosts` of the plugin.',
  },
  'no-call': { status: 422, title: 'A request to a provider belongs to a call of the host, and this one does not', remedy: 'fix' },
  'calls-nobody': { status: 422, title: 'Checking a signature may not call out', remedy: 'fix' },
  'request-too-large': { status: 422, title: 'The request is larger than 5 MiB', remedy: 'fix' },
});
