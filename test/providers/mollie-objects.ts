import { randomBytes } from 'node:crypto';

/** A refusal, in Mollie's words. */
export class MollieProblem extends Error {
  readonly status: number;
  readonly field: string | undefined;

  constructor(status: number, detail: string, field?: string) {
    super(detail);
    this.status = status;
    this.field = field;
  }

  get body(): object {
    return {
      status: this.status,
      title: TITLES[this.status] ?? 'Error',
      detail: this.message,
      ...(this.field === undefined ? {} : { field: this.field }),
      _links: { documentation: { href: 'https://docs.mollie.com/reference/handling-errors', type: 'text/html' } },
    };
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized Request',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  410: 'Gone',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

export interface Amount {
  readonly currency: string;
  readonly value: string;
}

export interface Payment {
  readonly id: string;
  readonly createdAt: string;
  readonly amount: Amount;
  readonly description: string;
  readonly metadata: unknown;
  readonly sequenceType: 'oneoff' | 'first' | 'recurring';
  readonly captureMode: 'automatic' | 'manual';
  readonly redirectUrl?: string;
  readonly cancelUrl?: string;
  readonly webhookUrl?: string;
  readonly locale?: string;
  readonly customerId?: string;
  readonly subscriptionId?: string;
  readonly offered: readonly string[];
  status: string;
  method: string | null;
  mandateId?: string;
  details?: Record<string, unknown>;
  expiresAt?: string;
  paidAt?: string;
  authorizedAt?: string;
  canceledAt?: string;
  expiredAt?: string;
  failedAt?: string;
  captureBefore?: string;
  captured: number;
}

export interface Refund {
  readonly id: string;
  readonly paymentId: string;
  readonly amount: Amount;
  readonly description: string;
  readonly metadata: unknown;
  readonly createdAt: string;
  status: string;
}

export interface Chargeback {
  readonly id: string;
  readonly paymentId: string;
  readonly amount: Amount;
  readonly createdAt: string;
  readonly reason: { readonly code: string; readonly description: string } | null;
  reversedAt: string | null;
}

export interface Capture {
  readonly id: string;
  readonly paymentId: string;
  readonly amount: Amount;
  readonly createdAt: string;
  readonly status: string;
}

export interface Customer {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly metadata: unknown;
  readonly createdAt: string;
}

export interface Mandate {
  readonly id: string;
  readonly customerId: string;
  readonly method: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
  status: string;
}

export type Body = Readonly<Record<string, unknown>>;

/** Currencies with another number of decimals than two. */
const DIGITS: Readonly<Record<string, number>> = { ISK: 0, JPY: 0 };
const CURRENCIES = new Set(
  'AED AUD BGN BRL CAD CHF CZK DKK EUR GBP HKD HUF ILS ISK JPY MXN MYR NOK NZD PHP PLN RON SEK SGD THB USD ZAR'.split(' '),
);

/** @throws MollieProblem 422 for the first field that the call does not know: stricter than Mollie, so that nothing is sent for nothing */
export function onlyFields(body: Body, ...known: readonly string[]): void {
  const stranger = Object.keys(body).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new MollieProblem(422, `The field ${stranger} is unknown`, stranger);
}

/** @throws MollieProblem 422 unless it is `{currency, value}` with a known currency and its very number of decimals */
export function amountIn(value: unknown): Amount {
  const { currency, value: text, ...rest } = (typeof value === 'object' && value ? value : {}) as Partial<Amount>;
  if (typeof currency !== 'string' || typeof text !== 'string' || Object.keys(rest).length > 0)
    throw new MollieProblem(422, 'The amount contains an invalid value', 'amount');
  if (!CURRENCIES.has(currency)) throw new MollieProblem(422, 'The currency is not supported', 'amount.currency');
  const digits = DIGITS[currency] ?? 2;
  if (!new RegExp(digits === 0 ? '^\\d{1,12}$' : `^\\d{1,12}\\.\\d{${digits}}$`).test(text))
    throw new MollieProblem(422, 'The amount contains an invalid value', 'amount');
  return { currency, value: text };
}

/** @throws MollieProblem 422 */
export function textIn(body: Body, field: string): string {
  const value = body[field];
  if (typeof value !== 'string' || value === '') throw new MollieProblem(422, `The ${field} is missing`, field);
  return value;
}

export function optionalText(body: Body, field: string): string | undefined {
  return body[field] === undefined || body[field] === null ? undefined : textIn(body, field);
}

export function minorOf({ value }: Amount): number {
  return Number(value.replace('.', ''));
}

export function amountOf(minor: number, currency: string): Amount {
  const digits = DIGITS[currency] ?? 2;
  const sign = minor < 0 ? '-' : '';
  const text = String(Math.abs(minor)).padStart(digits + 1, '0');
  return { currency, value: digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}` };
}

/** As Mollie's ids look: `tr_` and 22 letters and digits. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(18)
    .toString('base64')
    .replaceAll(/[^A-Za-z0-9]/g, 'x')
    .slice(0, 22)}`;
}

/** A page of a list, newest first, with Mollie's own address in its links: a client that follows `next` blindly leaves this machine. */
export function pageOf(
  name: string,
  all: readonly { readonly id: string }[],
  path: string,
  query: URLSearchParams,
  show: (one: never) => object,
): object {
  const limit = Number(query.get('limit') ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > 250) throw new MollieProblem(400, 'Invalid limit');
  const from = query.get('from');
  const start = from === null ? 0 : all.findIndex(({ id }) => id === from);
  if (start < 0) throw new MollieProblem(400, 'Invalid cursor value');
  const items = all.slice(start, start + limit);
  const following = all[start + limit];
  const link = (id: string) => ({ href: `https://api.mollie.com/v2${path}?from=${id}&limit=${limit}`, type: 'application/hal+json' });
  return {
    count: items.length,
    _embedded: { [name]: items.map((one) => show(one as never)) },
    _links: {
      self: { href: `https://api.mollie.com/v2${path}`, type: 'application/hal+json' },
      previous: null,
      next: following ? link(following.id) : null,
    },
  };
}

export function self(path: string): { readonly href: string; readonly type: string } {
  return { href: `https://api.mollie.com/v2${path}`, type: 'application/hal+json' };
}
