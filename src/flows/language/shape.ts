/**
 * The shape of a value: what a JSON Schema says, reduced to what expressions and templates need to know.
 *
 * One shape gives four things: the CEL type a field has, the value it takes when it is absent, how its JSON becomes a CEL
 * value, and the names to suggest when somebody mistypes one.
 */

/** A JSON Schema as plain data: the parts that occur in event, subject and action schemas. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | boolean;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

export type Shape =
  | { readonly kind: 'string'; readonly values?: readonly string[] }
  | { readonly kind: 'int' | 'number' | 'bool' | 'money' | 'instant' | 'any' }
  | { readonly kind: 'list'; readonly items: Shape }
  /** Any names, one kind of value: `payment.metadata`. */
  | { readonly kind: 'map'; readonly values: Shape }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Shape>> };

export const ANY: Shape = { kind: 'any' };

/** References are followed this deep; a schema that refers to itself ends in "any". */
const MAX_DEPTH = 12;

/** The shape that a schema describes; "any" where it says nothing that we use. */
export function shapeOf(schema: JsonSchema | boolean | undefined): Shape {
  return typeof schema === 'object' ? reduce(schema, { ...schema.definitions, ...schema.$defs }, 0) : ANY;
}

/** An object shape from the shapes of its fields. */
export function objectShape(fields: Readonly<Record<string, Shape>>): Shape {
  return { kind: 'object', fields };
}

/** The shape of a field of `shape`; `undefined` when it can have no such field. */
export function fieldOf(shape: Shape, name: string): Shape | undefined {
  switch (shape.kind) {
    case 'object':
      return Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    case 'map':
      return shape.values;
    case 'money':
      return MONEY_FIELDS[name];
    case 'any':
      return ANY;
    default:
      return undefined;
  }
}

/** The names of the fields that `shape` is known to have. */
export function fieldNames(shape: Shape | undefined): readonly string[] {
  return shape?.kind === 'object' ? Object.keys(shape.fields) : shape?.kind === 'money' ? Object.keys(MONEY_FIELDS) : [];
}

const MONEY_FIELDS: Readonly<Record<string, Shape>> = { amount: { kind: 'string' }, currency: { kind: 'string' } };

/** Fields of both; where both have one of another kind, it may be either. */
export function union(a: Shape, b: Shape): Shape {
  if (a.kind === 'object' && b.kind === 'object') {
    const names = new Set([...Object.keys(a.fields), ...Object.keys(b.fields)]);
    return objectShape(
      Object.fromEntries(
        [...names].map((name) => {
          const [left, right] = [a.fields[name], b.fields[name]];
          return [name, left && right ? union(left, right) : (left ?? right ?? ANY)];
        }),
      ),
    );
  }
  return a.kind === b.kind ? a : ANY;
}

function reduce(schema: JsonSchema, definitions: Readonly<Record<string, JsonSchema>>, depth: number): Shape {
  if (depth > MAX_DEPTH) return ANY;
  const next = (inner: JsonSchema | boolean | undefined) => (typeof inner === 'object' ? reduce(inner, definitions, depth + 1) : ANY);
  if (schema.$ref !== undefined) return next(definitions[schema.$ref.split('/').at(-1) ?? '']);
  const alternatives = (schema.anyOf ?? schema.oneOf)?.filter((choice) => choice.type !== 'null');
  if (alternatives?.[0]) return alternatives.map(next).reduce(union);
  if (schema.allOf?.[0]) return schema.allOf.map(next).reduce(union);
  if (schema.format === 'money' || isMoney(schema)) return { kind: 'money' };
  switch (
    Array.isArray(schema.type) ? schema.type.find((type) => type !== 'null') : (schema.type ?? typeof (schema.const ?? schema.enum?.[0]))
  ) {
    case 'string':
      return textShape(schema);
    case 'integer':
      return { kind: 'int' };
    case 'number':
      return { kind: 'number' };
    case 'boolean':
      return { kind: 'bool' };
    case 'array':
      return { kind: 'list', items: next(schema.items) };
    case 'object':
      return schema.properties ? objectShape(mapValues(schema.properties, next)) : mapShape(next(schema.additionalProperties));
    default:
      return ANY;
  }
}

function textShape(schema: JsonSchema): Shape {
  if (schema.format === 'date-time') return { kind: 'instant' };
  const values = schema.enum?.filter((value) => typeof value === 'string');
  return values ? { kind: 'string', values } : { kind: 'string' };
}

function mapShape(values: Shape): Shape {
  return { kind: 'map', values };
}

function isMoney({ properties }: JsonSchema): boolean {
  return properties !== undefined && Object.keys(properties).toSorted().join() === 'amount,currency';
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
