import type { Command } from 'commander';
import { parseJson } from './parse-json.ts';
import type { CommandContext } from './command-context.ts';

interface Json {
  readonly json?: boolean;
}

interface RunRow {
  readonly id: string;
  readonly flow: string;
  readonly revision: number;
  readonly status: string;
  readonly reason: { readonly message?: string } | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

interface RunDetail extends RunRow {
  readonly steps: readonly {
    readonly step: string;
    readonly action: string | null;
    readonly kind: string;
    readonly status: string;
    readonly waitsUntil: string | null;
    readonly attempts: readonly { readonly outcome?: unknown }[];
  }[];
}

interface CommandAnswer {
  readonly state: 'done' | 'accepted';
  readonly run: RunRow;
}

const COLUMNS = ['id', 'flow', 'revision', 'status', 'startedAt', 'finishedAt'];

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
      const query = new URLSearchParams({
        limit: options.limit,
        ...(options.flow && { flow: options.flow }),
        ...(options.status && { status: options.status }),
      });
      const { items } = await context.api.get<{ items: RunRow[] }>(`/v1/runs?${query.toString()}`);
      context.printer(options).rows(
        items.map((item) => ({ ...item })),
        COLUMNS,
      );
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
  command(run, context, 'cancel', 'end a run; what it already did stays done');
  command(run, context, 'retry', 'run a failed run again from the step that failed');
  run
    .command('resolve')
    .description('say how an unknown outcome ended, after looking at the provider')
    .argument('<run>', 'run_…')
    .argument('<decision>', 'done, not-done or fail')
    .option('--step <path>', 'path of the step, as `run show` prints it; needed when several wait')
    .option('--output <json>', 'with done: what the step gives to later ones', '{}')
    .option('--json', 'print the answer as JSON')
    .action(async (id: string, decision: string, options: Json & { readonly step?: string; readonly output: string }) => {
      const resolution = decision === 'done' ? { decision, output: parseJson('--output', options.output) } : { decision };
      const body = { ...(options.step === undefined ? {} : { step: options.step }), resolution };
      const result = await context.api.post<CommandAnswer>(`/v1/runs/${encodeURIComponent(id)}/resolve`, body);
      context.printer(options).one(result, () => [told(result)]);
    });
}

function command(run: Command, context: CommandContext, name: 'cancel' | 'retry', about: string): void {
  run
    .command(name)
    .description(about)
    .argument('<run>', 'run_…')
    .option('--json', 'print the answer as JSON')
    .action(async (id: string, options: Json) => {
      const result = await context.api.post<CommandAnswer>(`/v1/runs/${encodeURIComponent(id)}/${name}`, {});
      context.printer(options).one(result, () => [told(result)]);
    });
}

function told({ state, run }: CommandAnswer): string {
  return state === 'done'
    ? `${run.id} is ${run.status}`
    : `${run.id} is ${run.status}; the command is on its way to the process that has the run`;
}

function describe(run: RunDetail): string[] {
  const steps = run.steps.map(({ step, action, kind, status, waitsUntil, attempts }) => {
    const tries = attempts.length > 1 ? `, ${attempts.length} attempts` : '';
    return `  ${status.padEnd(9)}  ${step.padEnd(28)}  ${action ?? kind}${tries}${waitsUntil === null ? '' : `, until ${waitsUntil}`}`;
  });
  return [
    `${run.id}  ${run.flow} revision ${run.revision}  ${run.status}${run.reason?.message === undefined ? '' : `: ${run.reason.message}`}`,
    ...steps,
  ];
}
