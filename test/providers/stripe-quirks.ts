/**
 * What goes wrong beyond the fault script:
 * - `500-stored`: it happened, the answer is a 500, and that answer is repeated for as long as the key lives.
 * - `html-after`: a gateway's page with 502, after it happened.
 * - `truncated`: it happened, and half of the answer arrives.
 * - `hang`: it happened, and no answer ever comes.
 * - `slow`: it takes 200 ms, in which the same key is refused as in use.
 * - `early-webhook`: the news is delivered before the answer; a session that was just made is paid before it, too.
 */
export type StripeQuirkAction = '500-stored' | 'html-after' | 'truncated' | 'hang' | 'slow' | 'early-webhook';

export interface StripeQuirk {
  /** Part of the operation's name: `POST /v1/payment_intents`. */
  readonly match: string;
  readonly action: StripeQuirkAction;
  readonly times?: number;
}

export class StripeQuirks {
  #quirks: { readonly quirk: StripeQuirk; left: number }[] = [];

  add(...quirks: readonly StripeQuirk[]): void {
    for (const quirk of quirks) this.#quirks.push({ quirk, left: quirk.times ?? 1 });
  }

  take(operation: string): StripeQuirkAction | undefined {
    const found = this.#quirks.find(({ quirk, left }) => left > 0 && operation.includes(quirk.match));
    if (!found) return undefined;
    found.left -= 1;
    return found.quirk.action;
  }
}
