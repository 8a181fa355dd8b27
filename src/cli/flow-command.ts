import { existsSync, mkdirSync, readFileSync, statSync, globSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { checkFlow } from '../flows/language/check/check-flow.ts';
import { hasErrors, renderDiagnostics, type Diagnostic } from '../flows/language/diagnostic.ts';
import type { WireVocabulary } from '../flows/wire-vocabulary.ts';
import { vocabularyFrom } from '../flows/wire-vocabulary.ts';
import { cliErrors, EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface Json {
  readonly json?: boolean;
}

interface FlowRow {
  readonly name: string;
  readonly title: string;
  readonly enabled: boolean;
  readonly revision: number;
  readonly changed?: boolean;
}

/** Where `kassaflow schema` puts what editors and offline checks need; it belongs to a project and may be committed. */
const FOLDER = '.kassaflow';

/** `kassaflow check`, `kassaflow schema` and `kassaflow flow list|publish`. */
export function addFlow(program: Command, context: CommandContext): void {
  program
    .command('check')
    .description('find everything that is wrong with flow files')
    .argument('[files...]', 'files or folders', ['flows'])
    .option('--json', 'print the problems as JSON')
    .action(async (files: readonly string[], options: Json) => {
      const vocabulary = vocabularyFrom(await currentVocabulary(context));
      const checked = flowFiles(files)
        .map((file) => ({ file, source: readFileSync(file, 'utf8') }))
        .map(({ file, source }) => ({ file, source, diagnostics: checkFlow(source, vocabulary).diagnostics }));
      context.printer(options).one(
        checked.map(({ file, diagnostics }) => ({ file, diagnostics })),
        () => [
          ...checked.flatMap(({ file, source, diagnostics }) =>
            diagnostics.length === 0 ? [] : [renderDiagnostics(diagnostics, source, file)],
          ),
          summary(checked),
        ],
      );
      if (checked.some(({ diagnostics }) => hasErrors(diagnostics))) process.exitCode = EXIT.problems;
    });
  program
    .command('schema')
    .description(`write the editor schema and the vocabulary of this installation to ${FOLDER}/`)
    .action(async () => {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(path.join(FOLDER, 'flow.schema.json'), `${JSON.stringify(await context.api.get('/v1/flows/schema'), null, 2)}\n`);
      writeFileSync(path.join(FOLDER, 'vocabulary.json'), `${JSON.stringify(await context.api.get('/v1/flows/vocabulary'), null, 2)}\n`);
      process.stdout.write(`${FOLDER}/flow.schema.json and ${FOLDER}/vocabulary.json are written\n`);
    });
  const flow = program.command('flow').description('published flows');
  flow
    .command('list')
    .description('list the flows of the tenant')
    .option('--json', 'print the list as JSON')
    .action(async (options: Json) => {
      const { items } = await context.api.get<{ items: FlowRow[] }>('/v1/flows?limit=200');
      context.printer(options).rows(
        items.map((item) => ({ ...item })),
        ['name', 'revision', 'enabled', 'title'],
      );
    });
  flow
    .command('publish')
    .description('publish flow files; a text that is published already changes nothing')
    .argument('<files...>', 'files or folders')
    .option('--json', 'print the answers as JSON')
    .action(async (files: readonly string[], options: Json) => {
      const published: FlowRow[] = [];
      for (const file of flowFiles(files))
        published.push(await context.api.post<FlowRow>('/v1/flows', { source: readFileSync(file, 'utf8') }));
      context
        .printer(options)
        .one(published, () =>
          published.map(({ name, revision, changed }) => `${name} revision ${revision}${changed === true ? '' : ' (unchanged)'}`),
        );
    });
}

/** Of the running Kassaflow, with the tenant's connections; else the one that `kassaflow schema` wrote. */
async function currentVocabulary(context: CommandContext): Promise<WireVocabulary> {
  const file = path.join(FOLDER, 'vocabulary.json');
  try {
    return await context.api.get<WireVocabulary>('/v1/flows/vocabulary');
  } catch (error) {
    if (!existsSync(file)) throw error;
    // Written by this program.
    return JSON.parse(readFileSync(file, 'utf8')) as WireVocabulary;
  }
}

function flowFiles(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const stat = statSync(name, { throwIfNoEntry: false });
    if (!stat) throw cliErrors.usage({ problem: `there is no file or folder ${name}` });
    return stat.isDirectory()
      ? globSync('*.yaml', { cwd: name })
          .toSorted()
          .map((file) => path.join(name, file))
      : [name];
  });
}

function summary(checked: readonly { readonly diagnostics: readonly Diagnostic[] }[]): string {
  const problems = checked.reduce((count, { diagnostics }) => count + diagnostics.length, 0);
  return `${checked.length} ${checked.length === 1 ? 'file' : 'files'}, ${problems === 0 ? 'no problems' : `${problems} ${problems === 1 ? 'problem' : 'problems'}`}`;
}
