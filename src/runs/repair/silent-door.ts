import { ActionDoor, type ActionManifest } from '../../plugin-host/action-call.ts';

/** What a recording keeps of an action's manifest: enough to decide about repeats as it was decided then. */
export type RecordedAction = Pick<ActionManifest, 'name' | 'plugin' | 'effect' | 'keyTtlMs' | 'movesMoney' | 'timeoutMs'>;

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

/** What a recording keeps of these manifests. */
export function recordedActions(manifests: readonly ActionManifest[], names: ReadonlySet<string>): readonly RecordedAction[] {
  return manifests
    .filter(({ name }) => names.has(name))
    .map(({ name, plugin, effect, keyTtlMs, movesMoney, timeoutMs }) => ({
      name,
      plugin,
      effect,
      ...(keyTtlMs !== undefined && { keyTtlMs }),
      ...(movesMoney !== undefined && { movesMoney }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    }));
}
