import { isRecord } from '../kernel/record.ts';
import type { Command } from 'commander';
import type { GuardRules } from '../guards/guard-rules.ts';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import { jsonFrom } from './flow-files.ts';
import { parseJson } from './parse-json.ts';

interface Guards {
  readonly version: number;
  readonly own: Draft;
  readonly rules: GuardRules;
}

/** What a tenant says itself; the server knows which names there are. */
type Draft = Readonly<Record<string, unknown>>;

const SETTING = '<path>=<value>, for example messages.perReceiver.cap=3 or charges.perInvoice=default';

/** `kassaflow guards show|set`. */
export function addGuards(program: Command, context: CommandContext): void {
  const guards = program.command('guards').description('caps on messages and charges, and budgets');
  guards
    .command('show')
    .description('show what holds for the tenant, and what of it the tenant has set')
    .option('--json', 'print it as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const found = await context.api.get<Guards>('/v1/guards');
      context.printer(options).one(found, () => lines(found));
    });
  guards
    .command('set')
    .description('change caps and budgets; what is not named stays as it is')
    .argument('[settings...]', `${SETTING}; budgets takes a list as JSON`)
    .option('--file <file>', 'a JSON file with everything that the tenant says, in place of what it said')
    .option('--json', 'print the answer as JSON')
    .action(async (settings: readonly string[], { file, json }: { readonly file?: string; readonly json?: boolean }) => {
      if (settings.length === 0 && file === undefined) throw cliErrors.usage({ problem: `write ${SETTING}, or --file` });
      const before = await context.api.get<Guards>('/v1/guards');
      const start = file === undefined ? before.own : draftFrom(file);
      const own = settings.reduce(changed, start);
      // Refused when somebody else has changed them since they were read.
      const after = await context.api.put<Guards>('/v1/guards', own, { 'if-match': `"${before.version}"` });
      context.printer({ json }).one(after, () => lines(after));
    });
}

function draftFrom(file: string): Draft {
  const draft = jsonFrom(file);
  if (!isRecord(draft)) throw cliErrors.usage({ option: '--file', problem: 'the file must hold a JSON object' });
  return draft;
}

function changed(draft: Draft, setting: string): Draft {
  const [, path, text] = /^([a-zA-Z]+(?:\.[a-zA-Z]+)*)=(.+)$/s.exec(setting) ?? [];
  if (path === undefined || text === undefined) throw cliErrors.usage({ problem: `write ${SETTING}`, found: setting.slice(0, 100) });
  return withValue(draft, path.split('.'), valueOf(text));
}

/** `undefined` for the default. */
function valueOf(text: string): unknown {
  if (text === 'default') return undefined;
  if (/^[[{]/.test(text)) return parseJson('budgets', text);
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : text;
}

function withValue(draft: Draft, [name = '', ...inner]: readonly string[], value: unknown): Draft {
  if (inner.length === 0 && value === undefined) return Object.fromEntries(Object.entries(draft).filter(([key]) => key !== name));
  const own = draft[name];
  return { ...draft, [name]: inner.length === 0 ? value : withValue(isRecord(own) ? own : {}, inner, value) };
}

function lines({ version, own, rules }: Guards): string[] {
  const caps = (['messages', 'charges'] as const).flatMap((group) =>
    Object.entries(rules[group]).map(([name, rule]) => {
      const words = Object.entries(rule).map(([key, value]) => `${key} ${value}`);
      const said = own[group];
      return `${`${group}.${name}`.padEnd(22)}  ${words.join(', ')}${isRecord(said) && name in said ? '' : '  (default)'}`;
    }),
  );
  const budgets = rules.budgets.map(({ name, of, target, action, per, calls, money, whenReached }) => {
    const what = money ? `${money.amount} ${money.currency}` : `${calls} calls`;
    return `budget ${name.padEnd(15)}  ${what} per ${per} of ${target === undefined ? 'the tenant' : `${of}/${target}`}${action === undefined ? '' : `, ${action}`}, whenReached ${whenReached}`;
  });
  return [version === 0 ? 'everything is as the defaults have it' : `version ${version}`, ...caps, ...budgets];
}
