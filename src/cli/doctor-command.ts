import type { Command } from 'commander';
import { EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

/** `kassaflow doctor`: everything that can be looked at before somebody asks why it does not start. */
export function addDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('look at the machine, the settings and the database, and say what to repair')
    .option('--json', 'print the findings as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { examine } = await import('../platform/doctor/doctor.ts');
      const findings = await examine(context.config);
      context
        .printer(options)
        .one(findings, () =>
          findings.flatMap(({ name, ok, found, help }) => [
            `${ok ? 'ok     ' : 'problem'}  ${name}: ${found}`,
            ...(help === undefined ? [] : [`         ${help}`]),
          ]),
        );
      if (findings.some(({ ok }) => !ok)) process.exitCode = EXIT.problems;
    });
}
