import { QuirkScript } from './quirk-script.ts';

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

export class StripeQuirks extends QuirkScript<StripeQuirkAction> {}
