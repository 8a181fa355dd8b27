import type { Command } from 'commander';
import { newId } from '../kernel/ids.ts';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface Json {
  readonly json?: boolean;
}

interface PlannedStep {
  readonly step: string;
  readonly action: string;
  readonly category: string;
  readonly count: number;
  readonly money: Readonly<Record<string, string>>;
}

interface Job {
  readonly id: string;
  readonly action: string;
  readonly status: string;
  readonly total: number;
  readonly plan: { readonly runs: Readonly<Record<string, number>>; readonly steps: readonly PlannedStep[] };
  readonly planVersion: string;
  readonly rate: number;
  readonly reason: string;
  readonly progress: Readonly<Record<string, number>>;
}

interface PreviewOptions extends Json {
  readonly flow?: string;
  readonly status?: string;
  readonly fingerprint?: string;
  readonly since?: string;
  readonly until?: string;
  readonly run?: readonly string[];
  readonly newest?: boolean;
  readonly undo?: boolean;
  readonly step?: string;
}

interface StartOptions extends Json {
  readonly plan: string;
  readonly reason: string;
  readonly rate: string;
  readonly confirm?: boolean;
}

/** `kassaflow bulk preview|start|list|show|pause|resume|abort` and `kassaflow dead-letters`. */
export function addBulk(program: Command, context: CommandContext): void {
  const bulk = program.command('bulk').description('one command for many runs');
  bulk
    .command('preview')
    .description('fix a selection of runs and show what would happen; nothing is done yet')
    .argument('<action>', 'retry, cancel, skip, resume or move')
    .option('--flow <name>', 'runs of this flow')
    .option('--status <status>', 'failed, attention, waiting or running')
    .option('--fingerprint <fingerprint>', 'the dead letters of this group')
    .option('--since <time>', 'started at this moment or later')
    .option('--until <time>', 'started before this moment; default: now')
    .option('--run <run...>', 'these runs')
    .option('--newest', 'with retry: on the newest revision')
    .option('--undo', 'with cancel: take back what was done')
    .option('--step <path>', 'with skip and resume: the step that is meant')
    .option('--json', 'print it as JSON')
    .action(async (action: string, options: PreviewOptions) => {
      const job = await context.api.post<Job>('/v1/bulk-jobs/preview', {
        action,
        selection: selectionOf(options),
        ...detailOf(action, options),
      });
      context
        .printer(options)
        .one(job, () => [
          ...describe(job),
          `Start it with: kassaflow bulk start ${job.id} --plan ${job.planVersion} --reason '…'${
            (job.plan.runs['may-happen-twice'] ?? 0) > 0 ? ' --confirm' : ''
          }`,
        ]);
    });
  bulk
    .command('start')
    .description('start a previewed job')
    .argument('<job>', 'job_…')
    .requiredOption('--plan <version>', 'as the preview printed it')
    .requiredOption('--reason <text>', 'why; shown with every run and kept in the audit')
    .option('--rate <n>', 'runs per second', '5')
    .option('--confirm', 'what may happen twice is meant')
    .option('--json', 'print it as JSON')
    .action(async (preview: string, { plan, reason, rate, confirm, ...options }: StartOptions) => {
      const body = { preview, planVersion: plan, reason, rate: Number(rate), confirm: confirm === true };
      const job = await context.api.post<Job>('/v1/bulk-jobs', body, { idempotencyKey: newId('evt') });
      context.printer(options).one(job, () => describe(job));
    });
  bulk
    .command('list')
    .description('list bulk jobs that were started, newest first')
    .option('--json', 'print the list as JSON')
    .action(async (options: Json) => {
      const { items } = await context.api.get<{ items: Job[] }>('/v1/bulk-jobs?limit=50');
      context.printer(options).rows(
        items.map((item) => ({ ...item, done: `${item.progress['done'] ?? 0} of ${item.total}` })),
        ['id', 'action', 'status', 'done', 'reason'],
      );
    });
  single(bulk, context, 'show', 'show one bulk job with its plan and progress');
  single(bulk, context, 'pause', 'take no further run until it is resumed');
  single(bulk, context, 'resume', 'go on with a paused job');
  single(bulk, context, 'abort', 'end a job; runs that have no command yet are left alone');
  program
    .command('dead-letters')
    .description('failed runs and runs that need a person, grouped by what went wrong')
    .option('--flow <name>', 'of this flow only')
    .option('--json', 'print the list as JSON')
    .action(async ({ flow, ...options }: Json & { readonly flow?: string }) => {
      const query = new URLSearchParams({ limit: '50', ...(flow !== undefined && { flow }) });
      const { items } = await context.api.get<{ items: Record<string, unknown>[] }>(`/v1/dead-letters?${query.toString()}`);
      context.printer(options).rows(items, ['fingerprint', 'runs', 'flow', 'step', 'code', 'message', 'lastSeen']);
    });
}

function single(bulk: Command, context: CommandContext, name: 'show' | 'pause' | 'resume' | 'abort', about: string): void {
  bulk
    .command(name)
    .description(about)
    .argument('<job>', 'job_…')
    .option('--json', 'print it as JSON')
    .action(async (id: string, options: Json) => {
      const address = `/v1/bulk-jobs/${encodeURIComponent(id)}`;
      const job = name === 'show' ? await context.api.get<Job>(address) : await context.api.post<Job>(`${address}/${name}`, {});
      context.printer(options).one(job, () => describe(job));
    });
}

function selectionOf({ run, flow, status, fingerprint, since, until }: PreviewOptions): object {
  if (run) return { runs: run };
  const given = Object.entries({ flow, status, fingerprint, since, until }).filter(([, value]) => value !== undefined);
  if (given.length === 0) throw cliErrors.usage({ problem: 'name the runs, or a flow, a status or a fingerprint' });
  return Object.fromEntries(given);
}

function detailOf(action: string, { newest, undo, step }: PreviewOptions): object {
  if (action === 'retry') return { revision: newest === true ? 'newest' : 'same' };
  if (action === 'cancel') return { undo: undo === true };
  return (action === 'skip' || action === 'resume') && step !== undefined ? { step } : {};
}

const WORDS: Readonly<Record<string, string>> = {
  safe: 'run again safely',
  'looked-up': 'are looked up first',
  'may-happen-twice': 'may happen twice',
  impossible: 'are left alone: the command makes no sense for them',
};

function describe({ id, action, status, total, plan, rate, reason, progress }: Job): string[] {
  const runs = Object.entries(plan.runs).filter(([, count]) => count > 0);
  return [
    `${id}  ${action} ${total} runs  ${status}${status === 'preview' ? '' : `, ${rate} a second`}${reason === '' ? '' : `: ${reason}`}`,
    ...runs.map(([category, count]) => `  ${String(count).padStart(6)}  ${WORDS[category] ?? category}`),
    ...plan.steps.map(({ step, action: called, category, count, money }) => {
      const sums = Object.entries(money).map(([currency, amount]) => `${amount} ${currency}`);
      return `          ${step}  ${called}  ${count} ${WORDS[category] ?? category}${sums.length === 0 ? '' : `: ${sums.join(', ')}`}`;
    }),
    ...(status === 'preview'
      ? []
      : [
          `  ${Object.entries(progress)
            .filter(([, count]) => count > 0)
            .map(([state, count]) => `${count} ${state}`)
            .join(', ')}`,
        ]),
  ];
}
