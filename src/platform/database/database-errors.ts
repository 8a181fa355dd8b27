/** What can be wrong with the database, before a request is served and while one is. */
import { defineErrors } from '../../kernel/errors.ts';

export const databaseErrors = defineErrors('database', {
  unavailable: {
    status: 503,
    title: 'The database cannot be reached at the moment',
    remedy: 'retry',
    help: 'Nothing was changed. Send the same request again; `kassaflow doctor` shows what is wrong.',
  },
  busy: {
    status: 503,
    title: 'The database was too busy for this request',
    remedy: 'retry',
    help: 'Nothing was changed. Send the same request again.',
  },
  'outcome-unknown': {
    status: 503,
    title: 'The connection to the database was lost while the change was being saved',
    remedy: 'retry',
    help: 'It may or may not have been saved. Send the same request again with the same Idempotency-Key.',
  },
  'storage-full': {
    status: 503,
    title: 'The disk of the database is full',
    remedy: 'retry',
    help: 'Nothing was changed. Free space on the disk that holds the data; the server recovers by itself.',
  },
  'data-dir-locked': {
    status: 500,
    title: 'Another Kassaflow already uses this data directory',
    remedy: 'fix',
    help: 'Stop the other one, or give this one its own KASSAFLOW_DATA_DIR and PORT.',
  },
  'data-dir-unusable': {
    status: 500,
    title: 'The data directory cannot be used',
    remedy: 'fix',
    help: 'KASSAFLOW_DATA_DIR must be a directory on a local disk that this user owns and can write to.',
  },
  'data-dir-version': {
    status: 500,
    title: 'The data directory was made by another major version of PostgreSQL',
    remedy: 'fix',
    help: 'Start the version of Kassaflow that made it, export the data, and import them here.',
  },
  'embedded-missing': {
    status: 500,
    title: 'There is no PostgreSQL of our own for this machine',
    remedy: 'fix',
    help: 'Run `npm ci` again without `--omit=optional`, or set DATABASE_URL to a PostgreSQL server.',
  },
  'embedded-root': {
    status: 500,
    title: 'PostgreSQL does not run as root, and this machine offers no way to run it as somebody else',
    remedy: 'fix',
    help: 'Start Kassaflow as an ordinary user, or install `setpriv` or `unshare` (package util-linux).',
  },
  'embedded-failed': {
    status: 500,
    title: 'Our own PostgreSQL did not start',
    remedy: 'fix',
    help: 'The lines above come from PostgreSQL itself.',
  },
  'url-invalid': {
    status: 500,
    title: 'DATABASE_URL is not the address of a PostgreSQL database',
    remedy: 'fix',
    help: 'It looks like postgresql://user:password@host:5432/database; percent-encode special characters of the password.',
  },
  'login-refused': {
    status: 500,
    title: 'The database server refused the login',
    remedy: 'fix',
    help: 'Check the user and the password in DATABASE_URL.',
  },
  'version-too-old': {
    status: 500,
    title: 'PostgreSQL 15 or newer is needed',
    remedy: 'fix',
    help: 'Upgrade the server that DATABASE_URL names.',
  },
  'login-too-powerful': {
    status: 500,
    title: 'The login in DATABASE_URL is a superuser or bypasses row security',
    remedy: 'fix',
    help: "Row security would not hold. Make an ordinary login: create role kassaflow_login login password '…' createrole;",
  },
  'not-durable': {
    status: 500,
    title: 'The database server may lose what it has confirmed',
    remedy: 'fix',
    help: 'Turn on fsync, full_page_writes and synchronous_commit for this server, database and login.',
  },
  'clock-skew': {
    status: 500,
    title: 'The clocks of this machine and of the database differ by more than five minutes',
    remedy: 'fix',
    help: 'Set both by a time server (NTP). Payments and signatures carry times that must be right.',
  },
  'roles-missing': {
    status: 500,
    title: 'The login may not work as the three roles that Kassaflow needs',
    remedy: 'fix',
    help: 'Let an administrator of the server run the statements above once.',
  },
  'migrations-ahead': {
    status: 500,
    title: 'The database was migrated by a newer version of Kassaflow',
    remedy: 'fix',
    help: 'Start the newer version; an older one would not understand its tables.',
  },
  'migration-failed': {
    status: 500,
    title: 'A migration failed and was rolled back',
    remedy: 'never',
    help: 'The database is as it was before. The reason is in the log.',
  },
  'migrations-half-applied': {
    status: 500,
    title: 'The list of applied migrations does not match the tables in the database',
    remedy: 'never',
    help: 'Restore the database from a backup, or start with an empty one.',
  },
});
