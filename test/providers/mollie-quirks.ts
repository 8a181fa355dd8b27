import type { Reply } from '../../plugins/sandbox/src/provider/http-server.ts';

/**
 * What goes wrong beyond the fault script:
 * - `html-before`, `html-after`: a gateway's page with 502, before or after it happened.
 * - `503`: not carried out, in Mollie's words, as for refunds at the same moment.
 * - `truncated`: it happened, and half of the answer arrives.
 * - `hang`: it happened, and no answer ever comes.
 * - `early-webhook`: a customer is faster than our answer: a payment is paid, and told, before the call that made it returns.
 */
export type QuirkAction = 'html-before' | 'html-after' | '503' | 'truncated' | 'hang' | 'early-webhook';

export interface Quirk {
  /** Part of the operation's name: `POST /v2/payments`. */
  readonly match: string;
  readonly action: QuirkAction;
  readonly times?: number;
}

export class Quirks {
  #quirks: { readonly quirk: Quirk; left: number }[] = [];

  add(...quirks: readonly Quirk[]): void {
    for (const quirk of quirks) this.#quirks.push({ quirk, left: quirk.times ?? 1 });
  }

  take(operation: string): QuirkAction | undefined {
    const found = this.#quirks.find(({ quirk, left }) => left > 0 && operation.includes(quirk.match));
    if (!found) return undefined;
    found.left -= 1;
    return found.quirk.action;
  }
}

export const GATEWAY_PAGE: Reply = {
  status: 502,
  headers: { 'content-type': 'text/html', 'retry-after': '0' },
  body: '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>',
};

export function halved(reply: Reply): Reply {
  return { ...reply, body: reply.body.slice(0, reply.body.length / 2) };
}
