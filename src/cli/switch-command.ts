import type { Command } from 'commander';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface SwitchView {
  readonly level: string;
  readonly target: string;
  readonly reason: string;
  readonly setBy: string;
  readonly setAt: string;
  readonly parked: number;
}

const COLUMNS = ['level', 'target', 'parked', 'reason', 'setBy', 'setAt'];
const WHAT = 'tenant, or flow/<name>, connection/<name>, action/<name>, plugin/<id>';

/** `kassaflow switch on|off|list`. */
export function addSwitch(program: Command, context: CommandContext): void {
  const command = program.command('switch').description('kill switches: what they stop rests, and fails nothing');
  command
    .command('on')
    .description('stop the calls of a flow, connection, action, plugin or the whole tenant')
    .argument('<what>', WHAT)
    .requiredOption('--reason <text>', 'for whoever asks why runs rest')
    .option('--json', 'print the answer as JSON')
    .action(async (what: string, { reason, json }: { readonly reason: string; readonly json?: boolean }) => {
      const made = await context.api.put<SwitchView>(pathOf(what), { reason });
      context.printer({ json }).one(made, () => [`${what} is stopped; ${made.parked} steps rest because of it`]);
    });
  command
    .command('off')
    .description('release a switch; what rests because of it goes on within a second')
    .argument('<what>', WHAT)
    .action(async (what: string) => {
      await context.api.delete(pathOf(what));
      process.stdout.write(`${what} goes on\n`);
    });
  command
    .command('list')
    .description('list the switches that are on')
    .option('--json', 'print the list as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { items } = await context.api.get<{ items: SwitchView[] }>('/v1/switches?limit=200');
      context.printer(options).rows(
        items.map((item) => ({ ...item })),
        COLUMNS,
      );
    });
}

function pathOf(what: string): string {
  const [, level, target] = /^(tenant|flow|connection|action|plugin)(?:\/([a-z][a-z0-9.-]{0,99}))?$/.exec(what) ?? [];
  if (level === undefined || (level === 'tenant') !== (target === undefined))
    throw cliErrors.usage({ problem: `write ${WHAT}`, found: what.slice(0, 100) });
  return target === undefined ? '/v1/switches/tenant' : `/v1/switches/${level}/${target}`;
}
