/**
 * What a repeated call does to the world: mandatory on every action, because "was this customer charged twice?" is
 * decided here.
 *
 * - `read`: changes nothing. Repeated freely.
 * - `keyed`: the provider honours an idempotency key. The same key is sent on every attempt of a step, together with the
 *   same input; after an unknown outcome it is sent again, but not once 80 % of `keyTtl` has passed since the first attempt.
 * - `lookup`: the action has `lookup()`. After an unknown outcome the provider is asked first; the call is repeated only
 *   when `lookup` proves that nothing happened.
 * - `once`: neither. The flow says `on-unknown: resend` or `on-unknown: ask`; an action that moves money is always `ask`.
 */
export type Effect = 'read' | 'keyed' | 'lookup' | 'once';
