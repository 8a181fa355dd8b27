import { describe, expect, test } from '@jest/globals';
import { countParts, plain } from '../src/text.ts';

describe('parts of a message', () => {
  test.each([
    ['160 letters', 'a'.repeat(160), 1],
    ['161 letters', 'a'.repeat(161), 2],
    ['306 letters', 'a'.repeat(306), 2],
    ['307 letters', 'a'.repeat(307), 3],
    ['80 euro signs', '€'.repeat(80), 1],
    ['81 euro signs', '€'.repeat(81), 2],
    ['an escaped sign at the end of the first part', `${'a'.repeat(152)}€${'a'.repeat(10)}`, 2],
    ['70 letters outside GSM-7', 'ā'.repeat(70), 1],
    ['71 letters outside GSM-7', 'ā'.repeat(71), 2],
    ['35 emoji', '😀'.repeat(35), 1],
    ['36 emoji', '😀'.repeat(36), 2],
  ])('%s', async (_what, text, parts) => {
    expect(await countParts(text)).toBe(parts);
  });

  test('an amount as Intl writes it fits into GSM-7 after normalising', async () => {
    const amount = new Intl.NumberFormat('nl-NL', { style: 'currency', currency: 'EUR' }).format(12.5);
    expect(amount).toContain('\u00A0');
    expect(plain(amount)).toBe('€ 12,50');
    expect(await countParts(plain(amount).repeat(19))).toBe(1);
  });

  test('quotes, dashes and dots get their plain twins, and letters keep theirs', () => {
    expect(plain('“Zoë” – it’s…')).toBe('"Zoë" - it\'s...');
  });
});
