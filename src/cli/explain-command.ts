import type { Command } from 'commander';
import { errorCatalogue } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { DIAGNOSTICS, type DiagnosticSpec } from '../flows/language/diagnostics.ts';
import { EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

/** `kassaflow explain CODE`: an error of the API or a diagnostic of the flow checker, in full. */
export function addExplain(program: Command, context: CommandContext): void {
  program
    .command('explain')
    .description('explain an error code or a flow diagnostic')
    .argument('<code>', 'payment.illegal-transition, flow.unknown-action, …')
    .option('--json', 'print it as JSON')
    .action(async (code: string, options: { readonly json?: boolean }) => {
      // Every module declares its errors when it is loaded.
      await import('../app.module.ts');
      const diagnostics: ReadonlyMap<string, DiagnosticSpec> = new Map(Object.entries(DIAGNOSTICS));
      const diagnostic = diagnostics.get(code);
      const error = errorCatalogue.get(code);
      if (!diagnostic && !error) {
        const meant = nearest(code, [...errorCatalogue.keys(), ...diagnostics.keys()]);
        process.stderr.write(`There is no code ${code}.${meant === undefined ? '' : ` Did you mean ${meant}?`}\n`);
        process.exitCode = EXIT.problems;
        return;
      }
      context
        .printer(options)
        .one({ code, ...(diagnostic ?? error) }, () =>
          diagnostic
            ? [code, diagnostic.sentence, '', diagnostic.explanation, `What helps: ${diagnostic.help}`]
            : [code, `${error?.title ?? ''}.`, error?.help ?? '', `HTTP ${error?.status ?? ''}; what helps: ${error?.remedy ?? ''}`],
        );
    });
}
