import type { Command } from 'commander';
import { newId } from '../kernel/ids.ts';
import type { CommandContext } from './command-context.ts';

interface Json {
  readonly json?: boolean;
}

interface RunRow {
  readonly id: string;
  readonly flow: string;
  readonly revision: number;
  readonly status: string;
  readonly step?: string | null;
  readonly startedAt: string;
  readonly finishedAt?: string | null;
}

interface RunDetail extends RunRow {
  readonly reason?: { readonly message?: string } | null;
  readonly timeline: readonly { readonly at: string; readonly step: string; readonly what: string }[];
}

const COLUMNS = ['id', 'flow', 'revision', 'status', 'step', 'startedAt', 'finishedAt'];

/** `kassaflow run list|show|retry|cancel|resolve`. */
export function addRun(program: Command, context: CommandContext): void {
  const run = program.command('run').description('runs of flows');
  run
    .command('list')
    .description('list runs, newest first')
    .option('--flow <name>', 'runs of this flow only')
    .option('--status <status>', 'running, waiting, attention, completed, stopped, failed or cancelled')
    .option('--limit <n>', 'at most so many', '20')
    .option('--json', 'print the list as JSON')
    .action(async (options: Json & { readonly flow?: string; readonly status?: string; readonly limit: string }) => {
      const query = new URLSearchParams({ limit: options.limit, ...(options.flow && { flow: options.flow }), ...(options.status && { status: options.status }) });
      const { items } = await context.api.get<{ items: RunRow[] }>(`/v1/runs?${query.toString()}`);
      context.printer(options).rows(items.map((item) => ({ ...item })), COLUMNS);
    });
  run
    .command('show')
    .description('show one run with everything that happened in it')
    .argument('<run>', 'run_…')
    .option('--json', 'print it as JSON')
    .action(async (id: string, options: Json) => {
      const found = await context.api.get<RunDetail>(`/v1/runs/${encodeURIComponent(id)}`);
      context.printer(options).one(found, () => describe(found));
    });
  command(run, context, 'cancel', 'end a run; what it already did stays done', {});
  command(run, context, 'retry', 'run a failed run again from the step that failed', {});
  run
    .command('resolve')
    .description('say how an unknown outcome ended, after looking it up at the provider')
    .argument('<run>', 'run_…')
    .argument('<step>', 'path of the step, as `run show` prints it')
    .argument('<answer>', 'done, not-done or failed')
    .option('--json', 'print the answer as JSON')
    .action(async (id: string, step: string, answer: string, options: Json) => {
      const body = { step, as: answer };
      const result = await context.api.post<object>(`/v1/runs/${encodeURIComponent(id)}/resolve`, body, { idempotencyKey: newId('tsk') });
      context.printer(options).one(result, () => [`${id}: ${step} is taken as ${answer}`]);
    });
}

function command(run: Command, context: CommandContext, name: 'cancel' | 'retry', about: string, body: object): void {
  run
    .command(name)
    .description(about)
    .argument('<run>', 'run_…')
    .option('--json', 'print the answer as JSON')
    .action(async (id: string, options: Json) => {
      const result = await context.api.post<object>(`/v1/runs/${encodeURIComponent(id)}/${name}`, body, { idempotencyKey: newId('tsk') });
      context.printer(options).one(result, () => [`${name} of ${id} is under way`]);
    });
}

function describe(run: RunDetail): string[] {
  return [
    `${run.id}  ${run.flow} revision ${run.revision}  ${run.status}${run.reason?.message === undefined ? '' : `: ${run.reason.message}`}`,
    ...run.timeline.map(({ at, step, what }) => `  ${at}  ${step.padEnd(28)} ${what}`),
  ];
}
