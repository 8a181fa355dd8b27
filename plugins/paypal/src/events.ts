import { momentOf } from './wire.ts';

/** The fields of an event that we read; `resource` is what it is about, as it was then. */
export interface PaypalEvent {
  readonly id: string;
  readonly type: string;
  readonly occurredAt?: number;
  readonly resource: Resource;
}

/** What a resource may have, by its kind: an order, a capture, an authorization, a refund, a dispute, a payment token. */
export interface Resource {
  readonly id?: unknown;
  readonly order_id?: unknown;
  readonly custom_id?: unknown;
  readonly purchase_units?: unknown;
  readonly supplementary_data?: unknown;
  readonly links?: unknown;
  readonly disputed_transactions?: unknown;
}

/** Reads a verified body. What is signed but cannot be read is `undefined`: kept as evidence, and translated to nothing. */
export function readEvent(body: Uint8Array): PaypalEvent | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
  const { id, event_type: type, create_time: time, resource } = asRecord(parsed);
  if (typeof id !== 'string' || id === '' || typeof type !== 'string') return undefined;
  const occurredAt = typeof time === 'string' ? momentOf(time) : undefined;
  return { id, type: type.slice(0, 200), ...(occurredAt === undefined ? {} : { occurredAt }), resource: asRecord(resource) };
}

export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= 255 ? value : undefined;
}
