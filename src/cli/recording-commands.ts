import { statSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readRecording, recordedFlow } from '../runs/repair/recording-file.ts';
import { replayRun, type ReplayReport } from '../runs/repair/replay.ts';
import { EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import { jsonFrom } from './flow-files.ts';

interface Json {
  readonly json?: boolean;
}

/** `kassaflow run replay|export`: recorded runs, computed again without effects. */
export function addRecordingCommands(run: Command, context: CommandContext): void {
  run
    .command('replay')
    .description('compute a recorded run again, without effects, and compare every step byte for byte')
    .argument('<run>', 'run_…, or a file that `run export` wrote')
    .option('--json', 'print the report as JSON')
    .action(async (named: string, options: Json) => {
      const isFile = !named.startsWith('run_') || statSync(named, { throwIfNoEntry: false })?.isFile() === true;
      const report = isFile ? await replayFile(named) : await replayStored(context, named);
      context.printer(options).one(report, () => describe(report));
      if (report.differences.length > 0) process.exitCode = EXIT.problems;
    });
  run
    .command('export')
    .description('write a run to a file: facts, text of the flow, journal')
    .argument('<run>', 'run_…')
    .option('--mask', 'replace what may be personal; such a file cannot be replayed')
    .option('--to <file>', 'where to; default: standard output')
    .action(async (id: string, { mask, to }: { readonly mask?: boolean; readonly to?: string }) => {
      const recording = await context.api.get<unknown>(`/v1/runs/${encodeURIComponent(id)}/recording?mask=${mask === true}`);
      const text = `${JSON.stringify(recording, null, 2)}\n`;
      if (to === undefined) process.stdout.write(text);
      else writeFileSync(to, text);
    });
}

function replayFile(file: string): Promise<ReplayReport> {
  const recording = readRecording(jsonFrom(file));
  return replayRun(recordedFlow(recording), recording);
}

function replayStored({ api }: CommandContext, id: string): Promise<ReplayReport> {
  return api.post<ReplayReport>(`/v1/runs/${encodeURIComponent(id)}/replay`, {});
}

function describe({ steps, differences, rests, next }: ReplayReport): string[] {
  const shown = differences.flatMap(({ step, what, recorded, computed }) => [
    `${step === '' ? 'the end of the run' : `step ${step}`}: ${what}`,
    `  recorded  ${recorded ?? '–'}`,
    `  computed  ${computed ?? '–'}`,
  ]);
  const state = rests ? '; the run rests where it rested' : next.length > 0 ? '; the run goes on from there' : '';
  const count = differences.length === 0 ? 'no difference' : `${differences.length} differences`;
  return [...shown, `${steps} steps computed again, ${count}${state}`];
}
