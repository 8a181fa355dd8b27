/** What we read of Mollie's objects: nothing else of them is looked at, and every word may be one that we do not know. */
import type { Amount } from './amounts.ts';

/** A field that Mollie leaves out or sends as null. */
type Maybe<T> = T | null | undefined;

export interface SeenRefund {
  readonly id: string;
  readonly status: string;
  readonly amount: Amount;
  readonly metadata?: unknown;
}

export interface SeenChargeback {
  readonly id: string;
  readonly amount: Amount;
  readonly createdAt: string;
  readonly reason?: Maybe<{ readonly code?: Maybe<string> }>;
  readonly reversedAt?: Maybe<string>;
}

export interface SeenPayment {
  readonly id: string;
  readonly status: string;
  readonly amount: Amount;
  readonly createdAt: string;
  readonly profileId?: Maybe<string>;
  readonly isCancelable?: Maybe<boolean>;
  readonly method?: Maybe<string>;
  readonly metadata?: unknown;
  readonly sequenceType?: Maybe<string>;
  readonly customerId?: Maybe<string>;
  readonly mandateId?: Maybe<string>;
  readonly captureMode?: Maybe<string>;
  readonly captureBefore?: Maybe<string>;
  readonly expiresAt?: Maybe<string>;
  readonly paidAt?: Maybe<string>;
  readonly authorizedAt?: Maybe<string>;
  readonly canceledAt?: Maybe<string>;
  readonly expiredAt?: Maybe<string>;
  readonly failedAt?: Maybe<string>;
  readonly amountCaptured?: Maybe<Amount>;
  readonly amountRefunded?: Maybe<Amount>;
  readonly amountChargedBack?: Maybe<Amount>;
  readonly details?: Maybe<object>;
  readonly statusReason?: Maybe<{ readonly code?: Maybe<string> }>;
  readonly _links?: Maybe<{ readonly checkout?: Maybe<{ readonly href?: string }> }>;
  readonly _embedded?: Maybe<{
    readonly refunds?: Maybe<readonly SeenRefund[]>;
    readonly chargebacks?: Maybe<readonly SeenChargeback[]>;
  }>;
}

export interface SeenMandate {
  readonly id: string;
  readonly status: string;
  readonly method: string;
  readonly details?: Maybe<object>;
}

/** A text field of an object whose shape depends on the way of paying. */
export function textIn(object: Maybe<object>, name: string): string | undefined {
  const value: unknown = object && name in object ? (object as Readonly<Record<string, unknown>>)[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A text in metadata, which comes back as an object or as JSON in a text. */
export function markIn(metadata: unknown, name: string): string | undefined {
  if (typeof metadata === 'object') return textIn(metadata, name);
  if (typeof metadata !== 'string' || !metadata.startsWith('{')) return undefined;
  try {
    return textIn(JSON.parse(metadata) as object, name); // begins with a brace and parses, so it is an object
  } catch {
    return undefined;
  }
}

/** Epoch milliseconds of a time of Mollie's; `undefined` when there is none or it cannot be read. */
export function instantOf(time: Maybe<string>): number | undefined {
  const instant = Date.parse(time ?? '');
  return Number.isNaN(instant) ? undefined : instant;
}
