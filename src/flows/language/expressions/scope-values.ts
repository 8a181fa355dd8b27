/** JSON of the scope into CEL values, and back: integers as BigInt, money as its own type, absent fields as their defaults. */
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { expressionErrors } from './errors.ts';
import { MoneyValue } from './money-value.ts';
import { ownField, type PathNode } from './paths.ts';
import { ANY, fieldOf, type Shape } from '../shape.ts';

/** A list in the scope may have this many elements to be looked at by an expression. */
export const LONGEST_LIST = 1_000;
const LARGEST_RESULT = 262_144;
const DEEPEST = 32;

export type Converter = (value: unknown) => unknown;

/** Compiles the conversion of one value: only the fields in `path` when it is not needed whole. */
export function converterOf(shape: Shape, path: PathNode): Converter {
  if (path.whole || path.fields.size === 0) return wholeConverter(shape, 0);
  // A field of an amount (`payment.amount.currency`) is read from the amount itself.
  if (shape.kind === 'money') return wholeConverter(shape, 0);
  const fields = [...path.fields].map(([name, inner]) => [name, converterOf(fieldOf(shape, name) ?? ANY, inner)] as const);
  return (value) => {
    if (shape.kind === 'any' && looksLikeMoney(value)) return convertAny(value, 0);
    const converted: Record<string, unknown> = {};
    for (const [name, convert] of fields) converted[name] = convert(ownField(value, name));
    return converted;
  };
}

function wholeConverter(shape: Shape, depth: number): Converter {
  switch (shape.kind) {
    case 'string':
      return (value) => (typeof value === 'string' ? value : value === undefined || value === null ? '' : convertAny(value, depth));
    case 'int':
      return (value) =>
        typeof value === 'number' && Number.isInteger(value)
          ? BigInt(value)
          : value === undefined || value === null
            ? 0n
            : convertAny(value, depth);
    case 'number':
      return (value) => (typeof value === 'number' ? value : value === undefined || value === null ? 0 : convertAny(value, depth));
    case 'bool':
      return (value) => (typeof value === 'boolean' ? value : value === undefined || value === null ? false : convertAny(value, depth));
    case 'money':
      return (value) => (value === undefined || value === null ? MoneyValue.ZERO : MoneyValue.of(value));
    case 'instant':
      return (value) => instant(value);
    case 'list': {
      const convert = wholeConverter(shape.items, depth + 1);
      return (value) =>
        value === undefined || value === null ? [] : Array.isArray(value) ? bounded(value).map(convert) : convertAny(value, depth);
    }
    case 'object': {
      if (depth > DEEPEST) return (value) => convertAny(value, depth);
      const fields = Object.entries(shape.fields).map(([name, field]) => [name, wholeConverter(field, depth + 1)] as const);
      return (value) => Object.fromEntries(fields.map(([name, convert]) => [name, convert(ownField(value, name))]));
    }
    case 'map':
      return (value) => (value === undefined || value === null ? {} : convertAny(value, depth));
    case 'any':
      return (value) => convertAny(value, depth);
  }
}

function convertAny(value: unknown, depth: number): unknown {
  if (depth > DEEPEST) throw expressionErrors.depth({ limit: DEEPEST });
  switch (typeof value) {
    case 'number':
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case 'string':
    case 'boolean':
    case 'bigint':
      return value;
    case 'object':
      break;
    default:
      return null;
  }
  if (value === null || value instanceof Date || value instanceof MoneyValue) return value;
  if (Array.isArray(value)) return bounded(value).map((item) => convertAny(item, depth + 1));
  if (looksLikeMoney(value)) return MoneyValue.of(value);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== '__proto__')
      .map(([name, inner]) => [name, convertAny(inner, depth + 1)]),
  );
}

function looksLikeMoney(value: unknown): boolean {
  return (
    typeof ownField(value, 'amount') === 'string' &&
    typeof ownField(value, 'currency') === 'string' &&
    Object.keys(value as object).length === 2
  ); // ownField proved that it is an object
}

function instant(value: unknown): Date {
  const date = new Date(typeof value === 'string' || typeof value === 'number' ? value : 0);
  return Number.isNaN(date.getTime()) ? new Date(0) : date;
}

function bounded(list: readonly unknown[]): readonly unknown[] {
  if (list.length > LONGEST_LIST) throw expressionErrors.budget({ elements: list.length, limit: LONGEST_LIST });
  return list;
}

/**
 * The plain JSON of a result: amounts in their wire form, moments as ISO 8601 in UTC.
 * @throws expression.overflow for an integer that JSON cannot carry, expression.result-too-large
 */
export function toJson(value: unknown): unknown {
  if (typeof value === 'boolean' || value === null) return value;
  const room = { left: LARGEST_RESULT };
  return plain(value, room, 0);
}

function plain(value: unknown, room: { left: number }, depth: number): unknown {
  room.left -= typeof value === 'string' ? value.length : 8;
  if (room.left < 0 || depth > DEEPEST) throw expressionErrors['result-too-large']({ limit: `${LARGEST_RESULT} characters` });
  switch (typeof value) {
    case 'bigint':
      if (!Number.isSafeInteger(Number(value))) throw expressionErrors.overflow({ found: String(value) });
      return Number(value);
    case 'number':
      if (!Number.isFinite(value)) throw expressionErrors.value({ found: 'a number that is not finite' });
      return value;
    case 'object':
      break;
    default:
      return typeof value === 'string' || typeof value === 'boolean' ? value : null;
  }
  if (value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof MoneyValue) return value.toJSON();
  if (Array.isArray(value)) return value.map((item) => plain(item, room, depth + 1));
  if (value instanceof Map || Object.getPrototypeOf(value) === Object.prototype) {
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    return Object.fromEntries(entries.map(([name, inner]: [unknown, unknown]) => [String(name), plain(inner, room, depth + 1)]));
  }
  // As CEL itself writes it: "90s". Other kinds of the library (bytes, types) have no place in JSON.
  if (value instanceof Duration) return value.toString();
  throw expressionErrors.value({ found: 'a value that has no JSON form' });
}
