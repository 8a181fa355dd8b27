import type { ActionWord } from '../../flows/language/vocabulary.ts';
import { ActionDoor, type ActionManifest } from '../../plugin-host/action-call.ts';

/** What a recording keeps of an action's manifest: enough to read the flow again and to decide about repeats as it was decided then. */
export type RecordedAction = ActionWord & Partial<Pick<ActionManifest, 'timeoutMs'>>;

/** A door behind which nobody is: it knows the actions, and no call is ever answered. */
export class SilentDoor extends ActionDoor {
  readonly #manifests: readonly ActionManifest[];

  constructor(actions: readonly RecordedAction[]) {
    super();
    // Steps ask a manifest for nothing but what a recorded one has.
    this.#manifests = actions as readonly ActionManifest[];
  }

  override manifests(): readonly ActionManifest[] {
    return this.#manifests;
  }

  override resolveConnection(): Promise<never> {
    return NEVER;
  }

  override invoke(): Promise<never> {
    return NEVER;
  }

  override lookup(): Promise<never> {
    return NEVER;
  }
}

const NEVER = new Promise<never>(() => undefined);

const KEPT = [
  'name',
  'title',
  'about',
  'input',
  'output',
  'effect',
  'plugin',
  'movesMoney',
  'undo',
  'uses',
  'keyTtlMs',
  'timeoutMs',
] as const satisfies readonly (keyof RecordedAction)[];

/** What a recording keeps of those actions whose name occurs in the text of its flow. */
export function recordedActions(manifests: readonly ActionManifest[], source: string): readonly RecordedAction[] {
  return manifests
    .filter(({ name }) => source.includes(name))
    .map((manifest) => Object.fromEntries(KEPT.map((field) => [field, manifest[field]])) as unknown as RecordedAction); // the fields named above
}
