import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { SettlementSubject } from '../events/catalogue/subjects.ts';
import type { WireMoney } from '../kernel/money.ts';
import type { CommandContext } from './command-context.ts';

interface Import {
  readonly id: string;
  readonly status: string;
  readonly from: string;
  readonly to: string;
  readonly problem: string | null;
}

interface Listed {
  readonly connection?: string;
  readonly status?: string;
  readonly json?: boolean;
}

/** `kassaflow settlement list|lines|import|imports`. */
export function addSettlement(program: Command, context: CommandContext): void {
  const settlement = program.command('settlement').description('what providers paid out, line by line');
  settlement
    .command('list')
    .description('list settlements, the newest first')
    .option('--connection <name>', 'of this connection only')
    .option('--status <status>', 'open, paid or unbalanced')
    .option('--json', 'print the list as JSON')
    .action(async (options: Listed) => {
      const { items } = await context.api.get<{ items: SettlementSubject[] }>(`/v1/settlements${queryOf(options)}`);
      context.printer(options).rows(
        items.map((item) => (options.json === true ? { ...item } : shown(item))),
        ['id', 'connection', 'providerId', 'status', 'day', 'amount', 'fees', 'difference', 'unexplained'],
      );
    });
  settlement
    .command('lines')
    .description('list the lines of a settlement, at most 200')
    .argument('<settlement>', 'set_…')
    .option('--json', 'print the list as JSON')
    .action(async (id: string, options: { readonly json?: boolean }) => {
      const path = `/v1/settlements/${encodeURIComponent(id)}/lines?limit=200`;
      const { items } = await context.api.get<{ items: Record<string, unknown>[] }>(path);
      context.printer(options).rows(items, ['ledgerDate', 'kind', 'providerType', 'gross', 'fee', 'net', 'explained', 'payment']);
    });
  settlement
    .command('import')
    .description('read days of a provider now; days that were read before are read again')
    .argument('<connection>', 'name or id')
    .argument('<from>', 'a day of the provider’s calendar: 2026-11-30')
    .argument('[to]', 'the last day; default: only the first')
    .option('--json', 'print the answer as JSON')
    .action(async (connection: string, from: string, to: string | undefined, options: { readonly json?: boolean }) => {
      const wish = { connection, from, ...(to !== undefined && { to }) };
      const made = await context.api.post<Import>('/v1/settlements/import', wish, { idempotencyKey: randomUUID() });
      context.printer(options).one({ ...made }, () => [`${made.id} is ${made.status}: kassaflow settlement imports`]);
    });
  settlement
    .command('imports')
    .description('list what was read and what waits for a provider, the newest first')
    .option('--connection <name>', 'of this connection only')
    .option('--json', 'print the list as JSON')
    .action(async (options: Listed) => {
      const { items } = await context.api.get<{ items: Import[] }>(`/v1/settlements/imports${queryOf(options)}`);
      context.printer(options).rows(
        items.map((item) => ({ ...item })),
        ['id', 'origin', 'from', 'to', 'status', 'lines', 'problem', 'nextAt'],
      );
    });
}

function shown({ ledgerDate: day, amount, fees, difference, unexplained, ...item }: SettlementSubject): Record<string, unknown> {
  return { ...item, day, amount: textOf(amount), fees: textOf(fees), difference: textOf(difference), unexplained: textOf(unexplained) };
}

function textOf({ amount, currency }: WireMoney): string {
  return `${amount} ${currency}`;
}

function queryOf({ connection, status }: Listed): string {
  const query = new URLSearchParams({ ...(connection !== undefined && { connection }), ...(status !== undefined && { status }) });
  return query.size === 0 ? '' : `?${query.toString()}`;
}
