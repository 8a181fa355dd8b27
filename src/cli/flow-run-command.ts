import type { Command } from 'commander';
import type { Field, Schema } from '@kassaflow/plugin-sdk';
import { Diagnostics } from '../flows/language/diagnostic.ts';
import { readFlow } from '../flows/language/read/read-flow.ts';
import { startForm } from '../flows/language/start-form.ts';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import { parseJson } from './parse-json.ts';

interface Options {
  readonly input: readonly string[];
  readonly inputs?: string;
  readonly json?: boolean;
}

interface StartedRun {
  readonly id: string;
  readonly status: string;
}

/** `kassaflow flow run`: under the group `flow`. */
export function addFlowRun(flow: Command, context: CommandContext): void {
  flow
    .command('run')
    .description('start a flow by hand; it needs a trigger  manual')
    .argument('<name>', 'name of a published flow')
    .option(
      '--input <name=value>',
      'one input, as its type is written: 12.50 EUR, yes, inv_…,inv_…',
      (value, all) => [...all, value],
      [] as readonly string[],
    )
    .option('--inputs <json>', 'inputs as one JSON object')
    .option('--json', 'print the run as JSON')
    .action(async (name: string, options: Options) => {
      const given = options.inputs === undefined ? {} : inputsFrom(options.inputs);
      const form = options.input.length > 0 ? await formOf(context, name) : undefined;
      const inputs = { ...given, ...Object.fromEntries(options.input.map((input) => readInput(input, form))) };
      const run = await context.api.post<StartedRun>('/v1/runs', { flow: name, inputs });
      context.printer(options).one(run, () => [run.id]);
    });
}

function inputsFrom(json: string): object {
  const inputs = parseJson('--inputs', json);
  if (typeof inputs !== 'object' || inputs === null || Array.isArray(inputs))
    throw cliErrors.usage({ option: '--inputs', problem: 'write an object: {"name": "value"}' });
  return inputs;
}

/** What the flow takes, by its text: that says how a value is meant. */
async function formOf({ api }: CommandContext, name: string): Promise<Schema | undefined> {
  const { source } = await api.get<{ source: string }>(`/v1/flows/${encodeURIComponent(name)}`);
  const flow = readFlow(source, new Diagnostics(source));
  return (flow && startForm(flow)) ?? undefined;
}

function readInput(input: string, form: Schema | undefined): readonly [string, unknown] {
  const [, name, text] = /^([a-z][a-zA-Z0-9_]*)=(.*)$/s.exec(input) ?? [];
  if (name === undefined || text === undefined)
    throw cliErrors.usage({ option: '--input', problem: 'write name=value', found: input.slice(0, 100) });
  return [name, valueOf(text, form && Object.hasOwn(form.properties, name) ? form.properties[name] : undefined)];
}

/** Whatever does not look like a value of its type goes as the text it is: the server says what is wrong with it. */
function valueOf(text: string, field: Field | undefined): unknown {
  if (field?.format === 'money') {
    const [, amount, currency] = /^(\S+) ?([A-Z]{3})$/.exec(text) ?? [];
    return amount === undefined ? text : { amount, currency };
  }
  switch (field?.type) {
    case 'number':
      return /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text;
    case 'boolean':
      return { yes: true, true: true, no: false, false: false }[text] ?? text;
    case 'array':
      return text.split(',').map((one) => one.trim());
    default:
      return text;
  }
}
