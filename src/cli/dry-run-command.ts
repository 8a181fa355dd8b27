import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { renderComparison, type Comparison } from '../runs/flow-tests/compare-revisions.ts';
import type { DryRun } from '../runs/flow-tests/dry-run.ts';
import { renderDryRun } from '../runs/flow-tests/render-dry-run.ts';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import { jsonFrom } from './flow-files.ts';
import { parseJson } from './parse-json.ts';

interface Options {
  readonly event?: string;
  readonly inputs?: string;
  readonly last?: string;
  readonly against?: string;
  readonly json?: boolean;
}

/** `kassaflow flow dry-run`: under the group `flow`. */
export function addDryRun(flow: Command, context: CommandContext): void {
  flow
    .command('dry-run')
    .description('show what a flow would do, without doing it')
    .argument('<flow>', 'a flow file, or the name of a published flow')
    .option('--event <event>', 'evt_… of a recorded event, or a JSON file with type and data')
    .option('--inputs <json>', 'for a flow that a person starts: what was filled in')
    .option('--last <n>', 'compare with the published revision over the last n events that start it (at most 100)')
    .option('--against <revision>', 'with --last: the revision to compare with; default: the newest')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: Options) => {
      const printer = context.printer(options);
      const flowChoice = existsSync(name) ? { source: readFileSync(name, 'utf8') } : { flow: name };
      if (options.last !== undefined) {
        const body = { before: published(name, flowChoice, options.against), after: flowChoice, last: Number(options.last) };
        const comparison = await context.api.post<Comparison>('/v1/flows/dry-run/compare', body);
        return printer.one(comparison, () => renderComparison(comparison));
      }
      const run = await context.api.post<DryRun>('/v1/flows/dry-run', { flow: flowChoice, ...startOf(options) });
      return printer.one(run, () => renderDryRun(run));
    });
}

function startOf({ event, inputs }: Options): object {
  if (inputs !== undefined) return { inputs: parseJson('--inputs', inputs) };
  if (event === undefined) throw cliErrors.usage({ problem: 'say --event, --inputs or --last' });
  return { event: existsSync(event) ? jsonFrom(event) : { id: event } };
}

/** What is in force now under the name of the text. */
function published(name: string, choice: { readonly source: string } | { readonly flow: string }, revision: string | undefined): object {
  const flow = 'flow' in choice ? choice.flow : /^flow:[ \t]*["']?([^\s"'#]+)/m.exec(choice.source)?.[1];
  if (flow === undefined) throw cliErrors.usage({ problem: `${name} does not say which flow it is` });
  return { flow, ...(revision !== undefined && { revision: Number(revision) }) };
}
