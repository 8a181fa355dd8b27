/** Environment variables and `.env` in, one frozen {@link Config} out; all that is wrong with them is said at once. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import type { FieldProblem } from '../../kernel/errors.ts';
import { nearest } from '../../kernel/nearest.ts';
import type { Config } from './config.ts';
import { configErrors } from './config-errors.ts';
import { FOREIGN_SETTINGS, SECRET_SETTINGS, settings } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder that holds `src` or `dist`, and the plugins and flows that come with Kassaflow. */
const INSTALLATION = fileURLToPath(new URL('../../..', import.meta.url));

const schema = z.object(settings);
type Values = z.infer<typeof schema>;

/** The configuration of this process: its environment, completed by the file `.env` of the working directory. */
export function loadConfig(): { config: Config; warnings: string[] } {
  const directory = process.cwd();
  const file = readEnvFile(path.join(directory, '.env'));
  return { config: readConfig({ ...file.values, ...process.env }, directory), warnings: file.warnings };
}

/**
 * Reads the settings in `environment`; relative paths start at `directory`. An empty value counts as not given.
 * @throws config.invalid with every problem found; its message names each one
 */
export function readConfig(environment: Environment, directory: string): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => isSetting(name) && value !== undefined && value !== ''),
  );
  const result = schema.safeParse(given);
  const problems = [...unknownNames(environment), ...(result.success ? conflicts(result.data) : valueProblems(result.error, given))];
  if (!result.success || problems.length > 0) throw invalid(problems);
  return Object.freeze(configFrom(result.data, directory));
}

function configFrom(values: Values, directory: string): Config {
  const production = values.NODE_ENV === 'production';
  const local = `http://${values.HOST.includes(':') ? `[${values.HOST}]` : values.HOST}:${values.PORT}`;
  return {
    environment: values.NODE_ENV,
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.KASSAFLOW_PUBLIC_URL ?? local,
    logLevel: values.LOG_LEVEL,
    role: values.KASSAFLOW_ROLE,
    demo: values.KASSAFLOW_DEMO ?? (values.DATABASE_URL === undefined && !production),
    dataDirectory: path.resolve(directory, values.KASSAFLOW_DATA_DIR),
    database: values.DATABASE_URL,
    databasePool: values.KASSAFLOW_DATABASE_POOL,
    masterKey: values.KASSAFLOW_MASTER_KEY,
    previousMasterKey: values.KASSAFLOW_MASTER_KEY_PREVIOUS,
    metricsPort: values.KASSAFLOW_METRICS_PORT,
    otlpEndpoint: values.KASSAFLOW_OTLP_ENDPOINT,
    otlpHeaders: values.KASSAFLOW_OTLP_HEADERS,
    otlpPercent: values.KASSAFLOW_OTLP_PERCENT,
    pluginIsolation: values.KASSAFLOW_PLUGIN_ISOLATION,
    pluginsDirectory: path.resolve(directory, values.KASSAFLOW_PLUGINS_DIR ?? path.join(INSTALLATION, 'plugins')),
    pluginPackages: values.KASSAFLOW_PLUGIN_PACKAGES,
    flows: values.KASSAFLOW_FLOWS,
    flowsDirectory: path.resolve(directory, values.KASSAFLOW_FLOWS_DIR ?? path.join(INSTALLATION, 'flows')),
    flowsTenant: values.KASSAFLOW_FLOWS_TENANT,
    egressMap: values.KASSAFLOW_EGRESS_MAP,
    egressAllow: values.KASSAFLOW_EGRESS_ALLOW,
    maxInFlight: values.KASSAFLOW_MAX_IN_FLIGHT,
    leaseMs: values.KASSAFLOW_LEASE_MS,
    askAgainMs: values.KASSAFLOW_ASK_AGAIN_MS,
    flushLanes: values.KASSAFLOW_FLUSH_LANES,
    keepRunsDays: values.KASSAFLOW_KEEP_RUNS_DAYS,
    keepEventsDays: values.KASSAFLOW_KEEP_EVENTS_DAYS,
    keepWebhooksDays: values.KASSAFLOW_KEEP_WEBHOOKS_DAYS,
    keepCheckoutsDays: values.KASSAFLOW_KEEP_CHECKOUTS_DAYS,
    receiptPageDays: values.KASSAFLOW_RECEIPT_PAGE_DAYS,
    captureNoticeMs: values.KASSAFLOW_CAPTURE_NOTICE_HOURS * 3_600_000,
    requestsPerMinute: values.KASSAFLOW_REQUESTS_PER_MINUTE,
    streamsPerKey: values.KASSAFLOW_STREAMS_PER_KEY,
    streamsPerToken: values.KASSAFLOW_STREAMS_PER_TOKEN,
    streamsPerAddress: values.KASSAFLOW_STREAMS_PER_ADDRESS,
    apiUrl: values.KASSAFLOW_URL ?? local,
    apiKey: values.KASSAFLOW_API_KEY,
  };
}

function conflicts(values: Values): FieldProblem[] {
  const retention =
    values.KASSAFLOW_KEEP_EVENTS_DAYS < values.KASSAFLOW_KEEP_RUNS_DAYS
      ? [problem('KASSAFLOW_KEEP_EVENTS_DAYS', 'conflict', 'must not be less than KASSAFLOW_KEEP_RUNS_DAYS')]
      : [];
  return [...retention, ...keyConflicts(values)];
}

function keyConflicts(values: Values): FieldProblem[] {
  if (values.NODE_ENV !== 'production') {
    return values.KASSAFLOW_MASTER_KEY_PREVIOUS && !values.KASSAFLOW_MASTER_KEY
      ? [problem('KASSAFLOW_MASTER_KEY', 'missing', 'a previous master key is given without a current one')]
      : [];
  }
  return [
    ...(values.KASSAFLOW_MASTER_KEY
      ? []
      : [
          problem(
            'KASSAFLOW_MASTER_KEY',
            'missing',
            'required in production',
            'Make one with `openssl rand -base64 32` and keep it apart from the backups.',
          ),
        ]),
    ...(values.KASSAFLOW_PUBLIC_URL?.startsWith('http:')
      ? [problem('KASSAFLOW_PUBLIC_URL', 'conflict', 'must start with https:// in production')]
      : []),
    ...(values.KASSAFLOW_EGRESS_MAP.size > 0
      ? [problem('KASSAFLOW_EGRESS_MAP', 'conflict', 'is refused in production: it would send payments elsewhere')]
      : []),
    ...(values.KASSAFLOW_DEMO ? [problem('KASSAFLOW_DEMO', 'conflict', 'is refused in production: the demo has a published key')] : []),
  ];
}

function valueProblems(error: z.ZodError, given: Environment): FieldProblem[] {
  return error.issues.map((issue) => {
    const name = String(issue.path[0]);
    const found = SECRET_SETTINGS.has(name) ? 'a value that is not shown' : JSON.stringify(given[name]?.slice(0, 60));
    return problem(name, 'value', `found ${found}, accepted is ${issue.message}`);
  });
}

function unknownNames(environment: Environment): FieldProblem[] {
  const foreign = environment['NODE_ENV'] === 'test' ? FOREIGN_SETTINGS : new Set<string>();
  return Object.keys(environment)
    .filter((name) => /^KASSAFLOW_/i.test(name) && !isSetting(name) && !foreign.has(name))
    .map((name) => {
      const meant = nearest(name, Object.keys(settings));
      return problem(name, 'unknown', 'there is no such setting', meant === undefined ? undefined : `Did you mean ${meant}?`);
    });
}

function problem(
  name: string,
  code: Exclude<keyof typeof configErrors, 'invalid' | 'file-readable'>,
  detail: string,
  help?: string,
): FieldProblem {
  return { pointer: `/${name}`, code: `config.${code}`, detail: `${name}: ${detail}`, ...(help === undefined ? {} : { help }) };
}

function invalid(problems: readonly FieldProblem[]): Error {
  const sentences = problems.map(({ detail, help }) => (help === undefined ? detail : `${detail}. ${help}`));
  return configErrors.invalid({ problems: sentences.join('; ') }).with(problems);
}

function isSetting(name: string): boolean {
  return Object.hasOwn(settings, name);
}

function readEnvFile(file: string): { values: Environment; warnings: string[] } {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) return { values: {}, warnings: [] };
  // 0o004: readable by others. Windows has no such bits and reports them set.
  const exposed = process.platform !== 'win32' && (stat.mode & 0o004) !== 0;
  const warning = configErrors['file-readable']({ file, help: 'chmod 600 .env' }).message;
  return { values: parseEnv(readFileSync(file, 'utf8')), warnings: exposed ? [warning] : [] };
}
