import type { Context, MandateFacts } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { CHARGE_MARK, markIn } from './marks.ts';
import { chargeOf, idOf } from './seen.ts';
import type { Settings } from './settings.ts';

/**
 * Where the permission is a thing of its own at Stripe, with a life apart from the account that it is over: direct debits. For every
 * other way of paying the permission is the saved payment method.
 */
const HAS_MANDATE = /_debit$/;

const STATES: Readonly<Record<string, MandateFacts['state']>> = { active: 'active', inactive: 'revoked', pending: 'pending' };

/** A permission as a charge needs it. */
export interface Permission {
  readonly facts: MandateFacts;
  readonly paymentMethod: string;
  /** Stripe's word for the way of paying; empty when Stripe does not know the permission any more. */
  readonly type: string;
}

/** The id that we keep of a permission: the mandate's for a direct debit, the payment method's for all the rest. */
export function permissionId(type: string, mandate: string | undefined, paymentMethod: string | undefined): string | undefined {
  return HAS_MANDATE.test(type) ? (mandate ?? paymentMethod) : paymentMethod;
}

/** Looks a permission up; one that Stripe does not know any more is revoked. */
export async function fetchPermission(context: Context<Settings>, stripe: Stripe, id: string): Promise<Permission> {
  try {
    if (!id.startsWith('mandate_')) return permissionOf(context, await stripe.paymentMethods.retrieve(id), undefined);
    const mandate = await stripe.mandates.retrieve(id, { expand: ['payment_method'] });
    const method = mandate.payment_method;
    return permissionOf(context, typeof method === 'string' ? await stripe.paymentMethods.retrieve(method) : method, mandate);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return {
      facts: { providerId: id, kind: id.startsWith('mandate_') ? 'sepa-debit' : 'card', state: 'revoked' },
      paymentMethod: id,
      type: '',
    };
  }
}

/** The permission that a payment left behind, or that a charge was made under; `undefined` while there is none. */
export async function mandateOf(
  context: Context<Settings>,
  stripe: Stripe,
  intent: Stripe.PaymentIntent,
): Promise<MandateFacts | undefined> {
  const charge = chargeOf(intent);
  if (!charge?.payment_method_details) return undefined;
  const saves = intent.setup_future_usage === 'off_session' && charge.status === 'succeeded';
  // A charge is asked about its permission only when it did not go well: that is when the permission may be gone.
  const isInTrouble = markIn(intent.metadata, CHARGE_MARK) !== undefined && (charge.status === 'failed' || charge.disputed);
  if (!saves && !isInTrouble) return undefined;
  const id = generatedBy(charge.payment_method_details) ?? ownOf(charge);
  return id === undefined ? undefined : (await fetchPermission(context, stripe, id)).facts;
}

/** Details of a payment or of a set-up by a bank's own way (iDEAL, Bancontact), after which the account can be debited. */
export function generatedBy(details: object): string | undefined {
  for (const part of Object.values(details) as readonly unknown[]) {
    if (typeof part !== 'object' || part === null || !('generated_sepa_debit' in part)) continue;
    const { generated_sepa_debit: method, generated_sepa_debit_mandate: mandate } = part as GeneratedDebit;
    const id = idOf(mandate) ?? idOf(method);
    if (id !== undefined) return id;
  }
  return undefined;
}

interface GeneratedDebit {
  readonly generated_sepa_debit?: string | { readonly id: string } | null;
  readonly generated_sepa_debit_mandate?: string | { readonly id: string } | null;
}

function ownOf({ payment_method: method, payment_method_details: details }: Stripe.Charge): string | undefined {
  return permissionId(details?.type ?? '', details?.sepa_debit?.mandate ?? undefined, method ?? undefined);
}

function permissionOf(context: Context<Settings>, method: Stripe.PaymentMethod, mandate: Stripe.Mandate | undefined): Permission {
  const status = mandate?.status;
  if (status !== undefined && STATES[status] === undefined)
    context.log.warn('Stripe uses a word for a mandate’s state that is not known here', { state: status });
  const validUntil = endOf(method.card);
  const customer = idOf(method.customer);
  // An unknown word is `pending`: it is not charged, and nothing is thought revoked. Taken off its customer, nothing can be charged.
  const told = status === undefined ? 'active' : (STATES[status] ?? 'pending');
  const isOld = validUntil !== undefined && validUntil < context.now().getTime();
  const state = customer === undefined ? 'revoked' : isOld && told === 'active' ? 'expired' : told;
  return {
    paymentMethod: method.id,
    type: method.type,
    facts: {
      providerId: mandate?.id ?? method.id,
      kind: kindOf(method.type),
      state,
      ...(customer === undefined ? {} : { customer }),
      ...describe(method),
      ...(validUntil === undefined ? {} : { validUntil }),
    },
  };
}

function kindOf(type: string): MandateFacts['kind'] {
  if (type === 'card') return 'card';
  return type === 'sepa_debit' ? 'sepa-debit' : 'account';
}

/** `Visa •••• 4242`, `NL•• INGB •••• 6789`, and by what caps are counted: the same card or account has the same at one Stripe account. */
function describe({ card, sepa_debit: debit, paypal }: Stripe.PaymentMethod): Pick<MandateFacts, 'label' | 'fingerprint'> {
  if (card) {
    const brand = card.brand.charAt(0).toUpperCase() + card.brand.slice(1);
    return { label: `${brand} •••• ${card.last4}`, ...(card.fingerprint ? { fingerprint: `card:${card.fingerprint}` } : {}) };
  }
  if (debit) {
    const bank = [debit.country ? `${debit.country}••` : undefined, debit.bank_code, '••••', debit.last4].filter((part) => part);
    return { label: bank.join(' '), ...(debit.fingerprint ? { fingerprint: `account:${debit.fingerprint}` } : {}) };
  }
  if (paypal) return { label: 'PayPal', ...(paypal.payer_id ? { fingerprint: `paypal:${paypal.payer_id}` } : {}) };
  return {};
}

/** A card may be used until the end of its month. */
function endOf(card: Stripe.PaymentMethod['card']): number | undefined {
  return card ? Date.UTC(card.exp_year, card.exp_month, 1) - 1 : undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 404;
}
