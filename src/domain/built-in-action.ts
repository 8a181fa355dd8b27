import { declined, failed, type ActionSpec, type From, type Outcome, type Schema } from '@kassaflow/plugin-sdk';
import { isKassaflowError } from '../kernel/errors.ts';
import type { ActionCall, Capability } from '../plugin-host/action-call.ts';
import type { BuiltInAction } from '../plugin-host/built-in-actions.ts';

/** For how long our own tables remember the key of an action, in milliseconds: a row that was made is never deleted. */
export const REMEMBERED_MS = 10 * 365 * 86_400_000;

/** The code of an action of the domain, with the types of its schemas. An error of ours becomes an outcome. */
export interface BuiltInCode<I extends Schema, O extends Schema> {
  readonly run: (call: ActionCall, input: From<I>) => Promise<Outcome<From<O>>>;
  readonly lookup?: (call: ActionCall, input: From<I>) => Promise<Outcome<From<O> | undefined>>;
}

/** Puts what an action is and what it does together, for the registry, which knows neither input nor output type. */
export function builtInAction<const I extends Schema, const O extends Schema>(
  spec: ActionSpec<I, O> & { readonly uses?: Capability },
  { run, lookup }: BuiltInCode<I, O>,
): BuiltInAction {
  // The door validates inputs and outputs against the same schemas that these types come from, so the casts lose nothing.
  return {
    spec: spec as unknown as BuiltInAction['spec'],
    run: (call) => orRefusal(() => run(call, call.input as From<I>)),
    ...(lookup && { lookup: (call: ActionCall) => orRefusal(() => lookup(call, call.input as From<I>)) }),
  };
}

/** What the state of things does not allow is an answer that a flow can branch on; what cannot be right is a mistake of the flow. */
async function orRefusal<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<Readonly<Record<string, unknown>> & T>> {
  try {
    return (await work()) as Outcome<Readonly<Record<string, unknown>> & T>;
  } catch (error) {
    if (!isKassaflowError(error) || error.spec.status >= 500) throw error;
    return error.spec.status === 409 ? declined(error.code, error.message) : failed('input', error.message, { code: error.code });
  }
}
