import { randomBytes } from 'node:crypto';
import type { Form, FormValue } from './form-body.ts';

export const API_VERSION = '2026-10-28.endive';

/** A refusal, in Stripe's words. */
export class StripeProblem extends Error {
  readonly status: number;
  readonly error: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    error: {
      readonly type: string;
      readonly code?: string;
      readonly message: string;
      readonly param?: string;
      readonly decline_code?: string;
      readonly [more: string]: unknown;
    },
  ) {
    super(error.message);
    this.status = status;
    this.error = error;
  }

  /** Execution had begun: what the bank said is kept under the key and repeated. */
  get isExecuted(): boolean {
    return this.status === 402;
  }
}

export function refuse(message: string, code?: string, param?: string): never {
  throw new StripeProblem(400, {
    type: 'invalid_request_error',
    message,
    ...(code === undefined ? {} : { code }),
    ...(param === undefined ? {} : { param }),
  });
}

export interface Session {
  id: string;
  object: 'checkout.session';
  status: 'open' | 'complete' | 'expired';
  payment_status: 'paid' | 'unpaid' | 'no_payment_required';
  mode: 'payment' | 'setup';
  amount_total: number | null;
  currency: string | null;
  client_reference_id: string | null;
  customer: string | null;
  payment_intent: string | null;
  setup_intent: string | null;
  url: string | null;
  metadata: Record<string, string>;
  allowed_payment_method_types: readonly string[] | null;
  success_url: string;
  cancel_url: string | null;
  expires_at: number;
  created: number;
  livemode: boolean;
}

/** What of a session is not shown: what its payment intent will be made of, and whose it is. */
export interface Draft {
  readonly draft: Form;
  readonly makesCustomer: boolean;
}

export interface Intent {
  id: string;
  object: 'payment_intent';
  status: 'requires_payment_method' | 'requires_action' | 'processing' | 'requires_capture' | 'succeeded' | 'canceled';
  amount: number;
  amount_capturable: number;
  amount_received: number;
  currency: string;
  capture_method: 'automatic' | 'manual';
  cancellation_reason: string | null;
  client_secret: string;
  customer: string | null;
  description: string | null;
  last_payment_error: Record<string, unknown> | null;
  latest_charge: string | null;
  metadata: Record<string, string>;
  next_action: Record<string, unknown> | null;
  payment_method: string | null;
  allowed_payment_method_types: readonly string[] | null;
  setup_future_usage: string | null;
  created: number;
  livemode: boolean;
}

export interface Charge {
  id: string;
  object: 'charge';
  status: 'succeeded' | 'pending' | 'failed';
  amount: number;
  amount_captured: number;
  amount_refunded: number;
  captured: boolean;
  refunded: boolean;
  disputed: boolean;
  currency: string;
  customer: string | null;
  failure_code: string | null;
  failure_balance_transaction: string | null;
  payment_intent: string;
  payment_method: string | null;
  payment_method_details: { type: string } & Record<string, unknown>;
  balance_transaction: string | null;
  metadata: Record<string, string>;
  created: number;
  livemode: boolean;
}

export interface Refund {
  id: string;
  object: 'refund';
  amount: number;
  currency: string;
  status: 'pending' | 'succeeded' | 'failed';
  failure_reason?: string;
  charge: string;
  payment_intent: string;
  reason: string | null;
  metadata: Record<string, string>;
  created: number;
}

export interface Dispute {
  id: string;
  object: 'dispute';
  amount: number;
  currency: string;
  status: string;
  charge: string;
  payment_intent: string;
  reason: string;
  evidence_details: { due_by: number | null };
  metadata: Record<string, string>;
  created: number;
  livemode: boolean;
}

export interface Customer {
  id: string;
  object: 'customer';
  name: string | null;
  email: string | null;
  metadata: Record<string, string>;
  created: number;
  livemode: boolean;
}

export interface PaymentMethod {
  id: string;
  object: 'payment_method';
  type: string;
  customer: string | null;
  created: number;
  livemode: boolean;
  [details: string]: unknown;
}

export interface Mandate {
  id: string;
  object: 'mandate';
  status: string;
  type: 'multi_use';
  payment_method: string;
  payment_method_details: Record<string, unknown>;
  customer_acceptance: Record<string, unknown>;
  livemode: boolean;
}

export interface SetupIntent {
  id: string;
  object: 'setup_intent';
  status: 'requires_payment_method' | 'succeeded' | 'canceled';
  customer: string | null;
  mandate: string | null;
  payment_method: string | null;
  latest_attempt: Record<string, unknown> | null;
  metadata: Record<string, string>;
  usage: 'off_session';
  created: number;
  livemode: boolean;
}

export interface Transaction {
  id: string;
  object: 'balance_transaction';
  amount: number;
  fee: number;
  fee_details: readonly { readonly type: 'stripe_fee' | 'tax'; readonly amount: number; readonly currency: string }[];
  net: number;
  currency: string;
  type: string;
  reporting_category: string;
  source: string | null;
  status: 'available';
  created: number;
}

export interface Payout {
  id: string;
  object: 'payout';
  amount: number;
  currency: string;
  automatic: boolean;
  arrival_date: number;
  balance_transaction: string;
  reconciliation_status: 'completed' | 'in_progress' | 'not_applicable';
  status: 'paid' | 'in_transit' | 'failed';
  created: number;
  livemode: boolean;
}

export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

export function missing(kind: string, id: string): never {
  throw new StripeProblem(404, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${kind}: '${id}'`,
    param: 'id',
  });
}

/** @throws StripeProblem 400 `parameter_unknown` for the first parameter that the call does not know */
export function onlyParameters(form: Form, ...known: readonly string[]): void {
  const stranger = Object.keys(form).find((name) => !known.includes(name));
  if (stranger !== undefined) refuse(`Received unknown parameter: ${stranger}`, 'parameter_unknown', stranger);
}

/** @throws StripeProblem 400 `parameter_missing` */
export function required(value: FormValue | undefined, param: string): string {
  return typeof value === 'string' && value !== '' ? value : refuse(`Missing required param: ${param}.`, 'parameter_missing', param);
}

/** @throws StripeProblem 400 `parameter_invalid_integer` */
export function integer(value: FormValue | undefined, param: string): number {
  const text = required(value, param);
  return /^-?\d+$/.test(text) ? Number(text) : refuse(`Invalid integer: ${text}`, 'parameter_invalid_integer', param);
}

/** @throws StripeProblem 400 when the text is longer than Stripe takes */
export function short(value: FormValue | undefined, param: string, length: number): string | null {
  if (typeof value !== 'string') return null;
  return value.length <= length
    ? value
    : refuse(`Invalid string: ${param} has more than ${length} characters`, 'parameter_invalid_string', param);
}

export function textOf(value: FormValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

export function listOf(value: FormValue | undefined): readonly string[] | null {
  return Array.isArray(value) ? value.map(String) : null;
}

export function below(value: FormValue | undefined, ...path: readonly string[]): FormValue | undefined {
  const [first, ...rest] = path;
  if (first === undefined || value === undefined || typeof value === 'string') return first === undefined ? value : undefined;
  const next = Array.isArray(value) ? value[Number(first)] : (value as Form)[first];
  return below(next, ...rest);
}

export function formOf(value: FormValue | undefined): Form {
  return typeof value === 'object' && !Array.isArray(value) ? (value as Form) : {};
}

export function textMap(value: FormValue | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(formOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
