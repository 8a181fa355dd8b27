import { failed, type CreatePayment, type Failed } from '@kassaflow/plugin-sdk';
import { toVipps } from './amounts.ts';
import { toVippsReference } from './references.ts';
import { isApproved, type Settings } from './settings.ts';
import { lineOf, msisdnOf } from './texts.ts';

/** A request for a payment, as it goes over the wire. */
export interface Creation {
  readonly reference: string;
  readonly body: object;
}

/** More pairs are refused (4100). */
const MOST_METADATA = 5;
/** A wallet by either of its names, and a card without one. */
const WALLETS: ReadonlySet<string> = new Set(['vipps', 'mobilepay', 'wallet']);

/**
 * Depends on nothing but the payment and the connection's settings, never on the clock: the same key with another body is refused.
 * @throws AmountError
 */
export function creationOf(payment: CreatePayment, settings: Readonly<Settings>, mode: 'test' | 'live'): Creation | Failed {
  const reference = toVippsReference(payment.reference);
  if (reference === undefined)
    return failed('input', 'A reference at Vipps MobilePay is letters, digits and single dashes, at most 47 of them.', {
      field: 'reference',
    });
  const way = wayOf(payment, mode);
  if (typeof way !== 'string') return way;
  const flow = flowOf(payment, settings, way);
  if ('kind' in flow) return flow;
  const pairs = Object.entries(payment.metadata ?? {});
  if (pairs.length > MOST_METADATA)
    return failed('input', 'Vipps MobilePay keeps at most five values with a payment.', { field: 'metadata' });

  const amount = toVipps(payment.amount);
  return {
    reference,
    body: {
      amount,
      paymentMethod: { type: way },
      reference,
      ...flow,
      paymentDescription: lineOf(payment.description, { least: 3, most: 100, otherwise: reference }),
      ...(pairs.length > 0 ? { metadata: Object.fromEntries(pairs) } : {}),
    },
  };
}

function wayOf({ methods, flow }: CreatePayment, mode: 'test' | 'live'): 'WALLET' | 'CARD' | Failed {
  if (methods === undefined || methods.length === 0 || methods.some((method) => WALLETS.has(method))) return 'WALLET';
  if (!methods.includes('card')) return failed('input', 'Vipps MobilePay offers none of these ways of paying.', { field: 'methods' });
  // https://developer.vippsmobilepay.com/docs/APIs/epayment-api/api-guide/features/: CARD is WEB_REDIRECT only, and not in test.
  if (mode === 'test') return failed('input', 'A card without the app cannot be tried in the test environment.', { field: 'methods' });
  return (flow ?? 'redirect') === 'redirect' ? 'CARD' : failed('input', 'A card without the app is paid on a page.', { field: 'flow' });
}

/** What leads the customer to the app. */
function flowOf(payment: CreatePayment, settings: Readonly<Settings>, way: 'WALLET' | 'CARD'): object | Failed {
  const { flow = 'redirect', returnUrl, customer } = payment;
  if (flow === 'redirect') return { userFlow: 'WEB_REDIRECT', returnUrl };
  if (way === 'CARD' || flow === 'hosted-fields' || flow === 'tap')
    return failed('input', 'Vipps MobilePay is approved in the app: by a link, a push or a code.', { field: 'flow' });
  const presence = { customerInteraction: settings.pointOfSale === true ? 'CUSTOMER_PRESENT' : 'CUSTOMER_NOT_PRESENT' };
  const lasting = longLiving(payment, settings);
  if (flow === 'qr') return { userFlow: 'QR', qrFormat: { format: 'TEXT/TARGETURL' }, ...presence, ...lasting };
  const phoneNumber = msisdnOf(customer?.phone ?? '');
  if (phoneNumber === undefined)
    return failed('input', 'A push needs the customer’s phone number with its country code.', { field: 'customer.phone' });
  return { userFlow: 'PUSH_MESSAGE', customer: { phoneNumber }, ...presence, ...lasting };
}

/**
 * A payment lives for ten minutes. A push or a code may live for up to 60 days where the sales unit is approved for it, and then needs
 * a receipt (6130). The contract carries no lines and no VAT; the receipt says what is to be paid, and the invoice says the rest.
 */
function longLiving({ expiresAt, amount, description, reference }: CreatePayment, settings: Readonly<Settings>): object {
  if (expiresAt === undefined || !isApproved(settings, 'long-living')) return {};
  const { currency, value } = toVipps(amount);
  const line = { name: lineOf(description, { least: 1, most: 100, otherwise: reference }), id: reference };
  const sums = { totalAmount: value, totalAmountExcludingTax: value, totalTaxAmount: 0, taxRate: 0 };
  return {
    expiresAt: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, 'Z'),
    receipt: { orderLines: [{ ...line, ...sums }], bottomLine: { currency } },
  };
}
