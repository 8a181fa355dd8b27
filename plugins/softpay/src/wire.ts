/**
 * Everything that this plugin believes about Softpay's Cloud API. Its reference needs a sign-up and no description is public: marked [C] is
 * what was read in public client code, [D] on public pages of developer.softpay.io, [M] is inference. To be corrected here, and in
 * `test/providers/softpay-server.ts`, the day somebody has credentials.
 */

/** [C] sandbox; [M] live. */
export const AUTH_HOSTS: Readonly<Record<'test' | 'live', string>> = { test: 'auth.sandbox.softpay.io', live: 'auth.softpay.io' };
export const API_HOSTS: Readonly<Record<'test' | 'live', string>> = { test: 'api.sandbox.softpay.io', live: 'api.softpay.io' };
export const TOKEN_PATH = '/oauth2/token';
/** [C] An older client used v1, so the version is a setting. */
export const API_PATHS = { v3: '/api-gateway/v3/api/cloud', v1: '/api-gateway/v1/api/cloud' } as const;

/** [C] */
export const SCOPE = 'create:payment create:refund create:cancellation';
/** [C] Which merchant of the integrator's. */
export const MERCHANT_HEADER = 'x-softpay-merchant-reference';

/** [C] An app on a phone. */
export const APP_ID = '^[A-Z]{3}[0-9]{10}$';
/** [M] Long enough for our ids. */
export const LONGEST_REFERENCE = 64;
/** [M] Where Softpay is sold; amounts are whole minor units by ISO 4217. */
export const CURRENCIES: ReadonlySet<string> = new Set(['DKK', 'EUR', 'NOK', 'SEK', 'ISK', 'GBP', 'CHF', 'PLN', 'CZK', 'HUF', 'RON']);

/** [C] `POST /transactions` */
export interface MadeRequest {
  readonly requestId?: string;
  readonly expiresAt?: string;
}

/** [C] `PUT` and `GET /transactions/{requestId}`; [M] that `GET` repeats amount and currency. */
export interface Transaction {
  readonly requestId?: string;
  readonly state?: string;
  readonly appId?: string;
  readonly amount?: number;
  readonly currencyCode?: string;
  readonly posReferenceNumber?: string;
  readonly responseCode?: string;
  readonly partialPan?: string;
}

/** [C] The words of a transaction; `CREATED` [M] for one that no `PUT` has started. */
export const STATES = {
  notStarted: 'CREATED',
  running: 'PROCESSING',
  done: 'COMPLETED',
  refused: 'DECLINED',
  broken: 'FAILED',
  undone: 'CANCELLED',
} as const;

/** [M] ISO 8583 field 39 of an approval. */
export const APPROVED_CODES: ReadonlySet<string> = new Set(['00', '000', '0']);

/** [M] How long a request can be started when it does not say. */
export const REQUEST_MS = 5 * 60_000;
/** [M] No limit is public. */
export const CALLS_PER_SECOND = 10;
export const RATE_LIMIT_WAIT_MS = 5_000;
/** [M] */
export const TOKEN_SECONDS = 300;
