import { isRecord } from '../kernel/record.ts';
import type { Schema } from '@kassaflow/plugin-sdk';

/** Where a schema is used: what comes from people is closed all the way down; an output may hold free JSON deeper down. */
export type SchemaUse = 'settings' | 'input' | 'output';

const TYPES = ['string', 'integer', 'number', 'boolean', 'array', 'object'];
const FORMATS = ['email', 'uri', 'date', 'date-time', 'money', 'phone'];
const KEYS = new Set([
  'type',
  'title',
  'description',
  'enum',
  'default',
  'format',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'items',
  'properties',
  'required',
  'additionalProperties',
  'x-secret',
  'x-personal',
  'x-placeholder',
  'x-multiline',
  'x-advanced',
]);
const NUMBERS = ['minimum', 'maximum', 'minLength', 'maxLength'];
const SECRET_WORDS = new Set([
  'token',
  'tokens',
  'secret',
  'secrets',
  'password',
  'passwords',
  'passphrase',
  'credential',
  'credentials',
  'key',
  'keys',
]);
const PUBLIC_WORDS = new Set(['public', 'publishable', 'id', 'ttl', 'hours', 'name']);
/** Deeper nesting than this is no form that a person fills in. */
const MAX_DEPTH = 6;

/**
 * Says what keeps `value` from being a schema of the SDK's subset, with its place, or `undefined`.
 * Typed as unknown, because it comes from the plugin's process.
 */
export function schemaProblem(value: unknown, use: SchemaUse): string | undefined {
  if (!isRecord(value) || value['type'] !== 'object' || !isRecord(value['properties']))
    return 'the whole must be an object with properties';
  if (value['additionalProperties'] === true) return 'the whole must be closed: remove additionalProperties';
  return fieldProblem(value, use, '', 0);
}

/** The first setting whose name says that it is a secret and that is not marked as one. */
export function unmarkedSecret(settings: Schema): string | undefined {
  return Object.entries(settings.properties).find(
    ([name, field]) => looksSecret(name) && (field.type === 'string' || field.type === 'array') && field['x-secret'] !== true,
  )?.[0];
}

function fieldProblem(field: unknown, use: SchemaUse, place: string, depth: number): string | undefined {
  if (depth > MAX_DEPTH) return `${place} is nested more than ${MAX_DEPTH} deep`;
  if (!isRecord(field)) return `${place} is not an object`;
  const strange = Object.keys(field).find((key) => !KEYS.has(key));
  if (strange !== undefined) return `${place}/${strange} is not part of the subset`;
  const { type, format } = field;
  if (typeof type !== 'string' || !TYPES.includes(type)) return `${place}/type is not one of ${TYPES.join(', ')}`;
  if (format !== undefined && !(typeof format === 'string' && FORMATS.includes(format)))
    return `${place}/format is not one of ${FORMATS.join(', ')}`;
  const wrong = NUMBERS.find((key) => field[key] !== undefined && typeof field[key] !== 'number');
  if (wrong !== undefined) return `${place}/${wrong} is not a number`;
  if (
    field['enum'] !== undefined &&
    !(
      Array.isArray(field['enum']) &&
      field['enum'].length > 0 &&
      field['enum'].every((one) => typeof one === 'string' || typeof one === 'number')
    )
  )
    return `${place}/enum is not a list of texts or numbers`;
  if (field['pattern'] !== undefined && typeof field['pattern'] !== 'string') return `${place}/pattern is not a text`;
  if (type === 'array')
    return field['items'] === undefined
      ? `${place} is a list without items`
      : fieldProblem(field['items'], use, `${place}/items`, depth + 1);
  return type === 'object' && format !== 'money' ? objectProblem(field, use, place, depth) : undefined;
}

function objectProblem(field: Readonly<Record<string, unknown>>, use: SchemaUse, place: string, depth: number): string | undefined {
  const { properties, additionalProperties: rest, required } = field;
  if (properties === undefined && (rest === undefined || rest === false)) return `${place} is an object without properties`;
  if (rest === true && use !== 'output') return `${place} is open: declare its properties, or give additionalProperties a schema`;
  if (isRecord(rest)) {
    const problem = fieldProblem(rest, use, `${place}/additionalProperties`, depth + 1);
    if (problem !== undefined) return problem;
  } else if (rest !== undefined && typeof rest !== 'boolean') return `${place}/additionalProperties is neither a schema nor true or false`;
  if (properties !== undefined && !isRecord(properties)) return `${place}/properties is not an object`;
  const names = Object.keys(properties ?? {});
  if (required !== undefined && !(Array.isArray(required) && required.every((name) => names.includes(name as string))))
    return `${place}/required names a property that is not declared`;
  for (const [name, one] of Object.entries(properties ?? {})) {
    const problem = fieldProblem(one, use, `${place}/${name}`, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function looksSecret(name: string): boolean {
  const words = name.split(/(?<=[a-z0-9])(?=[A-Z])|[-_]/).map((word) => word.toLowerCase());
  return words.some((word) => SECRET_WORDS.has(word)) && !words.some((word) => PUBLIC_WORDS.has(word));
}
