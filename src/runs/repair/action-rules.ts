import type { ActionDoor, ActionManifest } from '../../plugin-host/action-call.ts';
import type { ActionRules } from './run-plan.ts';

/** What the actions that are there now say about repeating them; of several plugins with one action, the most careful. */
export class ActionRulesOf {
  readonly #byName: Map<string, ActionManifest[]>;

  constructor(door: ActionDoor) {
    this.#byName = Map.groupBy(door.manifests(), ({ name }) => name);
  }

  readonly of = (action: string, plugin: string | undefined): ActionRules | undefined => {
    const all = this.#byName.get(action) ?? [];
    const own = all.filter((manifest) => manifest.plugin === plugin);
    const meant = own.length > 0 ? own : all;
    const [first] = meant;
    if (!first) return undefined;
    return {
      effect: meant.every(({ effect }) => effect === first.effect) ? first.effect : 'once',
      keyTtlMs: Math.min(...meant.map(({ keyTtlMs }) => keyTtlMs ?? 0)),
      movesMoney: meant.some(({ movesMoney }) => movesMoney === true),
      // A message is claimed by its fact before it leaves, so a retry finds that it was sent (src/guards/fact.ts).
      oncePerFact: meant.every(({ guards }) => guards?.message !== undefined),
    };
  };
}
