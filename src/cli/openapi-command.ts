import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** `kassaflow openapi`: the description of the HTTP API, for generators of clients. */
export function addOpenApi(program: Command, context: CommandContext): void {
  program
    .command('openapi')
    .description('print the OpenAPI 3.1 document of the running Kassaflow')
    .action(async () => {
      process.stdout.write(`${JSON.stringify(await context.api.get('/openapi.json'), null, 2)}\n`);
    });
}
