import type { Command } from 'commander';
import { cliErrors, EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface Json {
  readonly json?: boolean;
}

interface Checked {
  readonly address: string;
  readonly verdict: 'taken' | 'not-listed' | 'not-an-address';
}

const PATH = '/v1/portal-origins';
const ORIGIN = 'https://shop.example; no path';

/** `kassaflow portal list|add|remove|check`. */
export function addPortal(program: Command, context: CommandContext): void {
  const portal = program.command('portal').description('origins of portals: where payers may be led back to, and whose pages may call us');
  portal
    .command('list')
    .description('list the origins')
    .option('--json', 'print the list as JSON')
    .action(async (options: Json) => show(context, options, await list(context)));
  portal
    .command('add')
    .description('put origins on the list')
    .argument('<origins...>', ORIGIN)
    .option('--json', 'print the list as JSON')
    .action(async (origins: string[], options: Json) =>
      show(context, options, await replace(context, [...(await list(context)), ...origins])),
    );
  portal
    .command('remove')
    .description('take origins off the list; payers who are paying come back all the same')
    .argument('<origins...>', 'as the list has them')
    .option('--json', 'print the list as JSON')
    .action(async (origins: string[], options: Json) => {
      const all = await list(context);
      const stranger = origins.find((origin) => !all.includes(origin));
      if (stranger !== undefined) throw cliErrors.usage({ problem: 'this is not on the list', found: stranger.slice(0, 300) });
      show(
        context,
        options,
        await replace(
          context,
          all.filter((origin) => !origins.includes(origin)),
        ),
      );
    });
  portal
    .command('check')
    .description('say whether payers may be led back to an address; ends with 1 when not')
    .argument('<address>', 'as a portal would send it: https://shop.example/thanks?order=7')
    .option('--json', 'print the answer as JSON')
    .action(async (address: string, options: Json) => {
      const checked = await context.api.get<Checked>(`${PATH}/check?address=${encodeURIComponent(address)}`);
      context.printer(options).one(checked, () => [SAID[checked.verdict]]);
      if (checked.verdict !== 'taken') process.exitCode = EXIT.problems;
    });
}

const SAID: Readonly<Record<Checked['verdict'], string>> = {
  taken: 'payers may be led there',
  'not-listed': 'its origin is not on the list: kassaflow portal add',
  'not-an-address': 'this is no https address that browsers and people read alike',
};

async function list(context: CommandContext): Promise<readonly string[]> {
  return (await context.api.get<{ origins: string[] }>(PATH)).origins;
}

async function replace(context: CommandContext, origins: readonly string[]): Promise<readonly string[]> {
  return (await context.api.put<{ origins: string[] }>(PATH, { origins })).origins;
}

function show(context: CommandContext, options: Json, origins: readonly string[]): void {
  context.printer(options).rows(
    origins.map((origin) => ({ origin })),
    ['origin'],
  );
}
