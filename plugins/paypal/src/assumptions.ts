/**
 * What PayPal's published OpenAPI files do not say and nobody has measured here: read in its guides or remembered. To be checked
 * against the sandbox before going live, and to be corrected in this file alone.
 */

/** Currencies that PayPal takes without decimals (https://developer.paypal.com/reference/currency-codes/). HUF and TWD have two by ISO 4217. */
export const WHOLE_CURRENCIES: ReadonlySet<string> = new Set(['HUF', 'JPY', 'TWD']);

/** Every currency of that page. */
export const CURRENCIES: ReadonlySet<string> = new Set(
  'AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD'.split(' '),
);

/** Hosts that serve the certificates of webhooks, by mode. Exact names: the address comes out of a header that anybody can send. */
export const CERTIFICATE_HOSTS: Readonly<Record<'test' | 'live', readonly string[]>> = {
  test: ['api.sandbox.paypal.com', 'api-m.sandbox.paypal.com'],
  live: ['api.paypal.com', 'api-m.paypal.com'],
};

/** Where on those hosts the certificates are: `CERT-360caa42-fca2a594-a5cafa77`. */
export const CERTIFICATE_PATH = /^\/v1\/notifications\/certs\/[A-Za-z0-9_-]{1,100}$/;

/** The name in such a certificate: `messageverificationcerts.paypal.com`. */
export const CERTIFICATE_NAME = /^CN=messageverificationcerts\.([a-z]+\.)?paypal\.com$/m;

/** For how long an order can be approved, and then captured, unless PayPal's account manager has changed it. */
export const ORDER_HOURS = 3;

/** A hold that the merchant may take from, for 29 days (https://developer.paypal.com/docs/checkout/standard/customize/authorization/). */
export const AUTHORIZATION_MS = 29 * 86_400_000;

/** How a charge without the customer is told from one with him. Newer than the OpenAPI file of 2024. */
export const MERCHANT_INITIATED = { payment_initiator: 'MERCHANT', usage: 'SUBSEQUENT', usage_pattern: 'UNSCHEDULED_POSTPAID' } as const;

/** Permissions by the names in a token's `scope`. */
export const DISPUTES_SCOPE = 'https://uri.paypal.com/services/disputes/read-seller';
export const REPORTS_SCOPE = 'https://uri.paypal.com/services/reporting/search/read';

/** Calls per second of one account. PayPal publishes none and blocks by pattern; this is below what it was seen to take. */
export const CALLS_PER_SECOND = 20;

/** PayPal names no time to wait with a 429. */
export const RATE_LIMIT_WAIT_MS = 5_000;
