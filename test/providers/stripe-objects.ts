import type { Form, FormValue } from './form-body.ts';

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
    },
  ) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

export interface Session {
  id: string;
  object: 'checkout.session';
  status: 'open' | 'complete' | 'expired';
  payment_status: 'paid' | 'unpaid';
  mode: 'payment';
  amount_total: number;
  currency: string;
  client_reference_id: string | null;
  payment_intent: string | null;
  url: string | null;
  metadata: Record<string, string>;
  allowed_payment_method_types: readonly string[] | null;
  success_url: string;
  cancel_url: string | null;
  expires_at: number;
  created: number;
  livemode: false;
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
  description: string | null;
  last_payment_error: Record<string, unknown> | null;
  latest_charge: string | null;
  metadata: Record<string, string>;
  created: number;
  livemode: false;
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
  payment_intent: string;
  payment_method_details: Record<string, unknown>;
  balance_transaction: Record<string, unknown> | null;
  metadata: Record<string, string>;
  created: number;
  livemode: false;
}

export interface Refund {
  id: string;
  object: 'refund';
  amount: number;
  currency: string;
  status: 'pending' | 'succeeded' | 'failed';
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
  created: number;
  livemode: false;
}

/** @throws StripeProblem 400 `parameter_unknown` for the first parameter that the call does not know */
export function onlyParameters(form: Form, ...known: readonly string[]): void {
  const stranger = Object.keys(form).find((name) => !known.includes(name));
  if (stranger === undefined) return;
  throw new StripeProblem(400, {
    type: 'invalid_request_error',
    code: 'parameter_unknown',
    message: `Received unknown parameter: ${stranger}`,
    param: stranger,
  });
}

/** @throws StripeProblem 400 `parameter_missing` */
export function required(value: FormValue | undefined, param: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new StripeProblem(400, {
    type: 'invalid_request_error',
    code: 'parameter_missing',
    message: `Missing required param: ${param}.`,
    param,
  });
}

/** @throws StripeProblem 400 `parameter_invalid_integer` */
export function integer(value: FormValue | undefined, param: string): number {
  const text = required(value, param);
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new StripeProblem(400, {
    type: 'invalid_request_error',
    code: 'parameter_invalid_integer',
    message: `Invalid integer: ${text}`,
    param,
  });
}

export function below(value: FormValue | undefined, ...path: readonly string[]): FormValue | undefined {
  const [first, ...rest] = path;
  if (first === undefined || value === undefined || typeof value === 'string') return first === undefined ? value : undefined;
  const next = Array.isArray(value) ? value[Number(first)] : (value as Form)[first];
  return below(next, ...rest);
}

export function textMap(value: FormValue | undefined): Record<string, string> {
  if (value === undefined || typeof value === 'string' || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
