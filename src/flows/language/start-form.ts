/** What a flow takes when a person or another flow starts it, in the words of the inputs of actions. */
import type { Field, Schema } from '@kassaflow/plugin-sdk';
import type { FlowSyntax } from './syntax.ts';
import { entryOf, guessed, type YamlMap, type YamlNode } from './yaml/node.ts';

const TEXT: Field = { type: 'string' };

/** By `type:` of an input. Subjects are named by their ids. */
const FIELDS: Readonly<Record<string, Field>> = {
  text: TEXT,
  number: { type: 'number' },
  money: { type: 'object', format: 'money' },
  phone: TEXT,
  email: TEXT,
  date: TEXT,
  'yes-no': { type: 'boolean' },
  customer: TEXT,
  invoice: TEXT,
  invoices: { type: 'array', items: TEXT },
  payment: TEXT,
  subscription: TEXT,
};

/** `null` for a flow without `on: { manual: … }`: only events and schedules start it. Several such triggers are one form. */
export function startForm({ triggers }: FlowSyntax): Schema | null {
  const forms = triggers.flatMap((trigger) => (trigger.kind === 'manual' ? [trigger.inputs] : []));
  if (forms.length === 0) return null;
  const inputs = forms.flatMap(({ entries }) => entries);
  return {
    type: 'object',
    properties: Object.fromEntries(inputs.map(({ key, value }) => [key, fieldOf(value)])),
    required: inputs.filter(({ value }) => value.kind === 'map' && isNeeded(value)).map(({ key }) => key),
  };
}

/** What is described wrongly was reported where it stands, and is no reason to say something about a caller. */
function fieldOf(input: YamlNode): Field {
  if (input.kind !== 'map') return TEXT;
  const type = textOf(entryOf(input, 'type')?.value);
  const choices = entryOf(input, 'choices')?.value;
  if (type !== 'choice') return FIELDS[type] ?? TEXT;
  return { ...TEXT, ...(choices?.kind === 'list' && { enum: choices.items.map(textOf) }) };
}

function isNeeded(input: YamlMap): boolean {
  const optional = entryOf(input, 'optional')?.value;
  return !entryOf(input, 'default') && !(optional && guessed(optional) === true);
}

function textOf(node: YamlNode | undefined): string {
  return node?.kind === 'scalar' ? node.text : '';
}
