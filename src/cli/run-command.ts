import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addRecordingCommands } from './recording-commands.ts';
import { addRunCommands } from './run-commands.ts';

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
    readonly notes: readonly string[];
    readonly attempts: readonly { readonly outcome?: unknown }[];
  }[];
  readonly happenings: readonly {
    readonly at: string | null;
    readonly by: string | null;
    readonly what: string;
    readonly why: string | null;
  }[];
}

interface ListOptions extends Json {
  readonly limit: string;
  readonly flow?: string;
  readonly status?: string;
  readonly since?: string;
  readonly until?: string;
  readonly onePer?: string;
  readonly fingerprint?: string;
}

const COLUMNS = ['id', 'flow', 'revision', 'status', 'startedAt', 'finishedAt'];

/** `kassaflow run list|show`, and what `run-commands.ts` and `recording-commands.ts` add. */
export function addRun(program: Command, context: CommandContext): void {
  const run = program.command('run').description('runs of flows');
  run
    .command('list')
    .description('list runs, newest first')
    .option('--flow <name>', 'runs of this flow only')
    .option('--status <status>', 'queued, running, waiting, attention, completed, stopped, failed or cancelled')
    .option('--since <time>', 'started at this moment or later')
    .option('--until <time>', 'started before this moment')
    .option('--one-per <value>', "with this value of the flow's one-per")
    .option('--fingerprint <fingerprint>', 'dead letters of this group')
    .option('--limit <n>', 'at most so many', '20')
    .option('--json', 'print the list as JSON')
    .action(async ({ json, ...filter }: ListOptions) => {
      const options = { json };
      const query = new URLSearchParams({ ...filter });
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
  addRunCommands(run, context);
  addRecordingCommands(run, context);
}

function describe(run: RunDetail): string[] {
  const steps = run.steps.flatMap(({ step, action, kind, status, waitsUntil, attempts, notes }) => {
    const tries = attempts.length > 1 ? `, ${attempts.length} attempts` : '';
    const line = `  ${status.padEnd(9)}  ${step.padEnd(28)}  ${action ?? kind}${tries}${waitsUntil === null ? '' : `, until ${waitsUntil}`}`;
    return [line, ...notes.map((note) => `             ${note}`)];
  });
  return [
    `${run.id}  ${run.flow} revision ${run.revision}  ${run.status}${run.reason?.message === undefined ? '' : `: ${run.reason.message}`}`,
    ...steps,
    ...run.happenings.map(
      ({ at, by, what, why }) => `  ${at ?? ''}  ${what}${by === null ? '' : `, by ${by}`}${why === null ? '' : `: ${why}`}`,
    ),
  ];
}
