import type { Command } from 'commander';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface Route {
  readonly method: string | null;
  readonly currency: string | null;
  readonly connections: readonly string[];
}

interface RouteOptions {
  readonly method?: string;
  readonly currency?: string;
  readonly json?: boolean;
}

const PATH = '/v1/payment-routes';

/** `kassaflow route list|set|remove`. */
export function addRoute(program: Command, context: CommandContext): void {
  const route = program.command('route').description('which connections take which payments');
  route
    .command('list')
    .description('list the routes; the closest to a payment counts')
    .option('--json', 'print the list as JSON')
    .action(async (options: RouteOptions) => show(context, options, await list(context)));
  route
    .command('set')
    .description('say which connections take payments, in the order in which they are tried')
    .argument('<connections...>', 'names, the first choice first')
    .option('--method <method>', 'payments by this method only: ideal')
    .option('--currency <currency>', 'payments in this currency only: EUR')
    .option('--json', 'print the list as JSON')
    .action(async (connections: string[], options: RouteOptions) => {
      const key = keyOf(options);
      const others = (await list(context)).filter((one) => !isSame(one, key));
      show(context, options, await replace(context, [...others, { ...key, connections }]));
    });
  route
    .command('remove')
    .description('remove one route')
    .option('--method <method>', 'the one of this method')
    .option('--currency <currency>', 'the one of this currency')
    .option('--json', 'print the list as JSON')
    .action(async (options: RouteOptions) => {
      const all = await list(context);
      const left = all.filter((one) => !isSame(one, keyOf(options)));
      if (left.length === all.length) throw cliErrors.usage({ problem: 'there is no such route' });
      show(context, options, await replace(context, left));
    });
}

async function list(context: CommandContext): Promise<readonly Route[]> {
  return (await context.api.get<{ items: Route[] }>(PATH)).items;
}

async function replace(context: CommandContext, routes: readonly Route[]): Promise<readonly Route[]> {
  return (await context.api.put<{ items: Route[] }>(PATH, { routes })).items;
}

function show(context: CommandContext, options: RouteOptions, routes: readonly Route[]): void {
  context.printer(options).rows(
    routes.map(({ method, currency, connections }) => ({
      method: method ?? 'any',
      currency: currency ?? 'any',
      connections: options.json === true ? connections : connections.join(', '),
    })),
    ['method', 'currency', 'connections'],
  );
}

function keyOf({ method, currency }: RouteOptions): Omit<Route, 'connections'> {
  return { method: method ?? null, currency: currency ?? null };
}

function isSame(a: Omit<Route, 'connections'>, b: Omit<Route, 'connections'>): boolean {
  return a.method === b.method && a.currency === b.currency;
}
