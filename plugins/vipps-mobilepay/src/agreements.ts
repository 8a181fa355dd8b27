import {
  failed,
  ok,
  unknown,
  type Context,
  type CreateMandate,
  type CreatedMandate,
  type Failed,
  type MandateFacts,
  type Mandates,
  type Outcome,
} from '@kassaflow/plugin-sdk';
import { AmountError, isVippsCurrency, toVipps } from './amounts.ts';
import { KEY_LENGTH, send } from './client.ts';
import { isAgreementId } from './references.ts';
import type { Settings } from './settings.ts';
import { lineOf, msisdnOf } from './texts.ts';
import { textAt } from './wire-values.ts';

type Ctx = Context<Settings>;

const STATES: Readonly<Record<string, MandateFacts['state']>> = {
  // For ten minutes; then it is active or expired.
  PENDING: 'pending',
  ACTIVE: 'active',
  // For good: by us, by the customer in the app, by the provider, or because the customer said no.
  STOPPED: 'revoked',
  EXPIRED: 'expired',
};
const UNITS = { week: 'WEEK', month: 'MONTH', year: 'YEAR' } as const;

/** An agreement as the provider shows it. */
export interface Agreement {
  readonly facts: MandateFacts;
  readonly currency: string;
  /** Where the customer approves it, while that can be done. */
  readonly url: string | undefined;
}

/** Permissions to charge: recurring agreements (https://developer.vippsmobilepay.com/docs/APIs/recurring-api/recurring-api-guide/). */
export const mandates: Mandates<Settings> = {
  async create(context, mandate): Promise<Outcome<CreatedMandate>> {
    if (mandate.kind !== 'agreement') return failed('input', 'A permission at Vipps MobilePay is an agreement.', { field: 'kind' });
    if (mandate.reference.length > 64)
      return failed('input', 'A reference of an agreement has at most 64 characters.', { field: 'reference' });
    const price = pricingOf(mandate.pricing, context.settings);
    if ('kind' in price) return price;
    const sent = await draft(context, { ...mandate, externalId: mandate.reference }, price);
    if (sent.kind !== 'ok') return sent;
    const { agreement, url } = sent.value;
    const facts: MandateFacts = { providerId: agreement, kind: 'agreement', state: 'pending', label: labelOf(mandate.description) };
    return ok({ facts, next: { kind: 'redirect', url } }, agreement);
  },

  async fetch(context, { providerId }): Promise<Outcome<MandateFacts>> {
    const read = await readAgreement(context, providerId);
    return read.kind === 'ok' ? ok(read.value.facts, providerId) : read;
  },

  /** Stopping twice is no error at the provider. Charges that are under way are cancelled with it, reserved ones too. */
  async revoke(context, { providerId }): Promise<Outcome<MandateFacts>> {
    if (!isAgreementId(providerId)) return noSuchAgreement();
    const sent = await send(context, {
      manner: 'write',
      method: 'PATCH',
      path: `/recurring/v3/agreements/${providerId}`,
      body: { status: 'STOPPED' },
      keyLength: KEY_LENGTH.recurring,
    });
    if (sent.kind !== 'ok' && (sent.kind !== 'failed' || sent.reason !== 'permanent')) return sent;
    const after = await readAgreement(context, providerId);
    if (sent.kind === 'ok')
      return after.kind === 'ok' ? ok(after.value.facts, providerId) : unknown('The agreement was stopped and could not be looked at.');
    // One that ran out before it was approved cannot be stopped; nothing can be charged under it either.
    const isOver = after.kind === 'ok' && (after.value.facts.state === 'revoked' || after.value.facts.state === 'expired');
    return isOver ? ok(after.value.facts, providerId) : sent;
  },
};

/** What the customer agrees to: a ceiling in a period where one was named, else whatever is charged. */
export interface Pricing {
  readonly pricing: object;
  readonly interval?: object;
}

export function openPricing(currency: string): Pricing {
  // Without a ceiling and without a rhythm: "FLEXIBLE", and no interval, which is the provider's "pay per use".
  return { pricing: { type: 'FLEXIBLE', currency } };
}

function pricingOf(wish: CreateMandate['pricing'], { market }: Readonly<Settings>): Pricing | Failed {
  if (!wish) {
    const currency = market === undefined ? undefined : ({ NO: 'NOK', DK: 'DKK', FI: 'EUR' } as const)[market];
    if (currency === undefined)
      return failed('input', 'Say the most that will be charged, or the market of the connection: an agreement has a currency.', {
        field: 'pricing',
      });
    return openPricing(currency);
  }
  try {
    const { currency, value } = toVipps(wish.most);
    return { pricing: { type: 'VARIABLE', suggestedMaxAmount: value, currency }, interval: { unit: UNITS[wish.every], count: 1 } };
  } catch (error) {
    if (error instanceof AmountError) return failed('input', error.message, { field: 'pricing' });
    throw error;
  }
}

/** Proposes an agreement to the customer, with a first charge or without one. */
export async function draft(
  context: Ctx,
  wish: Pick<CreateMandate, 'description' | 'returnUrl'> & {
    readonly reference: string;
    readonly customer?: CreateMandate['customer'] | undefined;
    readonly externalId: string;
  },
  pricing: Pricing,
  initialCharge?: object,
): Promise<Outcome<{ readonly agreement: string; readonly charge: string | undefined; readonly url: string }>> {
  const phoneNumber = msisdnOf(wish.customer?.phone ?? '');
  const sent = await send(context, {
    manner: 'write',
    method: 'POST',
    path: '/recurring/v3/agreements',
    body: {
      ...pricing,
      merchantRedirectUrl: wish.returnUrl,
      merchantAgreementUrl: context.settings.agreementPage ?? wish.returnUrl,
      productName: lineOf(wish.description, { least: 1, most: 45, otherwise: wish.reference }),
      productDescription: lineOf(wish.description, { least: 1, most: 100, otherwise: wish.reference }),
      externalId: wish.externalId,
      ...(phoneNumber === undefined ? {} : { phoneNumber }),
      ...(initialCharge === undefined ? {} : { initialCharge }),
    },
    keyLength: KEY_LENGTH.recurring,
  });
  if (sent.kind !== 'ok') return sent;
  const agreement = textAt(sent.value.body, 'agreementId');
  const url = textAt(sent.value.body, 'vippsConfirmationUrl');
  if (agreement === undefined || url === undefined) return unknown('Vipps MobilePay’s answer does not say where the customer approves.');
  return ok({ agreement, charge: textAt(sent.value.body, 'chargeId'), url }, agreement);
}

/** An agreement as it stands. A state that is not known changes nothing: it is a failure to tell, not an end. */
export async function readAgreement(context: Ctx, id: string): Promise<Outcome<Agreement>> {
  if (!isAgreementId(id)) return noSuchAgreement();
  const read = await send(context, { manner: 'read', method: 'GET', path: `/recurring/v3/agreements/${id}` });
  if (read.kind !== 'ok') return read;
  const { body } = read.value;
  const status = textAt(body, 'status') ?? '';
  const currency = textAt(body, 'pricing', 'currency') ?? '';
  const state = Object.hasOwn(STATES, status) ? STATES[status] : undefined;
  if (state === undefined || !isVippsCurrency(currency)) {
    context.log.warn('an agreement has a state or currency that this plugin does not know', {
      status: status.slice(0, 100),
      currency: currency.slice(0, 10),
    });
    return failed('temporary', `The agreement is “${status.slice(0, 100)}”, which this plugin does not know.`, {
      code: 'agreement-unknown-state',
    });
  }
  const name = textAt(body, 'productName');
  const facts: MandateFacts = { providerId: id, kind: 'agreement', state, ...(name === undefined ? {} : { label: labelOf(name) }) };
  return ok({ facts, currency, url: textAt(body, 'vippsConfirmationUrl') }, id);
}

function noSuchAgreement(): Outcome<never> {
  return failed('permanent', 'This is not the id of an agreement at Vipps MobilePay.', { code: 'agreement-id' });
}

function labelOf(name: string): string {
  return lineOf(name, { least: 1, most: 100, otherwise: 'Vipps MobilePay' });
}
