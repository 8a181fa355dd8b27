/** What the SDK says of schemas, as checks. The host has its own; these stand alone, so that an author needs nothing but this package. */
import type { Field, Schema } from '../schema.ts';

const KEYS: ReadonlySet<string> = new Set(
  (
    'type title description enum default format minimum maximum minLength maxLength pattern items properties required ' +
    'additionalProperties x-secret x-personal x-placeholder x-multiline x-advanced'
  ).split(' '),
);
const TYPES: readonly unknown[] = ['string', 'integer', 'number', 'boolean', 'array', 'object'];
const FORMATS: readonly unknown[] = [undefined, 'email', 'uri', 'date', 'date-time', 'money', 'phone'];
const SECRET = /^(token|secret|password|passphrase|credential|key)s?$/;
/** `publicKey`, `keyId` and the like are no secrets. */
const PUBLIC = /^(public|publishable|id|ids|ttl|hours|name)$/;
const PERSONAL: readonly (readonly [word: RegExp, kind: string])[] = [
  [/^(phone|msisdn|mobile)$/, 'phone'],
  [/^(email|mail)$/, 'email'],
  [/^iban$/, 'iban'],
  [/^(address|street|postcode|zip)$/, 'address'],
  [/^(firstname|lastname|fullname|surname)$/, 'name'],
];

/** A field with its place, `/to` or `/items/amount`. */
export interface Placed {
  readonly place: string;
  readonly name: string;
  readonly field: Field;
}

/** Every field below a schema. */
export function fieldsOf(schema: Field, place = ''): readonly Placed[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    { place: `${place}/${name}`, name, field },
    ...fieldsOf(field, `${place}/${name}`),
  ]);
  return schema.items === undefined ? below : [...below, ...fieldsOf(schema.items, `${place}/items`)];
}

/** What keeps a schema out of the subset, with its place. */
export function outsideOfSubset(schema: Schema): string | undefined {
  if (schema.type !== 'object' || typeof schema.properties !== 'object') return 'the whole is not an object with properties';
  const whole: Placed = { place: '', name: '', field: schema };
  for (const { place, field } of [whole, ...fieldsOf(schema)]) {
    const strange = Object.keys(field).find((key) => !KEYS.has(key));
    if (strange !== undefined) return `${place || '/'} has “${strange}”`;
    if (!TYPES.includes(field.type)) return `${place || '/'} has the type “${String(field.type)}”`;
    if (!FORMATS.includes(field.format)) return `${place || '/'} has the format “${String(field.format)}”`;
    if (field.type === 'array' && field.items === undefined) return `${place || '/'} is a list without items`;
    const undeclared = field.required?.find((name) => !Object.hasOwn(field.properties ?? {}, name));
    if (undeclared !== undefined) return `${place || '/'} requires “${undeclared}”, which it does not declare`;
  }
  return undefined;
}

/** Why a value does not fit; `undefined` when it does. Formats are checked roughly: a sample is to be typical, not tricky. */
export function misfit(field: Field, value: unknown, place = ''): string | undefined {
  const at = place || '/';
  if (field.enum !== undefined && !field.enum.includes(value as string)) return `${at} is none of ${field.enum.join(', ')}`;
  switch (field.type) {
    case 'string':
      return typeof value === 'string' ? textMisfit(field, value, at) : `${at} is no text`;
    case 'integer':
      return Number.isSafeInteger(value) ? undefined : `${at} is no whole number`;
    case 'number':
      return typeof value === 'number' ? undefined : `${at} is no number`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${at} is neither true nor false`;
    case 'array':
      if (!Array.isArray(value)) return `${at} is no list`;
      return field.items && firstOf(value.map((one, index) => misfit(field.items ?? field, one, `${place}/${index}`)));
    case 'object':
      return typeof value === 'object' && value !== null ? objectMisfit(field, { ...value }, place) : `${at} is no object`;
  }
}

/** Names that say “secret” and are not marked so. */
export function unmarkedSecrets(schema: Schema): readonly string[] {
  return fieldsOf(schema)
    .filter(({ name, field }) => isSecretName(name) && (field.type === 'string' || field.type === 'array') && field['x-secret'] !== true)
    .map(({ place }) => place);
}

/** Names or formats that say whose data it is and are not marked so. */
export function unmarkedPersonal(schema: Schema): readonly string[] {
  return fieldsOf(schema)
    .filter(({ name, field }) => field['x-personal'] === undefined && field.type === 'string' && personalKind(name, field) !== undefined)
    .map(({ place }) => place);
}

function personalKind(name: string, field: Field): string | undefined {
  if (field.format === 'phone' || field.format === 'email') return field.format;
  return PERSONAL.find(([word]) => wordsOf(name).some((one) => word.test(one)) || word.test(name.toLowerCase()))?.[1];
}

function isSecretName(name: string): boolean {
  const words = wordsOf(name);
  return words.some((word) => SECRET.test(word)) && !words.some((word) => PUBLIC.test(word));
}

function wordsOf(name: string): readonly string[] {
  return name.split(/(?<=[a-z0-9])(?=[A-Z])|[-_]/).map((word) => word.toLowerCase());
}

function textMisfit({ minLength = 0, maxLength, pattern, format }: Field, value: string, at: string): string | undefined {
  if (value.length < minLength || (maxLength !== undefined && value.length > maxLength)) return `${at} is too short or too long`;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return `${at} does not match ${pattern}`;
  if (format === 'phone' && !/^\+[1-9]\d{6,14}$/.test(value)) return `${at} is no phone number with its plus`;
  if (format === 'email' && !value.includes('@')) return `${at} is no e-mail address`;
  if (format === 'uri' && !URL.canParse(value)) return `${at} is no address`;
  if ((format === 'date' || format === 'date-time') && Number.isNaN(Date.parse(value))) return `${at} is no ${format}`;
  return undefined;
}

function objectMisfit(field: Field, value: Readonly<Record<string, unknown>>, place: string): string | undefined {
  if (field.format === 'money') {
    const { amount, currency } = value;
    return typeof amount === 'string' && typeof currency === 'string' ? undefined : `${place || '/'} is no money`;
  }
  const missing = field.required?.find((name) => value[name] === undefined);
  if (missing !== undefined) return `${place}/${missing} is missing`;
  return firstOf(
    Object.entries(value).map(([name, one]) => {
      const known = field.properties?.[name];
      if (known) return misfit(known, one, `${place}/${name}`);
      return field.additionalProperties === undefined || field.additionalProperties === false
        ? `${place}/${name} is not declared`
        : undefined;
    }),
  );
}

function firstOf(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}
