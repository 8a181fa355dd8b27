import type { Command } from 'commander';
import { EXIT } from './cli-errors.ts';

/** For the message to be printed. */
const LAST_WORDS_MS = 1_000;

/** `kassaflow start`: everything in this process, until SIGINT or SIGTERM. */
export function addStart(program: Command): void {
  program
    .command('start')
    .description('start Kassaflow; settings come from the environment and .env, see .env.example')
    .action(async () => {
      // Loaded only here: the other commands must not pay for the whole application.
      const { start } = await import('../main.ts');
      try {
        await start();
      } catch (error) {
        // What had begun before, timers and connections, would keep the process alive: neither ready nor dead, so nobody starts another.
        setTimeout(() => process.exit(EXIT.problems), LAST_WORDS_MS).unref();
        throw error;
      }
    });
}
