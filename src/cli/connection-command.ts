import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addUpkeep } from './connection-upkeep.ts';
import { describeWebhook, findConnection, type ConnectionView } from './find-connection.ts';
import { collectSettings, withTypes } from './setting-options.ts';

interface AddOptions {
  readonly set: Readonly<Record<string, unknown>>;
  readonly default?: boolean;
  readonly json?: boolean;
}

const COLUMNS = ['name', 'plugin', 'mode', 'status', 'webhook', 'isDefault', 'id'];

/** `kassaflow connection add|check|list`, and what `connection-upkeep.ts` adds. */
export function addConnection(program: Command, context: CommandContext): void {
  const connection = program.command('connection').description('configured uses of plugins');
  connection
    .command('add')
    .description('connect a plugin; secrets go in and are never shown again')
    .argument('<name>', 'how flows name it in via:')
    .argument('<plugin>')
    .option('--set <field=value>', 'one setting; repeat it, and repeat a field to give a list', collectSettings, {})
    .option('--default', 'use it where a step names no connection')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, plugin: string, options: AddOptions) => {
      const settings = await withTypes(context, plugin, options.set);
      const made = await context.api.post<ConnectionView>('/v1/connections', {
        name,
        plugin,
        settings,
        isDefault: options.default === true,
      });
      context.printer(options).one(made, () => [`${made.name} is ${made.status} (${made.mode})${reasonOf(made)}`, describeWebhook(made)]);
    });
  connection
    .command('check')
    .description('try the settings of a connection against its provider')
    .argument('<name>', 'name or id')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: { readonly json?: boolean }) => {
      const { id } = await findConnection(context, name);
      const checked = await context.api.post<ConnectionView>(`/v1/connections/${id}/check`, {});
      const result = checked.lastCheck;
      context
        .printer(options)
        .one(checked, () => [
          result?.ok === true
            ? `${checked.name} works: ${result.account ?? 'no account name'}`
            : `${checked.name} does not work: ${result?.message ?? 'no answer'}`,
        ]);
      if (result?.ok !== true) process.exitCode = 1;
    });
  connection
    .command('list')
    .description('list the connections of the tenant')
    .option('--json', 'print the list as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { items } = await context.api.get<{ items: ConnectionView[] }>('/v1/connections');
      context.printer(options).rows(
        items.map((item) => ({ ...item, webhook: item.webhook.status })),
        COLUMNS,
      );
    });
  addUpkeep(connection, context);
}

function reasonOf({ lastCheck }: ConnectionView): string {
  return lastCheck?.ok === false ? `: ${lastCheck.message ?? ''}` : '';
}
