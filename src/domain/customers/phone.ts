import { parsePhoneNumberWithError, type CountryCode } from 'libphonenumber-js/max';
import { customerErrors } from './customer.errors.ts';

/** Longest number by E.164 is 15 digits; the rest are spaces, brackets and dashes that people write between them. */
const LONGEST = 32;
/** What people write; letters, `tel:`, extensions and line breaks are not part of one number. */
const WRITTEN = /^\+?[\d\u0660-\u0669\u06f0-\u06f9 ().\-/]+$/u;

/**
 * A phone number in E.164 (`+31612345678`), whatever way it was written.
 *
 * @param country where a number without `+` is from, ISO 3166 (`NL`); guessed never
 * @throws customer.phone-format, customer.phone-country
 */
export function normalizePhone(written: string, country?: string): string {
  const text = written.trim();
  // The number itself stays out of the answer and the log: it is personal data.
  if (text.length === 0 || text.length > LONGEST || !WRITTEN.test(text))
    throw customerErrors['phone-format']({ field: 'phone', length: text.length });
  if (!text.startsWith('+') && country === undefined) throw customerErrors['phone-country']({ field: 'phone' });
  const parsed = read(text, country);
  if (!parsed?.isValid()) throw customerErrors['phone-format']({ field: 'phone', length: text.length });
  return parsed.number;
}

function read(text: string, country: string | undefined) {
  try {
    // The library knows its own list of countries and rejects any other text.
    return parsePhoneNumberWithError(text, {
      ...(country === undefined ? {} : { defaultCountry: country as CountryCode }),
      extract: false,
    });
  } catch {
    return undefined;
  }
}
