/**
 * The log: one JSON object a line on stdout, for machines; control characters in it are escaped by JSON itself.
 *
 * Nothing secret and nothing personal is logged on purpose. The redaction here is the second net, for what slips through
 * an error's properties or a careless object.
 */
import { pino, type DestinationStream, type Logger } from 'pino';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** The application's logger. Injected by `LOG` where Nest's own `Logger` is too slow or knows too little. */
export type Log = Logger;

export const LOG = Symbol('Log');

const SECRET_NAMES = ['authorization', 'cookie', 'password', 'secret', 'secrets', 'token', 'apiKey', 'api_key', 'secret_hash', 'signature'];
const PERSONAL_NAMES = ['email', 'phone', 'firstName', 'first_name', 'address', 'iban'];

/** Makes the logger; without `destination` it writes to stdout. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const names = [...SECRET_NAMES, ...PERSONAL_NAMES];
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: names.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.headers["${name}"]`]), censor: '[redacted]' },
    serializers: { err: serializeError },
    // On the finished line, because pino copies an error's message into `msg` past every serializer.
    hooks: { streamWrite: withoutSecrets },
  };
  return destination ? pino(options, destination) : pino(options);
}

interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly cause?: LoggedError;
}

/**
 * The parts of an error that are safe and useful. Other properties stay out: database errors carry the refused row in
 * `detail`, HTTP clients carry the whole request.
 */
export function serializeError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return {
    type: error.name,
    message: error.message,
    ...(error.stack !== undefined && { stack: error.stack }),
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...(error.cause !== undefined && depth < 3 && { cause: serializeError(error.cause, depth + 1) }),
  };
}

/** Our keys, and passwords in addresses such as DATABASE_URL. */
function withoutSecrets(text: string): string {
  return text.replaceAll(/kf_(test|live)_[0-9A-Za-z_]+/g, 'kf_$1_[redacted]').replaceAll(/(:\/\/[^/\s:@"]*):[^@\s/"]+@/g, '$1:[redacted]@');
}
