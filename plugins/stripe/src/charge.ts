import {
  declined,
  failed,
  ok,
  unknown,
  type ChargeMandate,
  type Context,
  type CreatedPayment,
  type Failed,
  type Outcome,
  type PaymentProvider,
} from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { toStripe } from './amounts.ts';
import { callStripe } from './client.ts';
import { descriptionOf, metadataOf, refuseMetadata } from './creation.ts';
import { createdFrom } from './look.ts';
import { make } from './make.ts';
import { fetchPermission, type Permission } from './mandate-facts.ts';
import { CHARGE_MARK } from './marks.ts';
import type { Settings } from './settings.ts';
import { DEBIT_DAYS } from './unverified.ts';

const DAY_MS = 86_400_000;

/**
 * A payment intent that is confirmed in the same call, off session (https://docs.stripe.com/payments/save-and-reuse).
 *
 * A refused charge is a payment too, with an id: `ok`, and its facts say `failed` and why. `declined` means that none was made. When the
 * bank wants its customer (`authentication_required`), the same payment intent is confirmed once more for the customer to be there:
 * `next` is then the address at which that happens, and it stays one payment.
 */
export const charge: NonNullable<PaymentProvider<Settings>['charge']> = async (context, request) => {
  const refused = refuse(context, request);
  if (refused) return refused;
  // Right before the charge, because it may have been revoked since the last one; what it is made of never changes, so the body of a
  // repeated attempt is the same.
  const found = await callStripe(context, 'read', async (stripe) => ok(await fetchPermission(context, stripe, request.mandate)));
  if (found.kind !== 'ok') return found;
  // A first attempt that went through would be hidden by a refusal now: after it, Stripe is asked whatever became of the permission.
  const gone = context.attempt > 1 && found.value.type !== '' ? undefined : refuseState(found.value);
  if (gone) return gone;
  const parameters = parametersOf(context, request, found.value);
  const made = await make(context, (stripe) => stripe.paymentIntents.create(parameters, { idempotencyKey: context.idempotencyKey }));
  if (made.kind !== 'ok') return made;
  const { intent } = made.value;
  const wantsCustomer = intent?.status === 'requires_payment_method' && intent.last_payment_error?.code === 'authentication_required';
  return wantsCustomer ? askCustomer(context, intent.id, request, found.value) : createdFrom(context, made.value);
};

/** Confirms again, as if the customer were here: the answer has the page of the bank. Refused a second time, it has failed. */
async function askCustomer(
  context: Context<Settings>,
  id: string,
  { returnUrl }: ChargeMandate,
  { paymentMethod }: Permission,
): Promise<Outcome<CreatedPayment>> {
  const asked = await make(context, (stripe) =>
    stripe.paymentIntents.confirm(
      id,
      { payment_method: paymentMethod, return_url: returnUrl },
      { idempotencyKey: `${context.idempotencyKey}:on-session` },
    ),
  );
  if (asked.kind === 'ok') return createdFrom(context, asked.value);
  return unknown(`The bank wants the customer to be there, and asking for its page failed: ${asked.message}`);
}

function refuse(context: Context<Settings>, { mandate, dueOn, metadata }: ChargeMandate): Failed | undefined {
  if (!/^(mandate|pm)_/.test(mandate)) return failed('input', 'The customer has not approved this mandate yet.', { field: 'mandate' });
  if (dueOn !== undefined && daysUntil(context, dueOn) > DEBIT_DAYS.last)
    return failed('input', `Stripe takes a debit at most ${DEBIT_DAYS.last} days before its day.`, { field: 'dueOn' });
  return refuseMetadata(metadata);
}

function refuseState({ facts, type }: Permission): Outcome<never> | undefined {
  if (facts.state === 'revoked' || type === '') return declined('mandate-revoked', 'There is no valid permission any more.');
  if (facts.state === 'expired') return declined('card-expired', 'The card of this mandate has expired.');
  return facts.state === 'pending'
    ? failed('temporary', 'The bank has not confirmed this mandate yet.', { code: 'mandate_pending' })
    : undefined;
}

function parametersOf(context: Context<Settings>, request: ChargeMandate, permission: Permission): Stripe.PaymentIntentCreateParams {
  const { reference, amount, description, metadata, mandate, customer = permission.facts.customer, dueOn } = request;
  const onDay = dueOn !== undefined && permission.type === 'sepa_debit' && daysUntil(context, dueOn) >= DEBIT_DAYS.first;
  return {
    amount: toStripe(amount),
    currency: amount.currency.toLowerCase(),
    description: descriptionOf(description, reference),
    metadata: { ...metadataOf(reference, metadata), [CHARGE_MARK]: 'true' },
    ...(customer === undefined ? {} : { customer }),
    payment_method: permission.paymentMethod,
    allowed_payment_method_types: [permission.type],
    ...(mandate.startsWith('mandate_') ? { mandate } : {}),
    ...(onDay ? { payment_method_options: { sepa_debit: { target_date: dueOn } } } : {}),
    confirm: true,
    off_session: true,
  };
}

/** Whole days from the present one, in UTC. */
function daysUntil(context: Context<Settings>, day: string): number {
  return Math.floor(Date.parse(day) / DAY_MS) - Math.floor(context.now().getTime() / DAY_MS);
}
