import type { ActionSpec, Outcome } from '@kassaflow/plugin-sdk';
import { defineErrors } from '../kernel/errors.ts';
import type { ActionCall, Capability } from './action-call.ts';

/** An action of the core itself (`credit.add`): the same contract as a plugin's, run in this process behind the same door. */
export interface BuiltInAction {
  readonly spec: ActionSpec & { readonly uses?: Capability };
  run(call: ActionCall, signal: AbortSignal): Promise<Outcome<Readonly<Record<string, unknown>>>>;
  lookup?(call: ActionCall, signal: AbortSignal): Promise<Outcome<Readonly<Record<string, unknown>> | undefined>>;
}

const builtInErrors = defineErrors('built-in-action', {
  duplicate: { status: 500, title: 'Two built-in actions have the same name', remedy: 'never' },
});

/** Where modules of the core offer their actions at start, so that flows can call them by name without an import. */
export class BuiltInActions {
  readonly #actions = new Map<string, BuiltInAction>();
  #all: readonly BuiltInAction[] = [];

  /** @throws built-in-action.duplicate */
  offer(...actions: readonly BuiltInAction[]): void {
    for (const action of actions) {
      if (this.#actions.has(action.spec.name)) throw builtInErrors.duplicate({ name: action.spec.name });
      this.#actions.set(action.spec.name, action);
    }
    this.#all = [...this.#actions.values()];
  }

  find(name: string): BuiltInAction | undefined {
    return this.#actions.get(name);
  }

  /** The same list until one more is offered. */
  all(): readonly BuiltInAction[] {
    return this.#all;
  }
}
