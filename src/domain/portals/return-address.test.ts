import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readOrigin, readReturnAddress } from './return-address.ts';

describe('T24: a return address', () => {
  test.each([
    'https://shop.example',
    'https://shop.example/thanks?order=7#paid',
    'https://shop.example:8443/a/@user',
    'https://SHOP.example/',
    'https://xn--bcher-kva.example/b%C3%BCcher',
    'https://shop.example/?next=https://evil.example',
  ])('%s is taken', (text) => {
    expect(readReturnAddress(text, 'live')?.protocol).toBe('https:');
  });

  test.each([
    '',
    'shop.example',
    '/thanks',
    '//evil.example',
    '///evil.example',
    String.raw`\\evil.example`,
    String.raw`https:\\evil.example`,
    'https:evil.example',
    'https:/evil.example',
    'https:///evil.example',
    'http://shop.example',
    'ftp://shop.example',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'java\tscript:alert(1)',
    'javascript://shop.example/%0aalert(1)',
    'data:text/html,<script>alert(1)</script>',
    'blob:https://shop.example/1',
    'vbscript:x',
    'https://shop.example@evil.example',
    'https://@shop.example',
    'https://a:b@shop.example',
    'https://shop.example:443@evil.example/',
    String.raw`https://shop.example\@evil.example`,
    String.raw`https://evil.example\.shop.example`,
    'https://shop.example%2f@evil.example',
    'https://shop%2eexample',
    'https://shop.example%00.evil.example',
    'https://ſhop.example',
    'https://shop。example',
    'https://shop.example／evil.example',
    'https://bücher.example',
    'https://2130706433',
    'https://0x7f.1',
    'https://127.1',
    ' https://shop.example',
    'https://shop.example\n',
    'https://shop.example/\r\nset-cookie:a=b',
    'https://shop.example/a b',
    'https://shop.example/"onload=',
    'https://shop.example:99999',
    'https://',
    'https://?x',
    `https://shop.example/${'a'.repeat(2_000)}`,
  ])('%j is not', (text) => {
    expect(readReturnAddress(text, 'test')).toBeUndefined();
  });

  test('of this computer is for test mode', () => {
    for (const text of ['http://localhost:3000/done', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
      expect(readReturnAddress(text, 'test')?.href).toContain(':3000');
      expect(readReturnAddress(text, 'live')).toBeUndefined();
    }
    expect(readReturnAddress('http://localhost.evil.example', 'test')).toBeUndefined();
  });

  test('that is taken leads where the eye reads it, whatever is put together from the pieces of an attack', () => {
    const piece = fc.constantFrom(
      'https:',
      'http:',
      '/',
      '//',
      '\\',
      '@',
      ':',
      '.',
      '#',
      '?',
      '%2f',
      '%40',
      '\t',
      '\n',
      'evil.example',
      'shop.example',
      'javascript:',
      '。',
      '[',
      ']',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        const url = readReturnAddress(text, 'live');
        if (url) expect(text.toLowerCase().startsWith(`https://${url.hostname}`)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

test('an origin is that alone, as a browser writes it', () => {
  expect(readOrigin('https://SHOP.example:443', 'live')).toBe('https://shop.example');
  for (const text of ['https://shop.example/', 'https://shop.example/a', 'https://shop.example?a', 'https://*.shop.example', 'null', '*'])
    expect(readOrigin(text, 'live')).toBeUndefined();
});
