/**
 * Compiles a plugin's `Schema` to a check. Objects are closed, money is checked to the currency's digits, and a plugin's
 * patterns run on RE2, so that none of them can take exponential time in this process.
 */
import type { Field } from '@kassaflow/plugin-sdk';
import { Ajv } from 'ajv';
import { RE2JS } from 're2js';
import { isKassaflowError } from '../kernel/errors.ts';
import { parseMoney } from '../kernel/money.ts';

/** The first problem of a value: where (JSON pointer) and what. `undefined` when it fits. */
export type Validator = (value: unknown) => ValueProblem | undefined;

export interface ValueProblem {
  readonly pointer: string;
  readonly message: string;
}

const EMAIL = /^[^\s@<>"]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+$/i;
const PHONE = /^\+[1-9][0-9]{6,14}$/;
const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;

const ajv = new Ajv({
  allErrors: false,
  useDefaults: false,
  strict: true,
  strictTypes: false,
  strictRequired: false,
  code: { regExp: Object.assign(safePattern, { code: 'safePattern' }) },
});
ajv.addFormat('email', (text: string) => text.length <= 254 && EMAIL.test(text));
ajv.addFormat('uri', (text: string) => URL.canParse(text));
ajv.addFormat('phone', PHONE);
ajv.addFormat('date', (text: string) => DATE.test(text) && new Date(`${text}T00:00:00Z`).toISOString().startsWith(text));
ajv.addFormat('date-time', (text: string) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)));
ajv.addKeyword({
  keyword: 'money',
  validate: (_schema: boolean, value: unknown) => {
    try {
      return Boolean(parseMoney(value));
    } catch (error) {
      if (isKassaflowError(error)) return false;
      throw error;
    }
  },
});

/** @throws Error when `field` is not in the subset (see `schema-check.ts`) or a pattern is not RE2 */
export function compileSchema(field: Field): Validator {
  return compileJsonSchema(jsonSchemaOf(field));
}

/** Compiles a JSON Schema of our own, with the formats above and `money: true`. */
export function compileJsonSchema(schema: object): Validator {
  const validate = ajv.compile(schema);
  return (value) => {
    if (validate(value)) return undefined;
    const [error] = validate.errors ?? [];
    const extra: unknown = error?.params?.['additionalProperty'];
    const name = typeof extra === 'string' ? ` “${extra.slice(0, 60)}”` : '';
    return {
      pointer: error?.instancePath ?? '',
      message:
        error?.keyword === 'money'
          ? 'must be an amount such as {"amount":"12.50","currency":"EUR"}'
          : `${error?.message ?? 'does not fit'}${name}`,
    };
  };
}

/** A copy of `value` with the defaults of its schema's top-level properties filled in; `value` itself when there are none. */
export function withDefaults(schema: Field, value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const missing = Object.entries(schema.properties ?? {}).filter(
    ([name, field]) => field.default !== undefined && value[name] === undefined,
  );
  return missing.length === 0
    ? value
    : { ...value, ...Object.fromEntries(missing.map(([name, field]) => [name, structuredClone(field.default)])) };
}

function jsonSchemaOf(field: Field): object {
  if (field.format === 'money') return { money: true };
  const { type, enum: values, format, minimum, maximum, minLength, maxLength, pattern } = field;
  const shared = {
    type,
    ...(values ? { enum: values } : {}),
    ...(format ? { format } : {}),
    ...present({ minimum, maximum, minLength, maxLength, pattern }),
  };
  if (type === 'array') return { ...shared, ...(field.items ? { items: jsonSchemaOf(field.items) } : {}) };
  if (type !== 'object') return shared;
  const properties = Object.fromEntries(Object.entries(field.properties ?? {}).map(([name, one]) => [name, jsonSchemaOf(one)]));
  const rest =
    typeof field.additionalProperties === 'object' ? jsonSchemaOf(field.additionalProperties) : field.additionalProperties === true;
  return { ...shared, properties, ...(field.required ? { required: field.required } : {}), additionalProperties: rest };
}

function present(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function safePattern(pattern: string): { test(text: string): boolean; toString(): string } {
  const compiled = RE2JS.compile(pattern);
  // ajv keeps patterns of all schemas in one table by their text; without it every pattern would be the first one's.
  return { test: (text) => compiled.matcher(text).find(), toString: () => pattern };
}
