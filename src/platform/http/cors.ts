/** What browsers are told about pages of other origins (Fetch, 3.3). Never with cookies: whatever is let in brings a token. */
import type { FastifyReply } from 'fastify';

/** Lets a page of `origin` read the answer, `*` for any; also why it was refused and when to come back. */
export function letPageRead(reply: FastifyReply, origin: string): void {
  void reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', 'x-request-id, retry-after');
}

/** The headers of an answer to the question before a request (OPTIONS), besides the origin. */
export function preflightFor(methods: string): Readonly<Record<string, string>> {
  return {
    'access-control-allow-methods': methods,
    'access-control-allow-headers': 'authorization, content-type, last-event-id',
    'access-control-max-age': '600',
  };
}
