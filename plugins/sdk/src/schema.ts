/**
 * The JSON Schema subset in which a plugin describes its settings, inputs and outputs.
 *
 * One description serves five readers: the form builder draws it, the flow checker types expressions with it, the editor
 * completes from it, the host validates every call against it, and TypeScript infers the plugin's own types from it
 * ({@link From}). It is valid in draft-07 and 2020-12.
 */

/** A text in one language, or in several with English as the fallback. */
export type Text = string | ({ readonly en: string } & { readonly [locale in 'nl' | 'da' | 'nb']?: string });

/** One value. Objects are closed: a property that is not declared is refused. */
export interface Field {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  readonly title?: Text;
  readonly description?: Text;
  readonly enum?: readonly (string | number)[];
  readonly default?: unknown;
  /** `money` is the object `{"amount":"12.50","currency":"EUR"}`; flows may also write `"12.50 EUR"`. `phone` is E.164. */
  readonly format?: 'email' | 'uri' | 'date' | 'date-time' | 'money' | 'phone';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly items?: Field;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Field;
  /** Sealed at rest, never shown again, never in a log. */
  readonly 'x-secret'?: true;
  /** Masked for people without the right to see it. */
  readonly 'x-personal'?: 'phone' | 'email' | 'name' | 'address' | 'iban';
  readonly 'x-placeholder'?: Text;
  readonly 'x-multiline'?: true;
  readonly 'x-advanced'?: true;
}

/** The settings, input or output as a whole. */
export interface Schema extends Field {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Field>>;
}

/** Money as it crosses every boundary: a decimal string with exactly the currency's digits. */
export interface Money {
  readonly amount: string;
  readonly currency: string;
}

type Value<F extends Field> = F['format'] extends 'money'
  ? Money
  : F['enum'] extends readonly (infer E)[]
    ? E
    : F['type'] extends 'string'
      ? string
      : F['type'] extends 'integer' | 'number'
        ? number
        : F['type'] extends 'boolean'
          ? boolean
          : F['type'] extends 'array'
            ? readonly (F['items'] extends Field ? Value<F['items']> : unknown)[]
            : F['properties'] extends Readonly<Record<string, Field>>
              ? Properties<F['properties'], F['required']>
              : Readonly<Record<string, unknown>>;

type Properties<P extends Readonly<Record<string, Field>>, R> = R extends readonly (infer K)[]
  ? { readonly [N in keyof P & string as N extends K ? N : never]: Value<P[N]> } & {
      readonly [N in keyof P & string as N extends K ? never : N]?: Value<P[N]>;
    }
  : { readonly [N in keyof P & string]?: Value<P[N]> };

/** The TypeScript type of a schema written `as const`; of a schema that is not known before run time, any record. */
export type From<S extends Schema> = string extends keyof S['properties']
  ? Readonly<Record<string, unknown>>
  : Properties<S['properties'], S['required']>;
