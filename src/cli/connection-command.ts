import type { Command } from 'commander';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface ConnectionView {
  readonly id: string;
  readonly name: string;
  readonly plugin: string;
  readonly mode: string;
  readonly status: string;
  readonly isDefault: boolean;
  readonly lastCheck: { readonly ok: boolean; readonly message?: string; readonly account?: string } | null;
}

interface AddOptions {
  readonly set: Readonly<Record<string, unknown>>;
  readonly default?: boolean;
  readonly json?: boolean;
}

const COLUMNS = ['name', 'plugin', 'mode', 'status', 'isDefault', 'id'];

/** `kassaflow connection add|check|list`. */
export function addConnection(program: Command, context: CommandContext): void {
  const connection = program.command('connection').description('configured uses of plugins');
  connection
    .command('add')
    .description('connect a plugin; secrets go in and are never shown again')
    .argument('<name>', 'how flows name it in via:')
    .argument('<plugin>')
    .option('--set <field=value>', 'one setting; repeat it, and repeat a field to give a list', collect, {})
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
      context
        .printer(options)
        .one(made, () => [`${made.name} is ${made.status} (${made.mode}); its webhook address is /webhooks/${made.plugin}/${made.id}`]);
    });
  connection
    .command('check')
    .description('try the settings of a connection against its provider')
    .argument('<name>', 'name or id')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: { readonly json?: boolean }) => {
      const { id } = await find(context, name);
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
        items.map((item) => ({ ...item })),
        COLUMNS,
      );
    });
}

async function find(context: CommandContext, name: string): Promise<ConnectionView> {
  const { items } = await context.api.get<{ items: ConnectionView[] }>('/v1/connections');
  const found = items.find((item) => item.name === name || item.id === name);
  if (!found) throw cliErrors.usage({ problem: `there is no connection ${name}`, known: items.map((item) => item.name).join(', ') });
  return found;
}

function collect(pair: string, before: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const [, field = '', value = ''] = /^([A-Za-z][A-Za-z0-9.]*)=(.*)$/s.exec(pair) ?? [];
  if (field === '') throw cliErrors.usage({ option: '--set', problem: 'write field=value' });
  const earlier = before[field];
  return { ...before, [field]: earlier === undefined ? value : [earlier, value].flat() };
}

/** A command line has only texts: the plugin's settings schema says which of them are numbers, switches or lists. */
async function withTypes(
  context: CommandContext,
  plugin: string,
  given: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const { items } = await context.api.get<{
    items: { id: string; manifest?: { settings?: { properties?: Record<string, { type: string }> } } }[];
  }>('/v1/plugins');
  const fields = items.find((item) => item.id === plugin)?.manifest?.settings?.properties ?? {};
  return Object.fromEntries(Object.entries(given).map(([field, value]) => [field, asType(fields[field]?.type, value)]));
}

function asType(type: string | undefined, value: unknown): unknown {
  if (type === 'array') return [value].flat();
  if (typeof value !== 'string') return value;
  if (type === 'integer' || type === 'number') return Number(value);
  if (type === 'boolean') return value === 'true';
  return value;
}
