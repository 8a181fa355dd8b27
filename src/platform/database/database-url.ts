/** Reads `DATABASE_URL`. What is wrong with it is said without ever showing the password. */
import { Secret } from '../secrets/secret.ts';
import type { DatabaseAddress } from './database-address.ts';
import { databaseErrors } from './database-errors.ts';

const SSL_MODES = ['disable', 'require', 'verify-full', 'no-verify'] as const;

/**
 * Parses `postgresql://user:password@host:port/database?sslmode=require`.
 *
 * A host of `%2Frun%2Fpostgresql` is the directory of a unix socket. `require` and `verify-full` both check the
 * server's certificate, as `pg` does; `no-verify` encrypts without checking.
 *
 * @throws database.url-invalid
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  if ((authority.match(/@/g) ?? []).length > 1) throw invalid(text, 'an @ in the user or password must be written %40');
  const url = parsed(text);
  if (url.protocol !== 'postgresql:' && url.protocol !== 'postgres:') throw invalid(text, 'the scheme must be postgresql://');
  const [host, user, password, database] = [url.hostname, url.username, url.password, url.pathname.slice(1)].map((part) =>
    decoded(text, part),
  );
  if (!host) throw invalid(text, 'the host is missing, or a / or # in the password is not percent-encoded');
  if (!user) throw invalid(text, 'the user is missing');
  if (!database || database.includes('/')) throw invalid(text, 'the name of the database is missing');
  const ssl = sslOf(text, url.searchParams);
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    database,
    login: { user, password: new Secret(password ?? '') },
    ...(ssl === undefined ? {} : { ssl }),
  };
}

/** The address for people: `postgresql://user:***@host:5432/database`. */
export function maskedUrl({ host, port, database, login }: DatabaseAddress): string {
  return `postgresql://${login ? `${login.user}:***@` : ''}${encodeURIComponent(host)}:${port}/${database}`;
}

function parsed(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw invalid(text, 'this is not a URL; special characters of the password must be percent-encoded');
  }
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(text, 'a % must be followed by two hexadecimal digits; a percent sign itself is %25');
  }
}

function sslOf(text: string, parameters: URLSearchParams): DatabaseAddress['ssl'] {
  for (const name of parameters.keys()) {
    if (name !== 'sslmode') throw invalid(text, `the parameter ${name.slice(0, 40)} is not known; only sslmode is`);
  }
  const mode = SSL_MODES.find((known) => known === parameters.get('sslmode'));
  if (parameters.has('sslmode') && mode === undefined) throw invalid(text, `sslmode must be one of ${SSL_MODES.join(', ')}`);
  if (mode === undefined || mode === 'disable') return undefined;
  return { rejectUnauthorized: mode !== 'no-verify' };
}

function invalid(text: string, problem: string): Error {
  // From the scheme to the last @ there may be a password, wherever the separators were put.
  return databaseErrors['url-invalid']({ problem, found: text.replace(/\/\/.*@/s, '//***@').slice(0, 120) });
}
