import { describe, expect, test } from '@jest/globals';
import { nearest } from './nearest.ts';

describe('did you mean', () => {
  test.each([
    ['payment.faild', ['payment.failed', 'payment.created'], 'payment.failed'],
    ['sms.sned', ['sms.send', 'email.send'], 'sms.send'],
    ['stepz', ['steps', 'on'], 'steps'],
    ['KASSAFLOW_PROT', ['PORT', 'KASSAFLOW_PORT'], 'KASSAFLOW_PORT'],
    ['emial', ['email', 'phone'], 'email'],
    ['completely-different', ['steps', 'on'], undefined],
    ['', ['a', 'bb'], 'a'],
  ])('%p of %p is %p', (word, names, expected) => expect(nearest(word, names)).toBe(expected));

  test('a very long word costs nothing', () => expect(nearest('x'.repeat(100_000), ['steps'])).toBeUndefined());
});
