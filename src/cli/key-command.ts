import type { Command } from 'commander';
import type { GrantedScope } from '../platform/auth/scopes.ts';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface CreateOptions {
  readonly tenant?: string;
  readonly tenantName?: string;
  readonly live?: boolean;
  readonly scope: readonly string[];
  readonly json?: boolean;
}

/** `kassaflow key create|revoke|list`. */
export function addKey(program: Command, context: CommandContext): void {
  const key = program.command('key').description('API keys');
  key
    .command('create')
    .description('make an API key; it is shown once')
    .argument('<name>', 'what it is for')
    .option(
      '--scope <scope>',
      'what it may do, for example events:write, or a team it belongs to, team:finance; repeat it. Default: everything',
      collect,
      [],
    )
    .option('--tenant <slug>', 'work on the database itself, for the first key of a tenant; the tenant is made when it is not there')
    .option('--tenant-name <name>', 'name of a tenant that is made')
    .option('--live', 'a tenant that is made is live, not for tests')
    .option('--json', 'print it as JSON')
    .action(async (name: string, options: CreateOptions) => {
      const scopes = options.scope.length === 0 ? ['*'] : options.scope;
      const made =
        options.tenant === undefined
          ? await overHttp(context, name, scopes)
          : await onDatabase(context, name, scopes, { ...options, tenant: options.tenant });
      context.printer(options).one(made, () => [made.secret, `(${made.id}; it is not shown again)`]);
    });
  key
    .command('revoke')
    .description('end a key at once')
    .argument('<key>', 'key_…')
    .action(async (id: string) => {
      await context.api.delete(`/v1/api-keys/${encodeURIComponent(id)}`);
      process.stdout.write(`${id} is revoked\n`);
    });
  key
    .command('list')
    .description('list the keys of the tenant')
    .option('--json', 'print the list as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { items } = await context.api.get<{ items: Record<string, unknown>[] }>('/v1/api-keys');
      context.printer(options).rows(items, ['id', 'name', 'mode', 'scopes', 'lastUsedAt', 'revokedAt']);
    });
}

interface MadeKey {
  readonly id: string;
  readonly secret: string;
}

async function overHttp(context: CommandContext, name: string, scopes: readonly string[]): Promise<MadeKey> {
  return context.api.post<MadeKey>('/v1/api-keys', { name, scopes });
}

/** Whoever can open the database can make the first key: that is how an installation begins. */
async function onDatabase(
  context: CommandContext,
  name: string,
  scopes: readonly string[],
  options: CreateOptions & { readonly tenant: string },
): Promise<MadeKey> {
  const [{ withDatabase }, { isGrantedScope }] = await Promise.all([import('./with-database.ts'), import('../platform/auth/scopes.ts')]);
  const granted = scopes.filter((scope): scope is GrantedScope => isGrantedScope(scope));
  if (granted.length !== scopes.length)
    throw cliErrors.usage({ option: '--scope', found: scopes.filter((scope) => !isGrantedScope(scope)).join(', ') });
  return withDatabase(context.config, async ({ tenants, apiKeys }) => {
    const wanted = {
      slug: options.tenant,
      name: options.tenantName ?? options.tenant,
      mode: options.live === true ? 'live' : 'test',
    } as const;
    const { id: tenantId } = (await tenants.find(options.tenant)) ?? (await tenants.create(wanted, 'cli'));
    const { key, secret } = await apiKeys.create(tenantId, { name, scopes: granted }, 'cli');
    return { id: key.id, secret };
  });
}

function collect(scope: string, before: readonly string[]): string[] {
  return [...before, scope];
}
