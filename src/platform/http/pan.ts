/**
 * Finds card numbers (PANs) in free text: 13 to 19 digits, perhaps grouped by spaces or dashes, that pass the Luhn check.
 *
 * A system that never takes a card number stays outside most of PCI DSS; one that lets a number slip into a description
 * does not. One in ten random digit strings passes Luhn, so the issuer's first digit (2 to 6) and the schemes' lengths are
 * asked for too; a reference of that form is refused, and the message says why.
 */

/** The JSON pointer of the first text in `value` (keys not included) that holds a card number, or `undefined`. */
export function findCardNumber(value: unknown): string | undefined {
  if (typeof value === 'string') return holdsCardNumber(value) ? '' : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const key of Object.keys(value)) {
    const found = findCardNumber(Reflect.get(value, key));
    // The pointer is put together on the way back: nearly nobody ever needs one.
    if (found !== undefined) return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}${found}`;
  }
  return undefined;
}

/** Tells whether `text` holds what is most likely a card number. */
export function holdsCardNumber(text: string): boolean {
  if (text.length < 13 || !/[2-6](?:[ -]?[0-9]){12}/.test(text)) return false;
  for (const [candidate] of text.matchAll(CANDIDATE)) {
    const digits = candidate.replaceAll(/[ -]/g, '');
    if (hasCardLength(digits) && passesLuhn(digits)) return true;
  }
  return false;
}

// Neither letter nor digit may touch it: "pay_01jd…4111…" is an id and hexadecimal hashes hold long runs of digits.
const CANDIDATE = /(?<![0-9A-Za-z])[2-6](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z])/g;

/** American Express (3) has 15 digits, Diners 14, Visa (4) 13, 16 or 19, Mastercard 16, Maestro and UnionPay 16 to 19. */
function hasCardLength(digits: string): boolean {
  if (digits.startsWith('3')) return digits.length >= 14 && digits.length <= 16;
  return digits.length === 16 || digits.length === 19 || (digits.startsWith('4') ? digits.length === 13 : digits.length > 16);
}

/** ISO/IEC 7812-1 annex B. */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits.charAt(digits.length - 1 - place));
    const doubled = place % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
