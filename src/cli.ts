/** The `kassaflow` command: thin calls into the modules and the HTTP API, one file per group of commands. */
import { Command, CommanderError } from 'commander';
import { EXIT } from './cli/cli-errors.ts';
import { CommandContext } from './cli/command-context.ts';
import { groupsFor } from './cli/command-groups.ts';
import { isKassaflowError } from './kernel/errors.ts';
import { VERSION } from './version.ts';

/** Runs the command line `args` (without the program's name) and sets the exit code: 0 ok, 1 problems, 2 wrong usage. */
export async function runCli(args: readonly string[]): Promise<void> {
  const program = new Command('kassaflow')
    .version(VERSION)
    .description('Durable automation of what happens around payments')
    .exitOverride()
    .showHelpAfterError();
  // A reader such as `head` may close the pipe early: that is the end of the output, not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.problems));
  const context = new CommandContext();
  for (const { load } of groupsFor(args[0])) (await load())(program, context);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
}

function report(error: unknown): number {
  // Commander has printed what is wrong with the words, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (!isKassaflowError(error)) {
    process.stderr.write(`Something went wrong inside Kassaflow: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.problems;
  }
  process.stderr.write(`${error.message}.\n`);
  for (const { pointer, detail, help } of error.problems)
    process.stderr.write(`  ${pointer === '' ? '' : `${pointer}: `}${detail}${help === undefined ? '' : `\n    ${help}`}\n`);
  if (error.spec.help !== undefined) process.stderr.write(`${error.spec.help}\n`);
  process.stderr.write(`(${error.code}; \`kassaflow explain ${error.code}\` says more)\n`);
  return error.code === 'cli.usage' ? EXIT.usage : EXIT.problems;
}
