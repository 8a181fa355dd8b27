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
      /** The terminal at which the payer stands. */
      readonly device: string | null | undefined;
      /** What is paid with is saved for the next charges that the customer agreed to. */
      readonly keepsForNext?: boolean;
      /** Chosen before: a failed form keeps what was filled in. */
      readonly chosen?: string;
      readonly phone?: string;
      /** The payer wants a code to scan. */
      readonly asCode?: boolean;
      readonly problem?: ChooseProblem;
      /** Why the attempt before came to nothing, by the list of decline reasons; empty when nobody says. */
      readonly failed?: DeclineReason | '';
    }
  | { readonly kind: 'pending'; readonly next: 'redirect' | 'phone' | 'terminal' | 'wait' | 'code-over'; readonly url?: string }
  /** `code`: what the phone is to read; where that is an address, it can be opened as well. */
  | { readonly kind: 'pending'; readonly next: 'code'; readonly code: string }
  | { readonly kind: 'paid' | 'expired' | 'cancelled' };

/** Tells whether the page can take a payer through the way of paying. */
export function isForPage({ flows, hostedFields }: PageChoice, device: string | null | undefined): boolean {
  return hostedFields !== undefined || flowsHere(flows, device).length > 0;
}

/** Tells whether the payer can ask for a code in place of the usual way. */
export function hasCodeToo({ flows, hostedFields }: PageChoice, device: string | null | undefined): boolean {
  return flows.includes('qr') && (hostedFields !== undefined || flowsHere(flows, device).length > 1);
}

/**
 * How a form that was sent wants to pay: in the fields if a script filled them, by a code if asked for, on the phone named, else on the
 * provider's page.
 */
export function flowOnPage(
  { flows }: Choice,
  form: { readonly flow: string | null; readonly phone: string },
  device: string | null | undefined,
): CheckoutFlow | undefined {
  const asked = (['hosted-fields', 'qr'] as const).find((flow) => form.flow === flow && flows.includes(flow));
  if (asked !== undefined) return asked;
  if (form.phone !== '' && flows.includes('push')) return 'push';
  return flowsHere(flows, device)[0];
}

/** What needs no script, best first. A terminal is offered where the session names the one that the payer stands at. */
function flowsHere(flows: readonly CheckoutFlow[], device: string | null | undefined): CheckoutFlow[] {
  const here = (['redirect', 'push', 'tap', 'qr'] as const).filter((flow) => flows.includes(flow));
  return typeof device === 'string' ? here : here.filter((flow) => flow !== 'tap');
}
