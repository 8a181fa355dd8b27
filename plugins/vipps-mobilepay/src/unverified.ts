/**
 * What Vipps MobilePay has not written down, or what has not been seen in its own test environment. Each is a choice that is safe
 * when wrong; look here first when the provider behaves otherwise.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * For how long a repeated idempotency key is believed to be remembered. No page names the time, so a day, after which the core asks
 * instead of sending again. A repeat of a capture or refund looks for its key in the payment's log first, so a shorter memory does no harm.
 */
export const KEY_TTL_MS = DAY_MS;

/**
 * A delivery is tried for seven days, and nobody says whether `x-ms-date` is renewed with each try. So eight days, and what is
 * delivered twice is found by its event id.
 */
export const OLDEST_DELIVERY_MS = 8 * DAY_MS;
/** A clock that was set wrong must not refuse real deliveries; a signature cannot be made in advance without the secret. */
export const EARLIEST_DELIVERY_MS = DAY_MS;

/** Limits are known per payment only (see `outcomes.ts`); this keeps one sales unit far below what a gateway would mind. */
export const CALLS_PER_SECOND = 20;

/** How long to rest after a 429 without `Retry-After`: five writes a minute for one payment, 120 reads. */
export const REST_MS = { write: 12_000, read: 1_000 } as const;

/** When to ask again for a payment that something else is busy with (423, 6160, 6250, 6280). */
export const BUSY_MS = 2_000;

/** A ledger date that is still open is asked for again after half an hour (Report API, `tryLater`). */
export const OPEN_LEDGER_DATE_MS = HOUR_MS / 2;

/** The accounting keys' token service names no life in every answer; its page says 15 minutes. */
export const REPORT_TOKEN_LIFE_S = 900;

/**
 * How long after the reservation money can be taken (docs: payment-lifecycle). Denmark and Finland lose the reservation after 14 days,
 * Norway after 180. Only used when the answer has no `captureGuaranteedUntil`; that recurring charges follow the same days is believed.
 */
export const CAPTURE_DAYS: Readonly<Record<string, number>> = { NOK: 180, DKK: 14, EUR: 14 };

/** The day of a charge is counted where it begins first, so that "tomorrow" is tomorrow in all three markets. */
export const EASTERNMOST_MARKET = 'Europe/Helsinki';
