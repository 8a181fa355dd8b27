import type { Command } from 'commander';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import { describeWebhook, findConnection, type ConnectionView } from './find-connection.ts';
import { collectSettings, withTypes } from './setting-options.ts';

interface RotateOptions {
  readonly set: Readonly<Record<string, unknown>>;
  readonly overlap?: string;
  readonly json?: boolean;
}

/** `kassaflow connection rotate|webhook|remove`. */
export function addUpkeep(connection: Command, context: CommandContext): void {
  connection
    .command('rotate')
    .description('replace credentials without a gap: they are tried first, and the old ones count for a while too')
    .argument('<name>', 'name or id')
    .requiredOption('--set <field=value>', 'what is new; repeat it, and repeat a field to give a list', collectSettings, {})
    .option('--overlap <hours>', 'for how long the old ones count; 0 when others know them. Default: 168')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: RotateOptions) => {
      const { id, plugin } = await findConnection(context, name);
      const body = { settings: await withTypes(context, plugin, options.set), ...overlapOf(options.overlap) };
      const rotated = await context.api.post<ConnectionView>(`/v1/connections/${id}/rotate`, body);
      const until =
        rotated.previousUntil === null ? 'the old credentials count no more' : `the old ones count until ${rotated.previousUntil}`;
      context.printer(options).one(rotated, () => [`${rotated.name} has its new credentials; ${until}`]);
    });
  connection
    .command('webhook')
    .description("register the connection's webhook at its provider, or find it registered")
    .argument('<name>', 'name or id')
    .option('--renew', 'replace the registration that there is: its deliveries are refused')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: { readonly renew?: boolean; readonly json?: boolean }) => {
      const { id } = await findConnection(context, name);
      const found = await context.api.post<ConnectionView>(`/v1/connections/${id}/webhook`, { renew: options.renew === true });
      context.printer(options).one(found, () => [`${found.name}: ${describeWebhook(found)}`]);
      if (found.webhook.status !== 'registered') process.exitCode = 1;
    });
  connection
    .command('remove')
    .description('remove a connection that nothing needs any more, with its credentials')
    .argument('<name>', 'name or id')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: { readonly json?: boolean }) => {
      const { id, name: found } = await findConnection(context, name);
      await context.api.delete(`/v1/connections/${id}`);
      context.printer(options).one({ removed: id }, () => [`${found} is removed`]);
    });
}

function overlapOf(hours: string | undefined): { readonly overlapHours?: number } {
  if (hours === undefined) return {};
  if (!/^\d{1,3}$/.test(hours)) throw cliErrors.usage({ option: '--overlap', problem: 'write whole hours, 0 to 720' });
  return { overlapHours: Number(hours) };
}
