import { describe, expect, test } from '@jest/globals';
import { normalizePhone } from './phone.ts';

describe('a phone number', () => {
  test.each([
    ['I02', '+31 6 12345678', undefined, '+31612345678'],
    ['I01 with a country', '0612345678', 'NL', '+31612345678'],
    ['I05', '+٣١٦١٢٣٤٥٦٧٨', undefined, '+31612345678'],
    ['brackets and dashes', '+31 (6) 1234-5678', undefined, '+31612345678'],
    ['a Danish one', '20 12 34 56', 'DK', '+4520123456'],
  ])('%s becomes E.164', (_, written, country, stored) => {
    expect(normalizePhone(written, country)).toBe(stored);
  });

  test.each([
    ['I01 no country', '0612345678', undefined, 'customer.phone-country'],
    ['I04 letters', '+31abcdefghij', undefined, 'customer.phone-format'],
    ['I04 sixteen digits', '+3161234567890123', undefined, 'customer.phone-format'],
    ['I04 +0', '+0612345678', undefined, 'customer.phone-format'],
    ['I04 nothing', ' ', undefined, 'customer.phone-format'],
    ['I08 tel:', 'tel:+31612345678', undefined, 'customer.phone-format'],
    ['I08 an extension', '+31612345678 ext. 5', undefined, 'customer.phone-format'],
    ['I08 two numbers', '+31612345678, +31612345679', undefined, 'customer.phone-format'],
    ['I10 a line break', '+3161234\r\n5678', undefined, 'customer.phone-format'],
    ['a country that is none', '0612345678', 'XX', 'customer.phone-format'],
  ])('%s is refused, without repeating the number', (_, written, country, code) => {
    const refuse = () => normalizePhone(written, country);
    expect(refuse).toThrow(expect.objectContaining({ code }));
    expect(refuse).not.toThrow(/612345/);
  });
});
