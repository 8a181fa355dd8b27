import { objectOf, textOf, VippsProblem, wholeOf, type Json } from './vipps-problem.ts';

export interface VippsAgreement {
  readonly id: string;
  readonly uuid: string;
  readonly token: string;
  readonly created: number;
  readonly currency: string;
  readonly request: Json;
  readonly pricing: { readonly type: string; readonly amount?: number; readonly suggestedMaxAmount?: number };
  status: string;
  start: number | undefined;
  stop: number | undefined;
  /** What the customer allows at most, with variable pricing. */
  maxAmount: number | undefined;
  readonly initialCharge: string | undefined;
  /** Why the next charges fail; none, and they succeed. */
  failure: string | undefined;
}

export interface VippsCharge {
  readonly id: string;
  readonly agreementId: string;
  readonly amount: number;
  readonly currency: string;
  readonly description: string;
  readonly due: string;
  readonly retryDays: number;
  readonly transactionType: string;
  readonly type: 'INITIAL' | 'RECURRING';
  readonly externalId: string | undefined;
  status: string;
  captured: number;
  refunded: number;
  cancelled: number;
  failureReason: string | undefined;
  attempts: number;
  readonly history: Json[];
}

/** The most that an agreement may be for, by market. */
const MOST: Readonly<Record<string, number>> = { NOK: 2_000_000, DKK: 30_000_000, EUR: 200_000 };
const COUNTRIES: Readonly<Record<string, string>> = { NOK: 'NO', DKK: 'DK', EUR: 'FI' };

/** An agreement as the API shows it; with the address while it can be approved there. */
export function showAgreement(agreement: VippsAgreement, url: string): Json {
  const { request, pricing, currency } = agreement;
  const day = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
  return {
    id: agreement.id,
    uuid: agreement.uuid,
    status: agreement.status,
    created: day(agreement.created),
    start: day(agreement.start),
    stop: day(agreement.stop),
    productName: request['productName'],
    productDescription: request['productDescription'],
    pricing: { ...pricing, ...(agreement.maxAmount === undefined ? {} : { maxAmount: agreement.maxAmount }), currency },
    interval: request['interval'] ?? null,
    campaign: null,
    merchantAgreementUrl: request['merchantAgreementUrl'],
    merchantRedirectUrl: request['merchantRedirectUrl'],
    externalId: request['externalId'],
    countryCode: COUNTRIES[currency],
    ...(agreement.status === 'PENDING' ? { vippsConfirmationUrl: url } : {}),
  };
}

/** A charge as the API shows it. */
export function showCharge(charge: VippsCharge): Json {
  const { captured, refunded, cancelled, attempts: _attempts, failureReason, externalId, ...shown } = charge;
  return {
    ...shown,
    due: `${charge.due}T00:00:00Z`,
    summary: { captured, refunded, cancelled },
    transactionId: captured > 0 ? '5001419121' : null,
    ...(externalId === undefined ? {} : { externalId }),
    ...(failureReason === undefined ? {} : { failureReason, failureDescription: 'User action required' }),
  };
}

/** What an agreement costs, in the market's currency. */
export function pricingOf(
  value: unknown,
  marketCurrency: string,
): { readonly pricing: VippsAgreement['pricing']; readonly currency: string } {
  const body = objectOf(value, 'pricing', ['type', 'amount', 'suggestedMaxAmount', 'currency'], ['currency']);
  const type = body['type'] === undefined ? 'LEGACY' : textOf(body, 'type', { pattern: /^(LEGACY|VARIABLE|FLEXIBLE)$/ });
  const currency = textOf(body, 'currency', { pattern: /^(NOK|DKK|EUR)$/ });
  if (currency !== marketCurrency)
    throw new VippsProblem(400, 'Bad Request', { field: 'pricing.currency', reason: 'is not of this market' });
  const most = MOST[currency] ?? 0;
  if (type === 'LEGACY') return { pricing: { type, amount: wholeOf(body, 'amount', 1, most) }, currency };
  if (body['amount'] !== undefined)
    throw new VippsProblem(400, 'Bad Request', { field: 'pricing.amount', reason: `has no place in ${type}` });
  return {
    pricing: type === 'VARIABLE' ? { type, suggestedMaxAmount: wholeOf(body, 'suggestedMaxAmount', 1, most) } : { type },
    currency,
  };
}

export function checkInterval(value: unknown): void {
  const interval = objectOf(value, 'interval', ['unit', 'count'], ['unit', 'count']);
  textOf(interval, 'unit', { pattern: /^(DAY|WEEK|MONTH|YEAR)$/ });
  wholeOf(interval, 'count', 1, 31);
}

/** The amount of a capture or refund. */
export function amountOf(value: unknown): number {
  const body = objectOf(value, '', ['amount', 'description'], ['amount', 'description']);
  textOf(body, 'description');
  return wholeOf(body, 'amount');
}
