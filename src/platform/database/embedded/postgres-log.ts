import type { Log } from '../../observability/log.ts';
import type { SupervisorLog } from './embedded-postgres.ts';

/** What PostgreSQL writes about itself, in our log: what it warns of as a warning, the rest for who looks closely. */
export function postgresLog(log: Log): SupervisorLog {
  return (line) => log[/ (WARNING|ERROR|FATAL|PANIC): /.test(line) ? 'warn' : 'debug']({ part: 'postgres' }, line);
}
