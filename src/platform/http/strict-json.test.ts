import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isKassaflowError, type KassaflowError } from '../../kernel/errors.ts';
import { parseStrictJson } from './strict-json.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('strict JSON', () => {
  test('anything that JSON can say and PostgreSQL can keep comes through unchanged', () => {
    const storable = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    const key = storable.filter((text) => !['__proto__', 'constructor', 'prototype'].includes(text));
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 5 },
        storable,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('node')),
        fc.dictionary(key, tie('node'), { noNullPrototype: true }),
      ),
    })).node;
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (sent, indent) => {
        expect(parseStrictJson(bytes(JSON.stringify(sent, null, indent)))).toEqual(sent);
      }),
      { numRuns: 300 },
    );
  });

  test('every cut of a document is refused, and the place named is where it was cut', () => {
    const whole = '{"type": "a\\"b", "list": [1, -2.5e3, true, {"k": null}], "u": "\\u20ac"}';
    for (let length = 1; length < whole.length; length += 1) {
      const error = refusal(bytes(whole.slice(0, length)));
      expect(error.code).toBe('request.syntax');
      expect(error.facts['line']).toBe(1);
      expect(Number(error.facts['column'])).toBeLessThanOrEqual(length + 1);
    }
  });

  const bad: [id: string, sent: string | Buffer, code: string, facts: Record<string, unknown>][] = [
    ['A01 nothing', '', 'request.body-empty', {}],
    ['A02 cut after a key', '{"type":', 'request.syntax', { line: 1, column: 9, found: 'the end of the body' }],
    ['A02 a comma too many', '{"a": 1,\n "b": 2,}', 'request.syntax', { line: 2, column: 9, expected: 'a key in double quotes' }],
    ['A02 two documents', '{} {}', 'request.syntax', { column: 4, expected: 'the end' }],
    ['A02 a number no JSON has', '[01]', 'request.syntax', { column: 3 }],
    ['A02 a line break in a text', '{"a":"b\nc"}', 'request.syntax', { column: 6 }],
    ['A02 an escape that is none', '["\\x"]', 'request.syntax', { column: 2 }],
    ['A11 65 levels', deep(65), 'request.too-deep', { limit: 64 }],
    ['A11 100,000 levels', deep(100_000), 'request.too-deep', {}],
    ['A11 100,000 levels never closed', '['.repeat(100_000), 'request.too-deep', {}],
    [
      'A12 10,001 keys',
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`k${n}`, n]))),
      'request.too-many-keys',
      { keys: 10_001 },
    ],
    ['A13 a key twice', '{"amount":"1.00","amount":"999.00"}', 'request.duplicate-key', { pointer: '/amount' }],
    ['A13 a key twice, once escaped', '{"data":[{"a/b":1,"a\\u002fb":2}]}', 'request.duplicate-key', { pointer: '/data/0/a~1b' }],
    ['A14 __proto__', '{"__proto__":{"admin":true}}', 'request.forbidden-key', { pointer: '/__proto__' }],
    ['A14 __proto__ escaped', '{"\\u005f_proto__":{"admin":true}}', 'request.forbidden-key', {}],
    ['A15 constructor inside', '{"a":{"constructor":{"prototype":{}}}}', 'request.forbidden-key', { pointer: '/a/constructor' }],
    [
      'A16 a byte that is not UTF-8',
      Buffer.concat([bytes('{"a":"é'), Buffer.from([0xc3, 0x28]), bytes('"}')]),
      'request.not-utf8',
      { byte: 8 },
    ],
    ['A16 an unfinished character', Buffer.concat([bytes('"ab'), Buffer.from([0xe2, 0x82])]), 'request.not-utf8', { byte: 3 }],
    ['A17 UTF-16 with a mark', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{}', 'utf16le')]), 'request.not-utf8', { byte: 0 }],
    ['A18 NUL in a text', '{"a":["\\u0000"]}', 'request.nul-character', { pointer: '/a/0' }],
    ['A18 NUL in a key', '{"a\\u0000":1}', 'request.nul-character', {}],
    ['A19 half a pair', '{"a":"\\ud800"}', 'request.lone-surrogate', { pointer: '/a' }],
  ];
  test.each(bad)('%s is refused', (_name, sent, code, facts) => {
    const error = refusal(typeof sent === 'string' ? bytes(sent) : sent);
    expect(error.code).toBe(code);
    expect(error.facts).toMatchObject(facts);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  test.each([
    ['64 levels', deep(64)],
    ['a pair of surrogates', '"\\ud83d\\ude00"'],
    ['10,000 keys', JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n])))],
    ['the same key in two objects', '[{"a":1},{"a":2}]'],
    ['quotes and colons in text', '{"a\\"b:":"{\\\\\\"c:"}'],
  ])('%s are accepted', (_name, sent) => {
    expect(parseStrictJson(bytes(sent))).toEqual(JSON.parse(sent));
  });
});

function refusal(sent: Buffer): KassaflowError {
  try {
    parseStrictJson(sent);
  } catch (error) {
    if (isKassaflowError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}
