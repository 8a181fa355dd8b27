import type { Reply } from '../../plugins/sandbox/src/provider/http-server.ts';
import { QuirkScript } from './quirk-script.ts';

/**
 * What goes wrong beyond the fault script:
 * - `html-before`, `html-after`: a gateway's page with 502, before or after it happened.
 * - `503`: not carried out, in Mollie's words, as for refunds at the same moment.
 * - `truncated`: it happened, and half of the answer arrives.
 * - `hang`: it happened, and no answer ever comes.
 * - `early-webhook`: a customer is faster than our answer: a payment is paid, and told, before the call that made it returns.
 */
export type QuirkAction = 'html-before' | 'html-after' | '503' | 'truncated' | 'hang' | 'early-webhook';

export class Quirks extends QuirkScript<QuirkAction> {}

export const GATEWAY_PAGE: Reply = {
  status: 502,
  headers: { 'content-type': 'text/html', 'retry-after': '0' },
  body: '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>',
};

export function halved(reply: Reply): Reply {
  return { ...reply, body: reply.body.slice(0, reply.body.length / 2) };
}
