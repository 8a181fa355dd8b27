/** The shape of one entry of the event catalogue. */
import type { z } from 'zod';

/** A kind of domain event: a fact in the past tense, with a version, a schema and one realistic example. */
export interface EventDefinition {
  /** `payment.completed`. */
  readonly type: string;
  /** Raised when a field is removed or narrowed; a new field does not raise it. */
  readonly version: number;
  /** One sentence for the catalogue page and the editor. */
  readonly summary: string;
  /** The payload. Closed: a key that is not declared is refused, also from our own code. */
  readonly data: z.ZodType<Readonly<Record<string, unknown>>>;
  readonly example: Readonly<Record<string, unknown>>;
  /** Portals may send it; all others are recorded by Kassaflow alone. */
  readonly portal: boolean;
}

/** Declares one event of the catalogue; the compiler holds the example against the schema, and a test parses it. */
export function defineEvent<T extends Readonly<Record<string, unknown>>>(definition: {
  type: string;
  version: number;
  summary: string;
  data: z.ZodType<T>;
  example: NoInfer<T>;
  portal?: boolean;
}): EventDefinition {
  return { portal: false, ...definition };
}
