/**
 * Facts about Mollie that no public page states or that we could not try against the real API. All of them are here, so that a person
 * with an account can check them in one sitting. None of them decides whether money moved.
 */

/** Mollie publishes no limit; this is well below what merchants report, and 429 slows a connection down anyway. */
export const CALLS_PER_SECOND = 20;

/** A 429 without `Retry-After`: Mollie's pages only say "back off". */
export const RETRY_AFTER_MS = 1_000;

/** A direct debit takes no date: Mollie hands it to the bank at once, and the bank takes it within these days. */
export const DEBIT_LEAD_DAYS = 3;

/** Until when an answer without `expiresAt` is taken to be payable: the shortest life of a method, iDEAL's. */
export const SHORTEST_LIFE_MS = 15 * 60_000;

/** Ways of paying that can leave a mandate behind (reference of the first payment's `method`, 2026). */
export const FIRST_METHODS: ReadonlySet<string> = new Set([
  'applepay',
  'bancontact',
  'belfius',
  'creditcard',
  'eps',
  'ideal',
  'kbc',
  'mybank',
  'paybybank',
  'paypal',
  'trustly',
]);

/**
 * Ways of paying one cent that leave a mandate for direct debits. Whether Mollie passes over those that a profile has not switched on,
 * or refuses the payment, no page says.
 */
export const DEBIT_FIRST_METHODS: readonly string[] = ['ideal', 'bancontact', 'belfius', 'kbc', 'eps'];

/** Words in the detail of a 409 that say "this is a refund like one of the last hour"; any other 409 is a call under way. */
export const DUPLICATE_REFUND = /duplicate|similar|already been (created|refunded)/i;

/** Words in the detail of a 422 that say that a customer has no mandate to charge. */
export const NO_MANDATE = /mandate/i;

/** The refund that is refused as a duplicate is accepted again after this. */
export const DUPLICATE_REFUND_MS = 3_600_000;
