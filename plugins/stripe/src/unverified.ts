/**
 * Facts about Stripe that we know from memory, from old pages, or from the types alone, and could not try against Stripe itself. All of
 * them are here, so that a person with an account can check them in one sitting. None of them decides whether money moved.
 */

/** Longest texts: a product's name on the checkout page, a description, a value of metadata and its name, and how many there may be. */
export const PRODUCT_NAME_LENGTH = 250;
export const DESCRIPTION_LENGTH = 1_000;
export const METADATA = { names: 50, nameLength: 40, valueLength: 500 } as const;

/** How long a page of Stripe's can live (https://docs.stripe.com/api/checkout/sessions/create, `expires_at`), with room for two clocks. */
export const SESSION_LIFE = { shortest: 31 * 60_000, longest: 86_400_000 - 5 * 60_000 } as const;

/** Stripe often sends no `Retry-After`; a second is its own advice for one endpoint's 25 requests per second. */
export const RETRY_AFTER_MS = 1_000;

/** A direct debit takes up to 14 days, and eight weeks without a question begin when the bank was debited. */
export const LONGEST_DEBIT_MS = 14 * 86_400_000;

/**
 * Smallest charges, in Stripe's units (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). A currency that is not
 * listed has none that we know of, and Stripe refuses by itself.
 */
export const LEAST: Readonly<Record<string, number>> = {
  AED: 200,
  AUD: 50,
  BGN: 100,
  BRL: 50,
  CAD: 50,
  CHF: 50,
  CZK: 1_500,
  DKK: 250,
  EUR: 50,
  GBP: 30,
  HKD: 400,
  HUF: 17_500,
  JPY: 50,
  MXN: 1_000,
  NOK: 300,
  NZD: 50,
  PLN: 200,
  RON: 200,
  SEK: 300,
  SGD: 50,
  USD: 50,
};

/** Ways of paying that exist in some currencies only. One that is not listed is offered in each: Stripe's page leaves it out by itself. */
export const CURRENCIES: Readonly<Record<string, readonly string[]>> = {
  acss_debit: ['CAD', 'USD'],
  affirm: ['USD', 'CAD'],
  au_becs_debit: ['AUD'],
  bacs_debit: ['GBP'],
  bancontact: ['EUR'],
  bizum: ['EUR'],
  blik: ['PLN'],
  boleto: ['BRL'],
  cashapp: ['USD'],
  eps: ['EUR'],
  fpx: ['MYR'],
  giropay: ['EUR'],
  grabpay: ['MYR', 'SGD'],
  ideal: ['EUR'],
  konbini: ['JPY'],
  mb_way: ['EUR'],
  mobilepay: ['DKK', 'EUR', 'NOK', 'SEK'],
  multibanco: ['EUR'],
  nz_bank_account: ['NZD'],
  oxxo: ['MXN'],
  p24: ['EUR', 'PLN'],
  paynow: ['SGD'],
  pix: ['BRL'],
  promptpay: ['THB'],
  satispay: ['EUR'],
  sepa_debit: ['EUR'],
  sofort: ['EUR'],
  swish: ['SEK'],
  twint: ['CHF'],
  us_bank_account: ['USD'],
  wero: ['EUR'],
};

/** Ways of paying that can be charged again without the customer (https://docs.stripe.com/payments/payment-methods/payment-method-support). */
export const SAVES: ReadonlySet<string> = new Set([
  'acss_debit',
  'amazon_pay',
  'apple_pay',
  'au_becs_debit',
  'bacs_debit',
  'bancontact',
  'card',
  'cashapp',
  'google_pay',
  'ideal',
  'link',
  'naver_pay',
  'paypal',
  'revolut_pay',
  'sepa_debit',
  'sofort',
  'us_bank_account',
]);

/** A debit can be given a day between these from now (the types of `stripe` 23.1.0 say so), and is taken at once without one. */
export const DEBIT_DAYS = { first: 3, last: 15 } as const;
