/** What a payment page shows, as data. */
import type { CheckoutFlow, DeclineReason, HostedFields } from '@kassaflow/plugin-sdk';
import type { Money } from '../../../kernel/money.ts';
import type { SessionStatus } from '../checkout-session.ts';
import type { Choice } from '../method-menu.ts';
import type { PageLocale } from './page-texts.ts';

export interface PayPage {
  readonly locale: PageLocale;
  /** `/pay/{token}`. */
  readonly path: string;
  readonly test: boolean;
  /** Who is paid. */
  readonly payee: string;
  readonly amount: Money;
  readonly description: string;
  readonly returnUrl: string;
  readonly cancelUrl: string | undefined;
  readonly live: LiveWords;
  /** Milliseconds until the session ends. */
  readonly leftMs: number;
  /** The payer can still ask for more time. */
  readonly extensible: boolean;
  readonly view: PageView;
}

/** What the page's script goes by. */
export interface LiveWords {
  readonly status: SessionStatus;
  /** Changes whenever anything about the session's payments does. */
  readonly state: string;
}

/** A way of paying on our page. */
export interface PageChoice extends Choice {
  /** Present where the provider's fields can be shown here. */
  readonly hostedFields?: HostedFields;
}

export type ChooseProblem = 'method' | 'phone' | 'not-now' | 'busy' | 'script';

/** The one thing that the payer sees and can do. */
export type PageView =
  | {
      readonly kind: 'choose';
      readonly choices: readonly PageChoice[];
      /** Chosen before: a failed form keeps what was filled in. */
      readonly chosen?: string;
      readonly phone?: string;
      readonly problem?: ChooseProblem;
      /** Why the attempt before came to nothing, by the list of decline reasons; empty when nobody says. */
      readonly failed?: DeclineReason | '';
    }
  | { readonly kind: 'pending'; readonly next: 'redirect' | 'phone' | 'terminal' | 'wait'; readonly url?: string }
  | { readonly kind: 'paid' | 'expired' | 'cancelled' };

/** Tells whether the page can take a payer through the way of paying. A terminal is offered where the session names the one he stands at. */
export function isForPage({ flows, hostedFields }: PageChoice, device: string | null | undefined): boolean {
  const isHere = typeof device === 'string' && flows.includes('tap');
  return flows.includes('redirect') || flows.includes('push') || isHere || hostedFields !== undefined;
}

/** How a form that was sent wants to pay: in the fields if a script filled them, on the phone named, else on the provider's page. */
export function flowOnPage(
  { flows }: Choice,
  form: { readonly flow: string | null; readonly phone: string },
): Exclude<CheckoutFlow, 'qr'> | undefined {
  if (form.flow === 'hosted-fields' && flows.includes('hosted-fields')) return 'hosted-fields';
  if (form.phone !== '' && flows.includes('push')) return 'push';
  return (['redirect', 'push', 'tap'] as const).find((flow) => flows.includes(flow));
}
