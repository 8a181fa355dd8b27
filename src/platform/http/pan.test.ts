import { describe, expect, test } from '@jest/globals';
import { newId } from '../../kernel/ids.ts';
import { findCardNumber, holdsCardNumber } from './pan.ts';

describe('a card number in free text', () => {
  test.each([
    ['A44 a test Visa', 'pay with 4111 1111 1111 1111 please'],
    ['with dashes', '5500-0055-5555-5559'],
    ['without gaps', '4242424242424242'],
    ['American Express', '378282246310005'],
    ['Diners', '30569309025904'],
    ['with 19 digits', '6304000000000000000'],
    ['at the end of a sentence', 'Card: 4000056655665556.'],
  ])('%s is found', (_name, text) => {
    expect(holdsCardNumber(text)).toBe(true);
  });

  test.each([
    ['a wrong check digit', '4111 1111 1111 1112'],
    ['an IBAN', 'NL91ABNA0417164300'],
    ['a phone number', '+31 6 1234 5678'],
    ['a time', '2026-11-21T11:00:00.000Z'],
    ['a hash', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['an order of 12 digits', '411111111111'],
    ['a number of another issuer', '9111111111111111'],
    ['digits inside a word', 'ref4111111111111111x'],
    ['one of our ids', newId('pay')],
  ])('%s is not', (_name, text) => {
    expect(holdsCardNumber(text)).toBe(false);
  });

  test('its place is named, also deep inside', () => {
    expect(findCardNumber({ lines: [{ text: 'x' }, { 'a/b': '4111111111111111' }] })).toBe('/lines/1/a~1b');
    expect(findCardNumber({ amount: 4111111111111111, list: [null, true] })).toBeUndefined();
  });
});
