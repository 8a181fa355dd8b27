import { describe, expect, test } from '@jest/globals';
import { compileSchema } from './schema-validator.ts';

const withPattern = (pattern: string) => compileSchema({ type: 'object', required: ['a'], properties: { a: { type: 'string', pattern } } });

describe('a pattern of a plugin', () => {
  test('is its own, also after another schema was compiled', () => {
    const [digits, letters] = [withPattern('^[0-9]+$'), withPattern('^[a-z]+$')];
    expect([digits({ a: '12' }), letters({ a: 'ab' })]).toEqual([undefined, undefined]);
    expect([digits({ a: 'ab' }), letters({ a: '12' })]).toEqual([
      expect.objectContaining({ pointer: '/a' }),
      expect.objectContaining({ pointer: '/a' }),
    ]);
  });

  test('cannot hold up the process', () => {
    expect(withPattern('^(a+)+$')({ a: `${'a'.repeat(5_000)}!` })).toMatchObject({ pointer: '/a' });
  });
});
