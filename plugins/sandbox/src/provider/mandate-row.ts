import type { Method } from './payment-row.ts';

/** - `pending`: the customer has not approved. - `active`: it may be charged. - `revoked`, `expired`: it may not any more. */
export type MandateState = 'pending' | 'active' | 'revoked' | 'expired';
export type MandateKind = 'sepa-debit' | 'card' | 'agreement';

export interface MandateRow {
  readonly id: string;
  readonly account: string;
  /** The caller's id of it; the payment's, for one that a payment left behind. */
  readonly reference: string;
  readonly customer: string;
  readonly kind: MandateKind;
  readonly state: MandateState;
  readonly label: string;
  readonly fingerprint: string;
  readonly description: string;
  readonly return_url: string;
  readonly webhook_url: string;
  readonly created_at: number;
  readonly valid_until: number | null;
}

/** What paying this way leaves behind, when it is to be remembered. */
export const KIND_BY_METHOD: Readonly<Record<Method, MandateKind>> = {
  card: 'card',
  ideal: 'sepa-debit',
  'sepa-debit': 'sepa-debit',
  wallet: 'agreement',
};

/** How a mandate of this kind is charged. */
export const METHOD_BY_KIND: Readonly<Record<MandateKind, Method>> = { card: 'card', 'sepa-debit': 'sepa-debit', agreement: 'wallet' };

/** A mandate as the API shows it. */
export function showMandate(mandate: MandateRow): Readonly<Record<string, unknown>> {
  const { id, reference, customer, kind, state, label, fingerprint, valid_until: until } = mandate;
  const validUntil = until === null ? null : new Date(until).toISOString();
  return { id, reference, customer, kind, state, label, fingerprint, valid_until: validUntil, approve_url: approvePageOf(mandate) };
}

/** Where a person gives the permission. */
export function approvePageOf({ id, webhook_url: webhookUrl }: MandateRow): string {
  return new URL(`/sandbox/mandate/${id}`, webhookUrl).href;
}
