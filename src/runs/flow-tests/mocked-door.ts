/**
 * The door of a test: every action of the vocabulary, with the outcomes that the test gives it, and no effect outside.
 *
 * As the real door it checks the input first, so a call that would be refused in earnest is refused here. An action that
 * the test says nothing about succeeds with a plausible output, also one that moves money: nothing leaves the process.
 */
import { failed, ok, type Field } from '@kassaflow/plugin-sdk';
import { ActionDoor, type ActionCall, type ActionManifest, type ChosenConnection } from '../../plugin-host/action-call.ts';
import { compileSchema, withDefaults, type Validator } from '../../plugin-host/schema-validator.ts';
import type { ActionWord, Vocabulary } from '../../flows/language/vocabulary.ts';
import type { LookupOutcome, StepOutcome } from '../journal-entry.ts';
import type { Data, MockAnswer } from './flow-test.ts';
import { plausibleOutput } from './plausible-output.ts';
import { afterAction } from './simulated-changes.ts';
import type { SimulatedWorld } from './simulated-world.ts';
import { mergedData } from './typed-value.ts';

export interface MockedDoorParts {
  readonly vocabulary: Vocabulary;
  readonly world: SimulatedWorld;
  /** The next answer for a call, by the test; `undefined` for the plausible one. */
  readonly answer: (call: ActionCall) => MockAnswer | undefined;
  readonly now: () => Date;
}

const A_DAY_MS = 86_400_000;

export class MockedDoor extends ActionDoor {
  /** What has happened, by idempotency key: a repeat finds it, as with a provider that honours keys. */
  readonly #effects = new Map<string, Data>();

  constructor(private readonly parts: MockedDoorParts) {
    super();
  }

  override manifests(): readonly ActionManifest[] {
    return manifestsOf(this.parts.vocabulary);
  }

  override resolveConnection(): Promise<ChosenConnection | undefined> {
    return Promise.resolve(undefined);
  }

  override invoke(call: ActionCall): Promise<StepOutcome> {
    return Promise.resolve(this.#outcome(call));
  }

  override lookup({ idempotencyKey }: ActionCall): Promise<LookupOutcome> {
    return Promise.resolve(ok(this.#effects.get(idempotencyKey)));
  }

  #outcome(call: ActionCall): StepOutcome {
    const action = actionsOf(this.parts.vocabulary).get(call.action);
    if (!action) return failed('permanent', `There is no action ${call.action}`, { code: 'action.unknown' });
    const input = withDefaults(action.input, call.input);
    const problem = checksOf(action.input)(input);
    if (problem) return failed('input', `${problem.pointer.slice(1) || 'The input'} ${problem.message}`, { code: 'action.input' });
    const answer = this.parts.answer(call) ?? { kind: 'ok', value: {} };
    switch (answer.kind) {
      case 'ok':
        return ok(this.#happen(call, action, input, answer.value));
      case 'declined':
        return { kind: 'declined', code: answer.code, message: answer.message };
      case 'failed':
        return failed(answer.reason, answer.message, answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs });
      case 'unknown':
        if (answer.done) this.#happen(call, action, input, {});
        return { kind: 'unknown', message: answer.message };
    }
  }

  #happen({ idempotencyKey }: ActionCall, action: ActionWord, input: Data, said: Data): Data {
    const before = this.#effects.get(idempotencyKey);
    if (before) return before;
    const { world, now } = this.parts;
    const output = mergedData(plausibleOutput(action, input, world), said);
    this.#effects.set(idempotencyKey, output);
    afterAction(world, action.name, input, output, now());
    return output;
  }
}

/** What is wrong with `value` as an output of `action`; `undefined` when it fits. */
export function outputProblem(action: ActionWord, value: Data): string | undefined {
  const problem = checksOf(action.output)(value);
  return problem && `${problem.pointer.slice(1).replaceAll('/', '.') || 'the answer'} ${problem.message}`;
}

/** The actions of a vocabulary by name; the first of several plugins that offer one. */
export function actionsOf({ actions }: Vocabulary): ReadonlyMap<string, ActionWord> {
  const known = byName.get(actions) ?? new Map(actions.toReversed().map((action) => [action.name, action]));
  byName.set(actions, known);
  return known;
}

function manifestsOf({ actions }: Vocabulary): readonly ActionManifest[] {
  const known = manifests.get(actions) ?? actions.map((word) => ({ keyTtlMs: A_DAY_MS, sample: {}, ...word }));
  manifests.set(actions, known);
  return known;
}

function checksOf(field: Field): Validator {
  const known = checks.get(field) ?? compileSchema(field);
  checks.set(field, known);
  return known;
}

// Compiling a schema takes milliseconds; a vocabulary serves every test of every file.
const byName = new WeakMap<Vocabulary['actions'], ReadonlyMap<string, ActionWord>>();
const manifests = new WeakMap<Vocabulary['actions'], readonly ActionManifest[]>();
const checks = new WeakMap<Field, Validator>();
