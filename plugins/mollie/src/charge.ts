import {
  declined,
  failed,
  ok,
  type ChargeMandate,
  type Context,
  type CreatedPayment,
  type Failed,
  type Outcome,
  type PaymentProvider,
} from '@kassaflow/plugin-sdk';
import { toMollie } from './amounts.ts';
import { callMollie } from './client.ts';
import { descriptionOf, metadataOf, refuseMetadata } from './creation.ts';
import { createdNow } from './look.ts';
import { fetchMandate } from './mandate-facts.ts';
import { refusalOf } from './outcomes.ts';
import { postPayment } from './post-payment.ts';
import type { Settings } from './settings.ts';
import { DEBIT_LEAD_DAYS, NO_MANDATE } from './unverified.ts';

const DAY_MS = 86_400_000;

/**
 * `POST /payments` with `sequenceType: recurring`. Whether the mandate still holds is Mollie's to say in the same moment: a look before
 * would be old by the time of the charge, and would hide on a repeated attempt that the first one went through.
 *
 * A refused charge is a payment too, with an id: `ok`, and its facts say `failed` and why. `declined` means that none was made.
 */
export const charge: NonNullable<PaymentProvider<Settings>['charge']> = async (context, request) => {
  const refused = refuse(context, request);
  if (refused) return refused;
  const { customer = '', mandate, reference, metadata } = request;
  const outcome = await callMollie<CreatedPayment>(context, 'write', async (mollie, wire) => {
    const body = {
      amount: toMollie(request.amount),
      description: descriptionOf(request.description, reference),
      webhookUrl: request.webhookUrl,
      sequenceType: 'recurring',
      customerId: customer,
      mandateId: mandate,
      metadata: metadataOf(reference, metadata),
    };
    try {
      return await createdNow(context, mollie, wire, () => postPayment(mollie, body, context.idempotencyKey));
    } catch (error) {
      const refusal = refusalOf(error);
      const isAboutMandate = refusal?.field === 'mandateId' || (refusal?.field === 'customerId' && NO_MANDATE.test(refusal.detail));
      if (!refusal || ![404, 410, 422].includes(refusal.status) || !isAboutMandate) throw error;
      return REVOKED;
    }
  });
  return outcome === REVOKED ? whyRefused(context, customer, mandate) : outcome;
};

const REVOKED = declined('mandate-revoked', 'This customer has no valid mandate any more.');

/** Mollie says only that it cannot be charged. A mandate that is not confirmed yet, and a card that is too old, are other news. */
async function whyRefused(context: Context<Settings>, customer: string, id: string): Promise<Outcome<never>> {
  const mandate = await callMollie(context, 'read', async (mollie) => ok(await fetchMandate(context, mollie, customer, id)));
  if (mandate.kind !== 'ok') return REVOKED;
  const { state, kind } = mandate.value;
  if (state === 'pending') return failed('temporary', 'The bank has not confirmed this mandate yet.', { code: 'mandate-pending' });
  return state === 'expired' && kind === 'card' ? declined('card-expired', 'The card of this mandate has expired.') : REVOKED;
}

function refuse(context: Context<Settings>, { customer, mandate, dueOn, reference, metadata }: ChargeMandate): Failed | undefined {
  if (customer === undefined)
    return failed('input', 'Mollie charges a mandate of a customer; name the customer too.', { field: 'customer' });
  if (!mandate.startsWith('mdt_')) return failed('input', 'The customer has not approved this mandate yet.', { field: 'mandate' });
  if (dueOn !== undefined && Date.parse(dueOn) > context.now().getTime() + DEBIT_LEAD_DAYS * DAY_MS)
    return failed(
      'input',
      `Mollie takes no date for a debit and hands it to the bank at once: charge within ${DEBIT_LEAD_DAYS} days before.`,
      {
        field: 'dueOn',
      },
    );
  return refuseMetadata(reference, metadata);
}
