import type { Command } from 'commander';

/** `kassaflow start`: everything in this process, until SIGINT or SIGTERM. */
export function addStart(program: Command): void {
  program
    .command('start')
    .description('start Kassaflow; settings come from the environment and .env, see .env.example')
    .action(async () => {
      // Loaded only here: the other commands must not pay for the whole application.
      const { start } = await import('../main.ts');
      await start();
    });
}
