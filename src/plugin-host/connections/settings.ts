/** Splits a connection's settings into what may be shown and what is sealed, by the plugin's schema. */
import type { Schema } from '@kassaflow/plugin-sdk';
import type { FieldProblem } from '../../kernel/errors.ts';
import { compileSchema, withDefaults, type Validator } from '../schema-validator.ts';
import { connectionErrors } from './connection-errors.ts';

export type Settings = Readonly<Record<string, unknown>>;

export interface SplitSettings {
  readonly plain: Settings;
  readonly secret: Settings;
}

const compiled = new WeakMap<Schema, Validator>();

/** Checks settings as a whole and splits them. @throws connection.settings with the place; never with a value */
export function splitSettings(schema: Schema, given: Settings): SplitSettings {
  const settings = withDefaults(schema, given);
  const problem = validatorOf(schema)(settings);
  if (problem) {
    const at: FieldProblem = { pointer: `/settings${problem.pointer}`, code: 'connection.settings', detail: problem.message };
    throw connectionErrors.settings({ at: problem.pointer || '/', problem: problem.message }).with([at]);
  }
  const isSecret = ([name]: readonly [string, unknown]): boolean => schema.properties[name]?.['x-secret'] === true;
  const entries = Object.entries(settings);
  return { plain: Object.fromEntries(entries.filter((entry) => !isSecret(entry))), secret: Object.fromEntries(entries.filter(isSecret)) };
}

/** Which secrets are set, without what they are: `{apiKey: true}`. */
export function secretsSet(schema: Schema, sealedNames: readonly string[]): Readonly<Record<string, boolean>> {
  const names = Object.entries(schema.properties).filter(([, field]) => field['x-secret'] === true);
  return Object.fromEntries(names.map(([name]) => [name, sealedNames.includes(name)]));
}

function validatorOf(schema: Schema): Validator {
  let validate = compiled.get(schema);
  if (!validate) {
    validate = compileSchema(schema);
    compiled.set(schema, validate);
  }
  return validate;
}
