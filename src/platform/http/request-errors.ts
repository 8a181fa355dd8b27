/** What can be wrong with a request before any module has looked at it. */
import { defineErrors } from '../../kernel/errors.ts';

export const requestErrors = defineErrors('request', {
  'not-found': { status: 404, title: 'There is nothing at this address', remedy: 'fix' },
  'method-not-allowed': {
    status: 405,
    title: 'This address does not take this method',
    remedy: 'fix',
    help: 'The header Allow lists the methods it takes.',
  },
  'content-type': {
    status: 415,
    title: 'The body must be sent as application/json',
    remedy: 'fix',
    help: 'Send the header "Content-Type: application/json".',
  },
  'content-encoding': {
    status: 415,
    title: 'A compressed body is not accepted',
    remedy: 'fix',
    help: 'Leave out the header Content-Encoding.',
  },
  'too-large': { status: 413, title: 'The body is larger than 1 MiB', remedy: 'fix' },
  framing: {
    status: 400,
    title: 'The length of the body and the headers that announce it do not agree, or the request is not HTTP',
    remedy: 'fix',
  },
  'body-timeout': { status: 408, title: 'The request did not arrive within 10 seconds', remedy: 'retry' },
  'headers-too-large': { status: 431, title: 'The headers are larger than 16 KiB', remedy: 'fix' },
  'uri-too-long': { status: 414, title: 'The address is too long', remedy: 'fix' },
  'bad-uri': { status: 400, title: 'The address is not written correctly', remedy: 'fix' },
  'body-empty': { status: 400, title: 'There is no body', remedy: 'fix', help: 'Send one JSON object.' },
  'not-an-object': { status: 400, title: 'The body is JSON of another kind than expected', remedy: 'fix', help: 'Send one JSON object.' },
  'not-utf8': { status: 400, title: 'The body is not UTF-8', remedy: 'fix' },
  syntax: { status: 400, title: 'The body is not JSON', remedy: 'fix' },
  'too-deep': { status: 422, title: 'The body is nested deeper than 64 levels', remedy: 'fix' },
  'too-many-keys': { status: 422, title: 'The body has more than 10,000 keys', remedy: 'fix' },
  'duplicate-key': { status: 422, title: 'The same key occurs twice in one object', remedy: 'fix' },
  'forbidden-key': { status: 422, title: 'The keys __proto__, constructor and prototype are not accepted', remedy: 'fix' },
  'nul-character': { status: 422, title: 'Text holds the character U+0000, which cannot be stored', remedy: 'fix' },
  'lone-surrogate': { status: 422, title: 'Text holds half of a surrogate pair, which is no character', remedy: 'fix' },
  invalid: { status: 422, title: 'Something in the request is not as it should be', remedy: 'fix' },
  required: { status: 422, title: 'A field is missing', remedy: 'fix' },
  'unknown-field': { status: 422, title: 'There is no such field', remedy: 'fix' },
  type: { status: 422, title: 'A field is of another type than expected', remedy: 'fix' },
  format: { status: 422, title: 'A field is not written as expected', remedy: 'fix' },
  range: { status: 422, title: 'A field is smaller or larger than allowed', remedy: 'fix' },
  choice: { status: 422, title: 'A field has a value that is not in the list', remedy: 'fix' },
  'card-number': {
    status: 422,
    title: 'Card numbers must not be sent to this system',
    remedy: 'fix',
    help: 'Let the customer enter the card at the payment provider, and send its token.',
  },
  cursor: {
    status: 400,
    title: 'This cursor does not belong to this list',
    remedy: 'fix',
    help: 'Take the cursor from nextCursor of the page before, with the same filters.',
  },
  'too-many-streams': {
    status: 429,
    title: 'This holder, or this address, has as many event streams open as it may',
    remedy: 'retry',
    help: 'Close what nobody looks at, or follow several things over one stream.',
  },
  'rate-limited': { status: 429, title: 'Too many requests', remedy: 'retry', help: 'Wait as long as Retry-After says.' },
  stopping: { status: 503, title: 'The system is stopping', remedy: 'retry' },
});

export const internalErrors = defineErrors('internal', {
  unexpected: {
    status: 500,
    title: 'Something went wrong inside Kassaflow',
    remedy: 'never',
    help: 'Give the request id to an operator: the log has the cause.',
  },
});
