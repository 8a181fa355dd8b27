import {
  failed,
  ok,
  type Context,
  type CreatedPayment,
  type Outcome,
  type PaymentMethod,
  type PaymentProvider,
} from '@kassaflow/plugin-sdk';
import { AmountError, isVippsCurrency, MARKETS, toVipps, walletOf } from './amounts.ts';
import { cancelCharge, captureCharge, refundCharge } from './charge-changes.ts';
import { chargeAgreement, createWithAgreement, fetchCharge, findCharge } from './charges.ts';
import { cancelPayment, capturePayment, createPayment, fetchPayment, findPayment, refundPayment } from './epayments.ts';
import { readPaymentId, toVippsReference, type PaymentId } from './references.ts';
import { isApproved, type Settings } from './settings.ts';
import { settlements } from './settlements.ts';
import { KEY_TTL_MS } from './unverified.ts';

/** Least amounts in minor units (error 6010) and the most that one payment takes (ePayment API 1.4.1, `Amount`). */
const LEAST = { NOK: 100, DKK: 1, EUR: 1 } as const;
const MOST = 65_000_000;

/**
 * ePayments and charges of agreements. `providerId` is an ePayment's reference (`kf-pay-…`), or agreement and charge (`agr_…/kf-pay-…`);
 * a bare charge id, as settlements have it, is fetched too.
 */
export const payments: PaymentProvider<Settings> = {
  keyTtlMs: KEY_TTL_MS,
  traits: {
    // A charge is tried again for the days that the connection names; a flow waits for `failed` and never tries beside it.
    retriesCharges: true,
    // There is no direct capture in the ePayment API: money that nobody captures is never paid out.
    capturesByRequest: true,
    // `fetch` knows of no chargeback, ever: only a settlement line tells of one.
    chargebacksInSettlements: true,
  },

  create: (context, payment) =>
    withAmount(() => (payment.save === true ? createWithAgreement(context, payment) : createPayment(context, payment))),

  fetch: (context, { providerId }) =>
    withId(providerId, async (id) => {
      if (id.kind === 'charge') return fetchCharge(context, id);
      const found = await fetchPayment(context, id.reference);
      if (found.kind !== 'failed' || (found.code !== '5090' && found.code !== 'http-404')) return found;
      const charge = await findChargeIfAny(context, id.reference);
      if (charge.kind !== 'ok') return charge;
      return charge.value ? ok(charge.value.facts, charge.value.providerId) : found;
    }),

  /** Both APIs are asked: a reference does not tell whether it was an ePayment or a charge. */
  find: async (context, { reference }) => {
    const theirs = toVippsReference(reference);
    if (theirs === undefined) return ok(undefined);
    const payment = await findPayment(context, theirs);
    return payment.kind !== 'ok' || payment.value !== undefined ? payment : findChargeIfAny(context, theirs);
  },

  capture: (context, { providerId, amount }) =>
    withAmount(() =>
      withId(providerId, (id) =>
        id.kind === 'charge' ? captureCharge(context, id, toVipps(amount)) : capturePayment(context, id.reference, toVipps(amount)),
      ),
    ),

  cancel: (context, { providerId }) =>
    withId(providerId, (id) => (id.kind === 'charge' ? cancelCharge(context, id) : cancelPayment(context, id.reference))),

  refund: (context, { providerId, amount, reason }) =>
    withAmount(() =>
      withId(providerId, (id) =>
        id.kind === 'charge' ? refundCharge(context, id, toVipps(amount), reason) : refundPayment(context, id.reference, toVipps(amount)),
      ),
    ),

  charge: (context, charge) => withAmount(() => chargeAgreement(context, charge)),

  methods: async (context, request) => ok(methodsOf(context, request)),

  settlements,
};

/** A sales unit without the Recurring product is refused there (403), and has no charges. */
async function findChargeIfAny(context: Context<Settings>, charge: string): Promise<Outcome<CreatedPayment | undefined>> {
  const found = await findCharge(context, charge);
  const isWithout = found.kind === 'failed' && found.code === 'http-403' && !isApproved(context.settings, 'recurring');
  return isWithout ? ok(undefined) : found;
}

/** There is no call that tells what a sales unit can take; its market and approvals are settings of the connection. */
function methodsOf(
  { settings, mode }: Context<Settings>,
  { amount, recurring = false }: { readonly amount: { readonly amount: string; readonly currency: string }; readonly recurring?: boolean },
): readonly PaymentMethod[] {
  const { currency } = amount;
  if (!isVippsCurrency(currency) || (settings.market !== undefined && settings.market !== MARKETS[currency])) return [];
  const saves = isApproved(settings, 'recurring');
  if (recurring && !saves) return [];
  const limits = { least: LEAST[currency], most: MOST };
  const wallet = walletOf(currency);
  const title = wallet === 'vipps' ? 'Vipps' : 'MobilePay';
  const app: PaymentMethod = recurring
    ? { id: wallet, title, flows: ['redirect'], ...limits, saves }
    : { id: wallet, title, flows: isApproved(settings, 'push') ? ['redirect', 'push', 'qr'] : ['redirect', 'qr'], ...limits, saves };
  const card: PaymentMethod = { id: 'card', title: 'Card', flows: ['redirect'], ...limits, saves: false };
  return isApproved(settings, 'card') && mode === 'live' && !recurring ? [app, card] : [app];
}

/** An id that is none of theirs is refused before it becomes a part of an address. */
function withId<T>(providerId: string, work: (id: PaymentId) => Promise<Outcome<T>>): Promise<Outcome<T>> {
  const id = readPaymentId(providerId);
  return id
    ? work(id)
    : Promise.resolve(failed('permanent', 'This is not the id of a payment at Vipps MobilePay.', { code: 'payment-id' }));
}

async function withAmount<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AmountError) return failed('input', error.message, { field: 'amount' });
    throw error;
  }
}
