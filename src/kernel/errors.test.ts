import { describe, expect, test } from '@jest/globals';
import { defineErrors, errorCatalogue, isKassaflowError, KassaflowError } from './errors.ts';

const errors = defineErrors('test-module', {
  'too-late': { status: 409, title: 'It is too late for that', remedy: 'never' },
});

describe('an error of a catalogue', () => {
  test('carries its code, its status and the facts of the case in one sentence', () => {
    const error = errors['too-late']({ after: 5, before: undefined });
    expect(error).toBeInstanceOf(KassaflowError);
    expect(error).toMatchObject({ code: 'test-module.too-late', spec: { status: 409 }, message: 'It is too late for that (after: 5)' });
    expect(isKassaflowError(error, 'test-module.too-late')).toBe(true);
    expect(isKassaflowError(new Error('x'))).toBe(false);
  });

  test('is listed for the documentation', () => {
    expect(errorCatalogue.get('test-module.too-late')?.title).toBe('It is too late for that');
  });

  test('shows at most twenty problems', () => {
    const problems = Array.from({ length: 50 }, (_, index) => ({ pointer: `/${index}`, code: 'x', detail: 'y' }));
    expect(errors['too-late']().with(problems).problems).toHaveLength(20);
  });
});
