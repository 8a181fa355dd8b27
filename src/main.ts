/** The process: its settings, and everything else after them. */
import { loadConfig } from './platform/config/read-config.ts';
import { EmbeddedPostgres } from './platform/database/embedded/embedded-postgres.ts';
import { postgresLog } from './platform/database/embedded/postgres-log.ts';
import { createLog } from './platform/observability/log.ts';

/**
 * Starts Kassaflow in this process and resolves at the ready line.
 *
 * @throws a {@link KassaflowError} that says what keeps it from starting and what to do
 */
export async function start(): Promise<void> {
  const { config, warnings } = loadConfig();
  const log = createLog(config.logLevel);
  for (const warning of warnings) log.warn(warning);
  // Our own PostgreSQL comes up, in its own process, while this one reads the application: 3,000 modules, which take a second.
  const embedded = config.database ? undefined : EmbeddedPostgres.start(config.dataDirectory, postgresLog(log));
  // Told by who waits for it.
  embedded?.catch(() => undefined);
  const { serve } = await import('./application.ts');
  await serve(config, log, embedded);
}
