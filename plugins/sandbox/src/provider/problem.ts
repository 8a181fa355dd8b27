/** A refusal by the pretend provider: what its API answers instead of a result. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;

  constructor(status: number, code: string, message: string, field?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

/** The request as a flat object of JSON values. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws Problem 400 `field_missing` or `field_invalid` */
export function text(fields: Fields, name: string, maxLength = 2000): string {
  const value = fields[name];
  if (value === undefined || value === '') throw new Problem(400, 'field_missing', `The field "${name}" is missing.`, name);
  if (typeof value !== 'string' || value.length > maxLength) {
    throw new Problem(400, 'field_invalid', `The field "${name}" must be a text of at most ${maxLength} characters.`, name);
  }
  return value;
}

/** @throws Problem 400 `field_invalid` */
export function webAddress(fields: Fields, name: string): string {
  const value = text(fields, name);
  if (!URL.canParse(value) || !['http:', 'https:'].includes(new URL(value).protocol)) {
    throw new Problem(400, 'field_invalid', `The field "${name}" must be an http or https address.`, name);
  }
  return value;
}

/** A field that nobody reads is a mistake of the caller, and a strict provider says so. @throws Problem 400 `field_unknown` */
export function onlyFields(fields: Fields, ...known: readonly string[]): void {
  const stranger = Object.keys(fields).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Problem(400, 'field_unknown', `The field "${stranger}" is not known.`, stranger);
}
