/**
 * The list of settings: name, what it is for, what is accepted, what it is when it is not given.
 * The configuration is read by it and `.env.example` is written from it, so the two cannot differ.
 */
import { z } from 'zod';
import { parseDatabaseUrl } from '../database/database-url.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { Secret } from '../secrets/secret.ts';

/** One setting per name, in the order of `.env.example`; the description is its comment there. */
export const settings = {
  NODE_ENV: oneOf(['development', 'production', 'test'], 'development').describe(
    'production refuses everything that is only fit for trying out',
  ),
  HOST: text(/^[a-zA-Z0-9.:_-]{1,253}$/, 'an IP address or a host name', '127.0.0.1').describe('the address to listen on'),
  PORT: whole(1, 65_535, 8_787).describe('the port to listen on'),
  KASSAFLOW_PUBLIC_URL: origin().optional().describe('how people and providers reach this server; the default is http://HOST:PORT'),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'info').describe('the least important line to log'),
  KASSAFLOW_METRICS_PORT: whole(1, 65_535).optional().describe('a port of its own for /metrics, on the loopback address'),
  KASSAFLOW_OTLP_ENDPOINT: origin()
    .optional()
    .describe('where traces are sent by OTLP over HTTP: http://127.0.0.1:4318; without it there are none'),
  KASSAFLOW_OTLP_HEADERS: otlpHeaders().describe(
    'what the collector of traces wants with each request: name=value, with commas between them',
  ),
  KASSAFLOW_OTLP_PERCENT: whole(0, 100, 100).describe('how many of a hundred runs and requests are traced'),
  KASSAFLOW_ROLE: oneOf(['all', 'web', 'worker'], 'all').describe('web answers requests, worker runs flows, all does both'),
  KASSAFLOW_DEMO: flag()
    .optional()
    .describe('a demo tenant with a pretend provider; the default is true without DATABASE_URL, except in production'),
  KASSAFLOW_DATA_DIR: path().default('./data').describe('where our own PostgreSQL and the files of the demo live'),
  DATABASE_URL: databaseUrl().optional().describe('a PostgreSQL server (15 or newer); without it we run our own in the data directory'),
  KASSAFLOW_DATABASE_POOL: whole(2, 200, 10).describe('most connections to the database for requests, and as many for the engine'),
  KASSAFLOW_MASTER_KEY: masterKey().optional().describe('the key of all secrets, from `openssl rand -base64 32`; required in production'),
  KASSAFLOW_MASTER_KEY_PREVIOUS: masterKey().optional().describe('the master key before the last rotation'),
  KASSAFLOW_ENGINE: engine().describe('what keeps the journal of runs'),
  KASSAFLOW_MAX_IN_FLIGHT: whole(1, 1_000_000, 5_000).describe('runs held in memory at once; above it events wait or get 429'),
  KASSAFLOW_LEASE_MS: whole(500, 60_000, 3_000).describe('milliseconds after which the runs of a dead process are taken over'),
  KASSAFLOW_ASK_AGAIN_MS: whole(100, 3_600_000, 60_000).describe(
    'milliseconds until a provider is asked again what became of a call; the pauses after it grow',
  ),
  KASSAFLOW_FLUSH_LANES: whole(1, 8, 1).describe('group commits under way at the same time'),
  KASSAFLOW_KEEP_RUNS_DAYS: whole(1, 3_650, 90).describe('days for which a run and its journal are kept after its end'),
  KASSAFLOW_KEEP_EVENTS_DAYS: whole(1, 3_650, 400).describe(
    'days for which events are kept, and a repeated event is known; not less than runs',
  ),
  KASSAFLOW_KEEP_WEBHOOKS_DAYS: whole(1, 3_650, 90).describe('days for which deliveries of providers that have gone well are kept'),
  KASSAFLOW_KEEP_CHECKOUTS_DAYS: whole(31, 3_650, 400).describe(
    'days for which checkout sessions and payment requests are kept: so long a page that says paid can be opened again',
  ),
  // The default is longer than the 13 months in which a bank may return a direct debit that nobody signed for.
  KASSAFLOW_RECEIPT_PAGE_DAYS: whole(31, 3_650, 800).describe(
    'days for which the page of a receipt can be opened, from its newest version; the receipt itself stays',
  ),
  KASSAFLOW_FLOWS: oneOf(['files', 'database'], 'files').describe('whether flows are files in the folder or published through the API'),
  KASSAFLOW_FLOWS_DIR: path().optional().describe('the folder with flows; the default is the one that comes with Kassaflow'),
  KASSAFLOW_FLOWS_TENANT: text(/^[a-z][a-z0-9-]{1,40}$/, 'the short name of a tenant', 'demo').describe(
    'the tenant whose flows are the files',
  ),
  KASSAFLOW_PLUGINS_DIR: path().optional().describe('the folder with plugins; the default is the one that comes with Kassaflow'),
  KASSAFLOW_PLUGIN_ISOLATION: oneOf(['basic', 'strict'], 'basic').describe(
    'strict gives plugins namespaces of their own and refuses to start without them',
  ),
  KASSAFLOW_PLUGIN_PACKAGES: packages().describe('installed npm packages that are plugins too, with commas between them'),
  KASSAFLOW_EGRESS_ALLOW: hosts().describe(
    'hosts of the own network that connections may call, with http too: erp.internal, 10.0.0.5:8080; others must be public',
  ),
  KASSAFLOW_EGRESS_MAP: egressMap().describe(
    'for tests: origins that plugins reach elsewhere, https://api.example.com=http://127.0.0.1:1234,…',
  ),
  KASSAFLOW_CAPTURE_NOTICE_HOURS: whole(1, 720, 48).describe(
    'hours before reserved money lapses at which payment.capture-due comes; half of the time where that is shorter',
  ),
  KASSAFLOW_REQUESTS_PER_MINUTE: whole(1, 10_000_000, 6_000).describe('requests per minute of one API key or address'),
  KASSAFLOW_STREAMS_PER_KEY: whole(0, 1_000_000, 1_000).describe(
    'event streams of one API key at the same time, in one process; 0 for no limit',
  ),
  KASSAFLOW_STREAMS_PER_TOKEN: whole(0, 1_000_000, 20).describe('event streams of one stream token at the same time; 0 for no limit'),
  KASSAFLOW_STREAMS_PER_ADDRESS: whole(0, 1_000_000, 1_000).describe(
    'event streams of browsers from one address at the same time; 0 for no limit, as behind a proxy that all of them come through',
  ),
  KASSAFLOW_URL: origin().optional().describe('for the command line: where the running Kassaflow is; the default is http://HOST:PORT'),
  KASSAFLOW_API_KEY: apiKey().optional().describe('for the command line: the key it calls the API with; the demo brings its own'),
} as const;

/** Settings whose value is never shown. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set([
  'DATABASE_URL',
  'KASSAFLOW_MASTER_KEY',
  'KASSAFLOW_MASTER_KEY_PREVIOUS',
  'KASSAFLOW_API_KEY',
  'KASSAFLOW_OTLP_HEADERS',
]);

/** Names with our prefix that other files own: the crash points of tests. */
export const FOREIGN_SETTINGS: ReadonlySet<string> = new Set([
  'KASSAFLOW_CRASH_AT',
  'KASSAFLOW_CRASH_AFTER_MS',
  'KASSAFLOW_CRASH_POSTGRES',
]);

/** The text of `.env.example`. */
export function envExample(): string {
  const lines = Object.entries(settings).map(([name, schema]) => `# ${name}: ${schema.description ?? ''}\n#${name}=${exampleOf(schema)}\n`);
  return `# Copy to .env and remove the # of what you change. Environment variables win over this file.\n\n${lines.join('\n')}`;
}

function exampleOf(schema: z.ZodType): string {
  const fallback = schema.safeParse(undefined);
  const value = fallback.success ? fallback.data : undefined;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function oneOf<const T extends readonly [string, ...string[]]>(names: T, fallback: T[number]) {
  return z.enum(names, { error: () => `one of ${names.join(', ')}` }).default(fallback as never);
}

function whole(least: number, most: number, fallback?: number) {
  const accepted = `a whole number from ${least} to ${most}`;
  const schema = z
    .string()
    .regex(/^(0|[1-9][0-9]{0,9})$/, accepted)
    .transform(Number)
    .refine((value) => value >= least && value <= most, accepted);
  return fallback === undefined ? schema : schema.default(fallback);
}

function flag() {
  return z.enum(['true', 'false'], { error: () => 'true or false' }).transform((value) => value === 'true');
}

function text(pattern: RegExp, accepted: string, fallback: string) {
  return z.string().regex(pattern, accepted).default(fallback);
}

function path() {
  return z.string().refine((value) => value.trim() === value && value !== '' && !value.includes('\0'), 'the path of a directory');
}

function origin() {
  const accepted = 'an address such as https://pay.example.com, without a path';
  return z
    .string()
    .refine((value) => originOf(value) !== undefined, accepted)
    .transform((value) => originOf(value) ?? value);
}

function databaseUrl() {
  return z.string().transform((value, context) => {
    try {
      return parseDatabaseUrl(value);
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      context.addIssue(`postgresql://user:password@host:5432/database (${String(error.facts['problem'])})`);
      return z.NEVER;
    }
  });
}

/** 32 bytes that look random: a repeated byte or counting bytes are what people write into examples. */
function masterKey() {
  return z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/, { error: 'base64 of exactly 32 bytes; make one with `openssl rand -base64 32`', abort: true })
    .refine(
      (value) => new Set(Buffer.from(value, 'base64')).size > 12 && !isCounting(Buffer.from(value, 'base64')),
      'a random key, not an example; make one with `openssl rand -base64 32`',
    )
    .transform((value) => new Secret(value));
}

function apiKey() {
  return z
    .string()
    .regex(/^kf_(test|live)_[A-Za-z0-9_-]{16,200}$/, 'an API key, kf_test_… or kf_live_…')
    .transform((value) => new Secret(value));
}

function isCounting(bytes: Buffer): boolean {
  return bytes.every((byte, index) => index === 0 || byte === (bytes[index - 1] ?? 0) + 1);
}

function engine() {
  return z
    .enum(['postgres'], { error: (issue) => (issue.input === 'restate' ? 'postgres (restate is planned, not yet available)' : 'postgres') })
    .default('postgres');
}

function egressMap() {
  const accepted = 'pairs of origins: https://api.example.com=http://127.0.0.1:1234, with commas between them';
  return z
    .string()
    .transform((value, context) => {
      const pairs = value.split(',').map((pair) => pair.split('=').map((part) => originOf(part.trim())));
      const map = new Map<string, string>();
      for (const [from, to, ...rest] of pairs) {
        if (from !== undefined && to !== undefined && rest.length === 0) map.set(from, to);
        else context.addIssue(accepted);
      }
      return map;
    })
    .default(new Map<string, string>());
}

/** Values may hold a key. */
function otlpHeaders() {
  const accepted = 'pairs of name and value: authorization=Bearer abc, with commas between them';
  return z
    .string()
    .transform((value, context) => {
      const pairs = value.split(',').map((pair) => /^\s*([A-Za-z0-9-]{1,100})=([\x20-\x7e]{1,4000})$/.exec(pair));
      const known = pairs.flatMap((match) => (match?.[1] !== undefined && match[2] !== undefined ? [[match[1], match[2]] as const] : []));
      if (known.length < pairs.length) context.addIssue(accepted);
      return new Secret(JSON.stringify(Object.fromEntries(known)));
    })
    .optional();
}

/** `host`, for every port of it, or `host:port`; what an address in a connection's settings can name. */
function hosts() {
  const accepted = 'hosts, each with or without a port: erp.internal, 10.0.0.5:8080, [fd00::5]:8080, with commas between them';
  return list(hostOf, accepted);
}

/** Names as npm has them, without a version. */
function packages() {
  const accepted = 'names of npm packages: kassaflow-plugin-acme, @acme/kassaflow-plugin-pay, with commas between them';
  return list(
    (name) => (/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(name) && name.length <= 214 ? name : undefined),
    accepted,
  );
}

/** Texts with commas between them, each once; `read` answers `undefined` for what it does not accept. */
function list(read: (item: string) => string | undefined, accepted: string) {
  return z
    .string()
    .transform((value, context): readonly string[] => {
      const items = value.split(',').map((item) => read(item.trim()));
      const known = items.filter((item) => item !== undefined);
      if (known.length < items.length) context.addIssue(accepted);
      return [...new Set(known)];
    })
    .default([]);
}

/** The host as an address has it: lower case, IPv6 in brackets. A scheme, a path or a wildcard is no host. */
function hostOf(text: string): string | undefined {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+)(?::([1-9][0-9]{0,4}))?$/.exec(text) ?? [];
  const hostname = host === undefined ? undefined : URL.parse(`http://${host}`)?.hostname;
  if (hostname === undefined || Number(port ?? 1) > 65_535) return undefined;
  return port === undefined ? hostname : `${hostname}:${port}`;
}

function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  const bare = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  return bare ? url.origin : undefined;
}
