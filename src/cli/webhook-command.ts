import type { Command } from 'commander';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly status: string;
  readonly pending: number;
  readonly dead: number;
}

interface ReplayOptions {
  readonly since?: string;
  readonly until?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `kassaflow webhook list|deliveries|replay|send`. */
export function addWebhook(program: Command, context: CommandContext): void {
  const webhook = program.command('webhook').description('events sent to portals, and deliveries of providers');
  webhook
    .command('list')
    .description('list the endpoints of portals, with what waits for each')
    .option('--json', 'print the list as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { items } = await context.api.get<{ items: Endpoint[] }>('/v1/webhook-endpoints');
      context.printer(options).rows(
        items.map((item) => ({ ...item })),
        ['id', 'url', 'status', 'pending', 'dead'],
      );
    });
  webhook
    .command('deliveries')
    .description('list what was sent to an endpoint, the newest first')
    .argument('<endpoint>', 'whk_…')
    .option('--status <status>', 'pending, delivered or dead')
    .option('--json', 'print the list as JSON')
    .action(async (endpoint: string, options: { readonly status?: string; readonly json?: boolean }) => {
      const query = options.status === undefined ? '' : `?status=${encodeURIComponent(options.status)}`;
      const { items } = await context.api.get<{ items: Record<string, unknown>[] }>(`${pathOf(endpoint)}/deliveries${query}`);
      context.printer(options).rows(items, ['id', 'type', 'subject', 'status', 'attempts', 'nextAt', 'problem']);
    });
  webhook
    .command('replay')
    .description('apply a delivery of a provider again (dlv_…), or send events to an endpoint again')
    .argument('<id>', 'dlv_… or whk_…')
    .argument('[delivery]', 'whd_…: this one only')
    .option('--since <time>', 'events from this moment on, RFC 3339')
    .option('--until <time>', 'events before this moment; default: now')
    .option('--all', 'also what was delivered; default: only what was never taken')
    .option('--json', 'print the answer as JSON')
    .action((id: string, delivery: string | undefined, options: ReplayOptions) => replay(context, id, delivery, options));
  webhook
    .command('send')
    .description('send an example to an endpoint now and say what it answered')
    .argument('<endpoint>', 'whk_…')
    .argument('[type]', 'the event whose example is sent', 'payment.completed')
    .option('--json', 'print the answer as JSON')
    .action(async (endpoint: string, type: string, options: { readonly json?: boolean }) => {
      const result = await context.api.post<{ delivered: boolean; answered: number | null; problem: string | null; tookMs: number }>(
        `${pathOf(endpoint)}/test`,
        { type },
      );
      context
        .printer(options)
        .one(result, () => [
          result.delivered ? `taken: ${result.answered ?? ''} in ${result.tookMs} ms` : `not taken: ${result.problem ?? 'no answer'}`,
        ]);
      if (!result.delivered) process.exitCode = 1;
    });
}

async function replay(context: CommandContext, id: string, delivery: string | undefined, options: ReplayOptions): Promise<void> {
  const printer = context.printer(options);
  if (id.startsWith('dlv_')) {
    const entry = await context.api.post<{ status: string }>(`/v1/inbox/${encodeURIComponent(id)}/replay`, {});
    return printer.one(entry, () => [`${id} is in the queue again`]);
  }
  if (delivery !== undefined) {
    const entry = await context.api.post<{ status: string }>(`${pathOf(id)}/deliveries/${encodeURIComponent(delivery)}/replay`, {});
    return printer.one(entry, () => [`${delivery} is sent again`]);
  }
  if (options.since === undefined) throw cliErrors.usage({ option: '--since', problem: 'name a delivery, or the time from which on' });
  const range = { ...(options.until !== undefined && { until: options.until }), status: options.all === true ? 'all' : 'dead' };
  let replayed = 0;
  // The server does 2,000 at a time and says where to go on.
  for (let since: string | null = options.since, before = ''; since !== null && since !== before;) {
    before = since;
    const answer: { replayed: number; nextSince: string | null } = await context.api.post(`${pathOf(id)}/replay`, { ...range, since });
    replayed += answer.replayed;
    since = answer.nextSince;
  }
  printer.one({ replayed }, () => [`${replayed} events are sent again`]);
}

function pathOf(endpoint: string): string {
  return `/v1/webhook-endpoints/${encodeURIComponent(endpoint)}`;
}
