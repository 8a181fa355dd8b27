/** What can be wrong with a credential. The answers never say whether a key exists. */
import { defineErrors } from '../../kernel/errors.ts';

export const authErrors = defineErrors('auth', {
  required: { status: 401, title: 'This needs an API key', remedy: 'fix', help: 'Send the header "Authorization: Bearer kf_test_…".' },
  format: {
    status: 401,
    title: 'This is not an API key',
    remedy: 'fix',
    help: 'A key looks like kf_test_… or kf_live_…; copy the whole of it, after "Bearer ".',
  },
  'unknown-key': { status: 401, title: 'No such API key', remedy: 'fix' },
  revoked: { status: 401, title: 'The API key was revoked', remedy: 'fix', help: 'Create another with "kassaflow key create".' },
  expired: { status: 401, title: 'The API key has expired', remedy: 'fix', help: 'Create another with "kassaflow key create".' },
  'mode-mismatch': { status: 403, title: 'A test key cannot be used where real money moves, nor the reverse', remedy: 'fix' },
  'scope-required': {
    status: 403,
    title: 'The API key may not do this',
    remedy: 'fix',
    help: 'Use a key that holds the scope named here.',
  },
  'stream-token': {
    status: 401,
    title: 'A stream token opens streams, and nothing else',
    remedy: 'fix',
    help: 'Call this from the server, with an API key.',
  },
  'stream-token-unknown': { status: 401, title: 'No such stream token', remedy: 'fix' },
  'stream-token-over': {
    status: 401,
    title: 'The stream token has expired or was revoked',
    remedy: 'fix',
    help: 'Have the server make another: POST /v1/stream-tokens.',
  },
  subject: {
    status: 403,
    title: 'The stream token is not for this',
    remedy: 'fix',
    help: 'Name the subject when the token is made.',
  },
  'key-in-url': {
    status: 400,
    title: 'An API key was sent in the address, where logs and histories keep it',
    remedy: 'fix',
    help: 'Revoke this key, make another and send it in the Authorization header.',
  },
  'unknown-scope': { status: 422, title: 'There is no such scope', remedy: 'fix' },
  'too-many-scopes': { status: 403, title: 'A key cannot give away more than it holds', remedy: 'fix' },
});
