import type { Command } from 'commander';
import { EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import type { ChoreReport } from '../platform/housekeeping/housekeeping.ts';

interface Options {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `kassaflow housekeeping plan|run`: on the database itself, like the housekeeping of a running Kassaflow. */
export function addHousekeeping(program: Command, context: CommandContext): void {
  const housekeeping = program.command('housekeeping').description('partitions, and what is older than it is kept');
  housekeeping
    .command('plan')
    .description('show what would be done now')
    .option('--json', 'print it as JSON')
    .action((options: Options) => keepHouse(context, { ...options, dryRun: true }));
  housekeeping
    .command('run')
    .description('do it; a running Kassaflow does so by itself every six hours')
    .option('--dry-run', 'only show what would be done')
    .option('--json', 'print it as JSON')
    .action((options: Options) => keepHouse(context, options));
}

async function keepHouse(context: CommandContext, { dryRun, json }: Options): Promise<void> {
  const [{ onDatabaseOf }, { Housekeeping }, { housekeepingTasks }, { systemClock }] = await Promise.all([
    import('./with-database.ts'),
    import('../platform/housekeeping/housekeeping.ts'),
    import('../retention.ts'),
    import('../kernel/clock.ts'),
  ]);
  const reports = await onDatabaseOf(context.config, (address) => {
    const housekeeping = new Housekeeping(address, housekeepingTasks(context.config), systemClock);
    return dryRun === true ? housekeeping.plan() : housekeeping.run();
  });
  context.printer({ json }).one(reports ?? [], () => (reports === undefined ? ['another process is at it'] : linesOf(reports)));
  if (reports?.some(({ result }) => result === 'failed')) process.exitCode = EXIT.problems;
}

function linesOf(reports: readonly ChoreReport[]): string[] {
  if (reports.length === 0) return ['nothing is to be done'];
  return reports.map(
    ({ task, what, result, rows, reason }) =>
      `${result.padEnd(8)} ${task}: ${what}${reason === undefined ? '' : ` (${reason})`}${rows > 0 ? `, ${rows} rows are gone` : ''}`,
  );
}
