/**
 * A provider behind a door of its own, for the engine's tests: it keeps a book of effects by idempotency key, as real ones do,
 * and answers by a script. It outlives the engine, so a test can count what was observed over any number of crashes.
 */
import type { ActionManifest } from '../../plugin-host/action-call.ts';
import { ActionDoor, type ActionCall, type ChosenConnection } from '../../plugin-host/action-call.ts';
import type { LookupOutcome, StepOutcome } from '../journal-entry.ts';

/** How the provider behaves for one attempt. */
export type Behaviour = (call: ActionCall) => StepOutcome | Promise<StepOutcome>;

export function manifest(name: string, effect: ActionManifest['effect'], more: Partial<ActionManifest> = {}): ActionManifest {
  const schema = { type: 'object', properties: {} } as const;
  return {
    name,
    title: { en: name },
    about: { en: name },
    input: schema,
    output: schema,
    effect,
    keyTtlMs: 86_400_000,
    plugin: 'test',
    sample: {},
    ...more,
  } as unknown as ActionManifest;
}

export class Provider extends ActionDoor {
  /** Calls that arrived, in order. */
  readonly calls: ActionCall[] = [];
  /** Effects by key: what the world saw. A `keyed` action adds nothing for a key that is known. */
  readonly effects = new Map<string, number>();
  readonly lookups: ActionCall[] = [];
  /** What every step is led to. */
  connection: ChosenConnection | undefined;
  /** What the next questions for it throw. */
  readonly away: Error[] = [];
  readonly #scripts = new Map<string, Behaviour[]>();
  readonly #manifests: readonly ActionManifest[];

  constructor(
    manifests: readonly ActionManifest[] = [
      manifest('test.keyed', 'keyed'),
      manifest('test.lookup', 'lookup'),
      manifest('test.once', 'once'),
      manifest('test.read', 'read'),
    ],
  ) {
    super();
    this.#manifests = manifests;
  }

  /** What the next calls of `action` come to; after the last, every call succeeds. */
  script(action: string, ...behaviours: readonly Behaviour[]): void {
    this.#scripts.set(action, [...(this.#scripts.get(action) ?? []), ...behaviours]);
  }

  /** Records the effect of a call as its class has it. */
  happen(call: ActionCall): StepOutcome {
    const keyed = this.#manifests.find(({ name }) => name === call.action)?.effect === 'keyed';
    const before = this.effects.get(call.idempotencyKey) ?? 0;
    this.effects.set(call.idempotencyKey, keyed ? 1 : before + 1);
    return { kind: 'ok', value: { echo: call.input }, reference: call.idempotencyKey.slice(0, 8) };
  }

  /** Steps whose effect happened, in the order of their first call. */
  get done(): readonly string[] {
    return [...new Set(this.calls.filter(({ idempotencyKey }) => this.effects.has(idempotencyKey)).map(({ step }) => step))];
  }

  override manifests(): readonly ActionManifest[] {
    return this.#manifests;
  }

  override async resolveConnection(): Promise<ChosenConnection | undefined> {
    const broken = this.away.shift();
    if (broken) throw broken;
    return this.connection;
  }

  override async invoke(call: ActionCall): Promise<StepOutcome> {
    this.calls.push(call);
    const behaviour = this.#scripts.get(call.action)?.shift();
    return behaviour ? behaviour(call) : this.happen(call);
  }

  override lookup(call: ActionCall): Promise<LookupOutcome> {
    this.lookups.push(call);
    const happened = (this.effects.get(call.idempotencyKey) ?? 0) > 0;
    return Promise.resolve({ kind: 'ok', value: happened ? { found: true } : undefined, reference: '' });
  }
}
