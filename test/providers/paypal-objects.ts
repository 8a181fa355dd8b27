import { randomInt } from 'node:crypto';

/** What PayPal keeps, in its own words; see its OpenAPI files. */
export interface WireMoney {
  readonly currency_code: string;
  readonly value: string;
}

export interface Movement {
  readonly id: string;
  status: string;
  status_details?: { reason: string };
  readonly amount: WireMoney;
  readonly custom_id: string;
  readonly invoice_id: string;
  readonly create_time: string;
  update_time: string;
}

export interface Authorization extends Movement {
  readonly expiration_time: string;
}

export interface Capture extends Movement {
  readonly final_capture: boolean;
  seller_receivable_breakdown?: { readonly gross_amount: WireMoney; readonly paypal_fee: WireMoney; readonly net_amount: WireMoney };
}

export interface Refund extends Movement {
  readonly captureId: string;
  readonly note_to_payer?: string;
}

export interface Order {
  readonly id: string;
  readonly intent: 'CAPTURE' | 'AUTHORIZE';
  status: string;
  readonly referenceId: string;
  customId: string;
  readonly invoiceId: string;
  readonly description: string;
  readonly amount: WireMoney;
  readonly returnUrl: string;
  readonly cancelUrl: string;
  /** The wallet is saved when the payer approves. */
  readonly saves: boolean;
  /** The token that pays, for a charge without the payer. */
  readonly vaultId: string | undefined;
  savedAs: { readonly id: string; readonly customer: string } | undefined;
  readonly authorizations: Authorization[];
  readonly captures: Capture[];
  readonly refunds: Refund[];
  readonly create_time: string;
  update_time: string;
}

export interface Dispute {
  readonly dispute_id: string;
  readonly captureId: string;
  readonly customId: string;
  readonly reason: string;
  status: string;
  stage: string;
  readonly amount: WireMoney;
  outcome: string | undefined;
  readonly due: string;
  readonly create_time: string;
}

/** An answer that is not 2xx. */
export class PaypalProblem extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, name: string, issue?: string, pointer?: string) {
    super(`${status} ${issue ?? name}`);
    this.status = status;
    const detail = {
      issue,
      description: `A description of ${issue}.`,
      ...(pointer === undefined ? {} : { field: pointer, location: 'body' }),
    };
    this.body = {
      name,
      message: `A message about ${name}.`,
      debug_id: randomId(13).toLowerCase(),
      ...(issue === undefined ? {} : { details: [detail] }),
      links: [],
    };
  }
}

export function unprocessable(issue: string, pointer?: string): PaypalProblem {
  return new PaypalProblem(422, 'UNPROCESSABLE_ENTITY', issue, pointer);
}

export function invalid(issue: string, pointer: string): PaypalProblem {
  return new PaypalProblem(400, 'INVALID_REQUEST', issue, pointer);
}

export function missing(): PaypalProblem {
  return new PaypalProblem(404, 'RESOURCE_NOT_FOUND', 'INVALID_RESOURCE_ID');
}

/** PayPal's ids: 17 capital letters and digits. */
export function randomId(length = 17): string {
  return Array.from({ length }, () => '0123456789ABCDEFGHJKLMNPRSTUVWXY'[randomInt(32)]).join('');
}

const CURRENCIES = new Set('AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD'.split(' '));
const WHOLE = new Set(['HUF', 'JPY', 'TWD']);

/** PayPal's units of an amount: cents, or whole ones where it knows no decimals. Strict, as PayPal is. */
export function unitsOf(money: unknown, pointer: string): number {
  const { currency_code: currency, value } = fieldsOf(money, ['currency_code', 'value'], pointer);
  if (typeof currency !== 'string' || !CURRENCIES.has(currency)) throw unprocessable('INVALID_CURRENCY_CODE', `${pointer}/currency_code`);
  if (typeof value !== 'string' || !/^-?\d+(\.\d+)?$/.test(value)) throw invalid('INVALID_PARAMETER_SYNTAX', `${pointer}/value`);
  const decimals = value.split('.')[1] ?? '';
  if (WHOLE.has(currency) && decimals !== '') throw unprocessable('DECIMALS_NOT_SUPPORTED', `${pointer}/value`);
  if (decimals.length > 2) throw unprocessable('DECIMAL_PRECISION', `${pointer}/value`);
  const units = Math.round(Number(value) * (WHOLE.has(currency) ? 1 : 100));
  if (units <= 0) throw unprocessable('CANNOT_BE_ZERO_OR_NEGATIVE', `${pointer}/value`);
  return units;
}

/** The other way round. */
export function moneyOf(units: number, currency: string): WireMoney {
  return { currency_code: currency, value: WHOLE.has(currency) ? String(units) : (units / 100).toFixed(2) };
}

/** PayPal's units of an amount that we made ourselves. */
export function ours(money: WireMoney): number {
  return Math.round(Number(money.value) * (WHOLE.has(money.currency_code) ? 1 : 100));
}

/** An object with these fields and no others. */
export function fieldsOf(value: unknown, allowed: readonly string[], pointer: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('MISSING_REQUIRED_PARAMETER', pointer);
  const odd = Object.keys(value).find((name) => !allowed.includes(name));
  if (odd !== undefined) throw invalid('INVALID_PARAMETER', `${pointer}/${odd}`);
  return { ...value };
}

export function textOf(value: unknown, pointer: string, most: number): string {
  if (typeof value !== 'string' || value === '') throw invalid('MISSING_REQUIRED_PARAMETER', pointer);
  if (value.length > most) throw invalid('INVALID_STRING_LENGTH', pointer);
  return value;
}
