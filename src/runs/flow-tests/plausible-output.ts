/**
 * What an action answers when a test does not say: a success, made from what the action declares.
 *
 * The same call gives the same answer every time. An output field takes, in this order: the id of the subject that it is
 * named after; the input of the same name; the action's own sample; a word of its list that means success; else the plainest value
 * of its kind.
 */
import type { Field } from '@kassaflow/plugin-sdk';
import type { ActionWord } from '../../flows/language/vocabulary.ts';
import type { Data } from './flow-test.ts';
import { madeBy } from './simulated-changes.ts';
import { isSubject, type SimulatedWorld } from './simulated-world.ts';

const SUCCESS = ['completed', 'ok', 'sent', 'approved', 'active', 'paid', 'done', 'pending'];
const PLAIN_DATE = '2026-11-23';

export function plausibleOutput(action: ActionWord, input: Data, world: SimulatedWorld): Data {
  const noun = madeBy(action.name);
  const made = noun && world.newIdOf(noun);
  const sample = action.sample ?? {};
  return Object.fromEntries(
    Object.entries(action.output.properties).map(([name, field]) => {
      if (field.type === 'string') {
        if (made !== undefined && (name === noun || name === 'id')) return [name, made];
        const subject = isSubject(name) ? world.current(name) : undefined;
        if (subject) return [name, subject['id']];
      }
      if (name in input && sameKind(action.input.properties[name], field)) return [name, input[name]];
      return [name, name in sample ? sample[name] : plainValue(name, field)];
    }),
  );
}

function sameKind(one: Field | undefined, other: Field): boolean {
  return one?.type === other.type && one.format === other.format;
}

function plainValue(name: string, field: Field): unknown {
  if (field.default !== undefined) return field.default;
  if (field.enum) return SUCCESS.find((word) => field.enum?.includes(word)) ?? field.enum[0];
  switch (field.type) {
    case 'string':
      return plainText(name, field);
    case 'integer':
    case 'number':
      return field.minimum ?? 0;
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      if (field.format === 'money') return { amount: '10.00', currency: 'EUR' };
      return Object.fromEntries(Object.entries(field.properties ?? {}).map(([inner, one]) => [inner, plainValue(inner, one)]));
  }
}

function plainText(name: string, { format, minLength = 0, maxLength }: Field): string {
  switch (format) {
    case 'email':
      return 'someone@example.com';
    case 'uri':
      return 'https://example.com/';
    case 'date':
      return PLAIN_DATE;
    case 'date-time':
      return `${PLAIN_DATE}T09:00:00.000Z`;
    case 'phone':
      return '+31600000000';
    default:
      return name.padEnd(minLength, '0').slice(0, maxLength);
  }
}
