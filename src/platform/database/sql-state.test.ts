import { describe, expect, test } from '@jest/globals';
import { databaseErrors } from './database-errors.ts';
import { asDatabaseError, isConflict, isConnectionLost, sqlState, violatedConstraint } from './sql-state.ts';

const coded = (code: string, message = 'x') => Object.assign(new Error(message), { code });
const wrapped = (cause: unknown) => new Error('wrapped by a library', { cause });

describe('an error of the database', () => {
  test.each<[string, unknown, string | undefined]>([
    ['refused connection', coded('ECONNREFUSED'), 'database.unavailable'],
    ['missing socket', coded('ENOENT'), 'database.unavailable'],
    ['broken pipe', coded('EPIPE'), 'database.unavailable'],
    ['every address failed', new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]), 'database.unavailable'],
    ['server stops', coded('57P01'), 'database.unavailable'],
    ['server starts', wrapped(coded('57P03')), 'database.unavailable'],
    ['connection ended', new Error('Connection terminated unexpectedly'), 'database.unavailable'],
    ['pool is full', new Error('timeout exceeded when trying to connect'), 'database.busy'],
    ['statement took too long', coded('57014'), 'database.busy'],
    ['no connection left', coded('53300'), 'database.busy'],
    ['disk is full', wrapped(wrapped(coded('53100'))), 'database.storage-full'],
    ['unique violation', coded('23505'), undefined],
    ['mistake in a query', coded('42601'), undefined],
    ['mistake in our code', new TypeError('x is not a function'), undefined],
    ['one of our own', databaseErrors.busy(), undefined],
    ['nothing', undefined, undefined],
  ])('%s', (_, error, code) => expect(asDatabaseError(error)?.code).toBe(code));

  test('is a conflict only when another try may help', () => {
    expect([coded('40001'), wrapped(coded('40P01')), coded('23505'), coded('57014')].map(isConflict)).toEqual([true, true, false, false]);
  });

  test('is read through what wraps it, and a loop of causes ends', () => {
    const loop: Error & { cause?: unknown } = new Error('a');
    loop.cause = loop;
    expect([sqlState(wrapped(coded('23505'))), sqlState(loop), isConnectionLost(loop)]).toEqual(['23505', undefined, false]);
    expect(violatedConstraint(wrapped(Object.assign(new Error('x'), { constraint: 'payment_pkey' })))).toBe('payment_pkey');
  });
});
