/**
 * What PayPal's answers look like, as far as we read them (its OpenAPI files: checkout_orders_v2, payments_payment_v2,
 * vault_payment_tokens_v3, customer_disputes_v1). Every field is optional: what PayPal leaves out must not break us. Statuses are
 * texts, because a new word of PayPal's must not break us either.
 */
import type { WireMoney } from './amounts.ts';

export interface Link {
  readonly href?: string;
  readonly rel?: string;
}

export interface Order {
  readonly id?: string;
  readonly intent?: string;
  readonly status?: string;
  readonly purchase_units?: readonly PurchaseUnit[];
  readonly payment_source?: Readonly<Record<string, PaymentSource>>;
  readonly links?: readonly Link[];
  readonly create_time?: string;
  readonly update_time?: string;
}

export interface PurchaseUnit {
  readonly reference_id?: string;
  readonly custom_id?: string;
  readonly invoice_id?: string;
  readonly amount?: WireMoney;
  readonly payments?: {
    readonly authorizations?: readonly Authorization[];
    readonly captures?: readonly Capture[];
    readonly refunds?: readonly Refund[];
  };
}

export interface PaymentSource {
  readonly account_id?: string;
  readonly attributes?: {
    readonly vault?: { readonly id?: string; readonly status?: string; readonly customer?: { readonly id?: string } };
  };
}

interface Movement {
  readonly id?: string;
  readonly status?: string;
  readonly status_details?: { readonly reason?: string };
  readonly amount?: WireMoney;
  readonly custom_id?: string;
  readonly invoice_id?: string;
  readonly create_time?: string;
  readonly links?: readonly Link[];
  readonly supplementary_data?: { readonly related_ids?: { readonly order_id?: string } };
}

export interface Authorization extends Movement {
  readonly expiration_time?: string;
}

export interface Capture extends Movement {
  readonly final_capture?: boolean;
  readonly seller_receivable_breakdown?: { readonly paypal_fee?: WireMoney; readonly net_amount?: WireMoney };
}

export type Refund = Movement;

export interface Dispute {
  readonly dispute_id?: string;
  readonly reason?: string;
  readonly status?: string;
  readonly dispute_life_cycle_stage?: string;
  readonly dispute_amount?: WireMoney;
  readonly seller_response_due_date?: string;
  readonly dispute_outcome?: { readonly outcome_code?: string };
}

export interface VaultToken {
  readonly id?: string;
  readonly status?: string;
  readonly customer?: { readonly id?: string };
  readonly payment_source?: Readonly<Record<string, { readonly account_id?: string; readonly payer_id?: string }>>;
  readonly links?: readonly Link[];
}

/** The words after an order's or token's id in the links: PayPal says `approve` or `payer-action`, by how it was made. */
export function approvalLink(links: readonly Link[] | undefined): string | undefined {
  return links?.find(({ rel }) => rel === 'payer-action' || rel === 'approve')?.href;
}

/** Epoch milliseconds of one of PayPal's times; also of those with `+0000` in place of `+00:00`. */
export function momentOf(time: string | undefined): number | undefined {
  const moment = Date.parse((time ?? '').replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  return Number.isNaN(moment) ? undefined : moment;
}
