import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { calledFirst, withFlows } from '../flows/language/check/check-calls.ts';
import { checkFlow } from '../flows/language/check/check-flow.ts';
import { hasErrors, renderDiagnostics, type Diagnostic } from '../flows/language/diagnostic.ts';
import type { Vocabulary } from '../flows/language/vocabulary.ts';
import { checkTests } from '../runs/flow-tests/check-tests.ts';
import type { WireVocabulary } from '../flows/wire-vocabulary.ts';
import { vocabularyFrom } from '../flows/wire-vocabulary.ts';
import { EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import { addDryRun } from './dry-run-command.ts';
import { addDiff } from './flow-diff-command.ts';
import { addFlowRun } from './flow-run-command.ts';
import { flowFiles } from './flow-files.ts';
import { PROJECT_FOLDER, VOCABULARY_FILE } from './project-folder.ts';

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

interface FlowSchedules {
  readonly enabled: boolean;
  readonly triggers: readonly {
    readonly trigger: string;
    readonly via: string | null;
    readonly polledAt: string | null;
    readonly nextPollAt: string | null;
    readonly problem: string | null;
  }[];
  readonly schedules: readonly {
    readonly cron: string;
    readonly timeZone: string;
    readonly missed: string;
    readonly next: readonly string[];
  }[];
}

/** `kassaflow check`, `kassaflow schema` and `kassaflow flow list|publish`. */
export function addFlow(program: Command, context: CommandContext): void {
  program
    .command('check')
    .description('find everything that is wrong with flow files')
    .argument('[files...]', 'files or folders', ['flows'])
    .option('--json', 'print the problems as JSON')
    .action(async (files: readonly string[], options: Json) => {
      const sources = flowFiles(files).map((file) => ({ file, source: readFileSync(file, 'utf8') }));
      const vocabulary = withFlows(
        vocabularyFrom(await currentVocabulary(context)),
        sources.map(({ source }) => source),
      );
      const checked = sources.map(({ file, source }) => ({ file, source, diagnostics: problemsOf(source, vocabulary) }));
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
    .description(`write the editor schema and the vocabulary of this installation to ${PROJECT_FOLDER}/`)
    .action(async () => {
      mkdirSync(PROJECT_FOLDER, { recursive: true });
      writeFileSync(
        path.join(PROJECT_FOLDER, 'flow.schema.json'),
        `${JSON.stringify(await context.api.get('/v1/flows/schema'), null, 2)}\n`,
      );
      writeFileSync(VOCABULARY_FILE, `${JSON.stringify(await context.api.get('/v1/flows/vocabulary'), null, 2)}\n`);
      process.stdout.write(`${PROJECT_FOLDER}/flow.schema.json and ${VOCABULARY_FILE} are written\n`);
    });
  const flow = program.command('flow').description('published flows');
  addDryRun(flow, context);
  addFlowRun(flow, context);
  addDiff(flow, context);
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
  addSchedule(flow, context);
  flow
    .command('publish')
    .description('publish flow files; a text that is published already changes nothing')
    .argument('<files...>', 'files or folders')
    .option('--skip-tests', 'publish although tests in the files fail')
    .option('--json', 'print the answers as JSON')
    .action(async (files: readonly string[], options: Json & { readonly skipTests?: boolean }) => {
      const printer = context.printer(options);
      const published: FlowRow[] = [];
      const texts = flowFiles(files).map((file) => ({ file, source: readFileSync(file, 'utf8') }));
      try {
        for (const { file, source } of calledFirst(texts)) published.push(await publish(context, file, source, options.skipTests === true));
      } finally {
        // Also when one is refused: those before it are in force.
        printer.one(published, () => published.map(publishedLine));
      }
    });
}

async function publish({ api }: CommandContext, file: string, source: string, skipTests: boolean): Promise<FlowRow> {
  try {
    return await api.post<FlowRow>('/v1/flows', { source, skipTests });
  } catch (error) {
    process.stderr.write(`${file} was not published:\n`);
    throw error;
  }
}

function publishedLine({ name, revision, changed }: FlowRow): string {
  return `${name} revision ${revision}${changed === true ? '' : ' (unchanged)'}`;
}

function addSchedule(flow: Command, context: CommandContext): void {
  flow
    .command('schedule')
    .description('when a flow runs next by its schedules, and how the triggers it names are doing')
    .argument('<name>', 'name of the flow')
    .option('--json', 'print the schedules as JSON')
    .action(async (name: string, options: Json) => {
      const answer = await context.api.get<FlowSchedules>(`/v1/flows/${encodeURIComponent(name)}/schedule`);
      context.printer(options).one(answer, () => scheduleLines(name, answer));
    });
}

function scheduleLines(name: string, { enabled, schedules, triggers }: FlowSchedules): string[] {
  if (!enabled) return [`${name} is disabled: no schedule starts it`];
  if (schedules.length === 0 && triggers.length === 0) return [`${name} has no schedule`];
  return [
    ...schedules.flatMap(({ cron, timeZone, missed, next }) => [
      `${cron} (${timeZone}, missed: ${missed})`,
      ...next.map((slot) => `  ${inZone(slot, timeZone)}`),
    ]),
    ...triggers.map(triggerLine),
  ];
}

function triggerLine({ trigger, via, polledAt, nextPollAt, problem }: FlowSchedules['triggers'][number]): string {
  const watch = nextPollAt === null ? 'the provider tells' : `asked ${polledAt ?? 'never yet'}, again ${nextPollAt}`;
  return `${trigger}${via === null ? '' : ` via ${via}`}: ${watch}${problem === null ? '' : `, ${problem}`}`;
}

/** `Mon 2026-12-01 06:00 CET`, as the clocks of the schedule's zone show it. */
function inZone(slot: string, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  });
  const parts = Object.fromEntries(format.formatToParts(new Date(slot)).map(({ type, value }) => [type, value]));
  const { weekday, year, month, day, hour, minute, timeZoneName } = parts;
  return `${weekday} ${year}-${month}-${day} ${hour}:${minute} ${timeZoneName}`;
}

/** In the flow, and where there are none, in its tests. */
function problemsOf(source: string, vocabulary: Vocabulary): readonly Diagnostic[] {
  const { flow, diagnostics } = checkFlow(source, vocabulary);
  return flow ? [...diagnostics, ...checkTests(flow, source, vocabulary)] : diagnostics;
}

/** Of the running Kassaflow, with the tenant's connections; else the one that `kassaflow schema` wrote. */
async function currentVocabulary(context: CommandContext): Promise<WireVocabulary> {
  try {
    return await context.api.get<WireVocabulary>('/v1/flows/vocabulary');
  } catch (error) {
    if (!existsSync(VOCABULARY_FILE)) throw error;
    // Written by this program.
    return JSON.parse(readFileSync(VOCABULARY_FILE, 'utf8')) as WireVocabulary;
  }
}

function summary(checked: readonly { readonly diagnostics: readonly Diagnostic[] }[]): string {
  const problems = checked.reduce((count, { diagnostics }) => count + diagnostics.length, 0);
  return `${checked.length} ${checked.length === 1 ? 'file' : 'files'}, ${problems === 0 ? 'no problems' : `${problems} ${problems === 1 ? 'problem' : 'problems'}`}`;
}
