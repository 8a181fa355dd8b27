import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../kernel/clock.ts';
import { hasErrors } from '../flows/language/diagnostic.ts';
import { renderReport, totalsOf, type TestedFile } from '../runs/flow-tests/render-report.ts';
import { testFlow } from '../runs/flow-tests/run-tests.ts';
import { EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import { flowFiles } from './flow-files.ts';
import { vocabularyOffline } from './offline-vocabulary.ts';

/** `kassaflow test`: runs the tests that stand in flow files, without a database and without effects. */
export function addTest(program: Command, context: CommandContext): void {
  program
    .command('test')
    .description('run the tests of flow files; nothing leaves this process and no database is needed')
    .argument('[paths...]', 'files or folders', ['flows'])
    .option('--only <name>', 'only tests whose name holds this text')
    .option('--json', 'print the results as JSON')
    .action(async (paths: readonly string[], options: { readonly only?: string; readonly json?: boolean }) => {
      const vocabulary = await vocabularyOffline(context);
      const startedAt = systemClock.elapsed();
      const files: TestedFile[] = [];
      for (const file of flowFiles(paths)) {
        const source = readFileSync(file, 'utf8');
        files.push({ file, source, report: await testFlow(source, vocabulary, options.only === undefined ? {} : { only: options.only }) });
      }
      context.printer(options).one(
        files.map(({ file, report }) => ({ file, ...report })),
        () => renderReport(files, systemClock.elapsed() - startedAt),
      );
      if (totalsOf(files).failed > 0 || files.some(({ report }) => hasErrors(report.diagnostics))) process.exitCode = EXIT.problems;
    });
}
