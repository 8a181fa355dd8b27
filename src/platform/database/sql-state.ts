/** Turns what goes wrong between us and the database into our own errors. */
import { isKassaflowError, type KassaflowError } from '../../kernel/errors.ts';
import { databaseErrors } from './database-errors.ts';
import { chainOf, codeOf, messageOf } from '../thrown.ts';

/** Five digits and capitals; `EPIPE` has the same shape and is a code of the operating system. */
const SQLSTATE = /^(?!EPIPE$)[0-9A-Z]{5}$/;

/** How long a client should wait before it tries again, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** Codes of the operating system and phrases of `pg` that mean: there is no connection. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTDIR',
]);
const LOST = /Connection terminated|Client has encountered a connection error|Connection ended unexpectedly|Client was closed/;
const POOL_FULL = /timeout exceeded when trying to connect/;

/** The five-character SQLSTATE of a failed statement, also when the ORM wrapped the error. */
export function sqlState(error: unknown): string | undefined {
  return chainOf(error)
    .map(codeOf)
    .find((code) => code !== undefined && SQLSTATE.test(code));
}

/** The constraint that refused a row, for telling one unique index from another. */
export function violatedConstraint(error: unknown): string | undefined {
  for (const link of chainOf(error)) {
    if (typeof link === 'object' && link !== null && 'constraint' in link && typeof link.constraint === 'string') return link.constraint;
  }
  return undefined;
}

/** Tells whether running the whole transaction again may succeed: serialization failure or deadlock. */
export function isConflict(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01';
}

/** Tells whether the connection is gone, so that it is unknown what became of the statement under way. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  // 08: connection exception; 57P01–57P03: the server stops, crashed or starts.
  if (state !== undefined && /^(08|57P0[123])/.test(state)) return true;
  return chainOf(error).some(
    (link) => UNREACHABLE.has(codeOf(link) ?? '') || LOST.test(messageOf(link)) || partsOf(link).some(isConnectionLost),
  );
}

/**
 * The error to show for a failure that is the database's and not the request's, or `undefined` when it is not one.
 * Our own errors pass through unseen.
 */
export function asDatabaseError(error: unknown): KassaflowError | undefined {
  if (isKassaflowError(error)) return undefined;
  const state = sqlState(error);
  if (state === '53100') return databaseErrors['storage-full']({}, { cause: error }).after(RETRY_AFTER_MS * 10);
  // 40001, 40P01: still in conflict after all tries; 53300: no connection left; 55P03: lock; 57014: statement took too long.
  if (state !== undefined && ['40001', '40P01', '53300', '55P03', '57014'].includes(state)) {
    return databaseErrors.busy({}, { cause: error }).after(RETRY_AFTER_MS);
  }
  if (POOL_FULL.test(messageOf(error))) return databaseErrors.busy({}, { cause: error }).after(RETRY_AFTER_MS);
  return isConnectionLost(error) ? databaseErrors.unavailable({}, { cause: error }).after(RETRY_AFTER_MS) : undefined;
}

/** A host with several addresses fails with one error for each. */
function partsOf(error: unknown): unknown[] {
  return typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
}
