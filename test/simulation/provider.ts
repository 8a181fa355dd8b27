/**
 * The provider: it does what it is asked, once per key for as long as it remembers the key, and keeps a book of every effect. When it
 * answers, and whether the answer comes through, is up to the schedule.
 */
import type { ActionCall, ActionManifest } from '../../src/plugin-host/action-call.ts';
import { manifest } from '../../src/runs/conformance/provider.ts';
import type { LookupOutcome, StepOutcome } from '../../src/runs/journal-entry.ts';

const HOUR_MS = 3_600_000;

/** `sim.short` is the one whose key is soon forgotten, `sim.again` the one that flows send again without knowing. */
export const MANIFESTS: readonly ActionManifest[] = [
  manifest('sim.keyed', 'keyed', { keyTtlMs: 24 * HOUR_MS }),
  manifest('sim.short', 'keyed', { keyTtlMs: HOUR_MS }),
  manifest('sim.lookup', 'lookup'),
  manifest('sim.once', 'once'),
  manifest('sim.again', 'once'),
  manifest('sim.read', 'read'),
];

const CLASS = new Map(MANIFESTS.map(({ name, effect, keyTtlMs }) => [name, { effect, keyTtlMs: keyTtlMs ?? 0 }]));

/** Something that happened in the world. */
export interface Effect {
  readonly run: string;
  readonly step: string;
  readonly action: string;
  readonly key: string;
}

interface Remembered {
  readonly outcome: StepOutcome;
  readonly input: string;
  readonly until: number;
}

export class SimulatedProvider {
  readonly effects: Effect[] = [];
  /** Keys that came with two inputs. */
  readonly confused: string[] = [];
  readonly #keys = new Map<string, Remembered>();
  readonly #done = new Set<string>();

  /** Carries out `call`, unless it is known. */
  perform(call: ActionCall, now: number): StepOutcome {
    const { effect, keyTtlMs } = CLASS.get(call.action) ?? { effect: 'once', keyTtlMs: 0 };
    if (effect === 'read') return DONE;
    if (effect !== 'keyed') return this.#happen(call);
    return this.#remembered(call, now) ?? this.#remember(call, now, keyTtlMs, this.#happen(call));
  }

  /** Refuses for good, unless the call is known to have been carried out. */
  decline(call: ActionCall, now: number): StepOutcome {
    const { effect, keyTtlMs } = CLASS.get(call.action) ?? { effect: 'once', keyTtlMs: 0 };
    if (effect !== 'keyed') return DECLINED;
    return this.#remembered(call, now) ?? this.#remember(call, now, keyTtlMs, DECLINED);
  }

  lookup({ idempotencyKey }: ActionCall): LookupOutcome {
    return this.#done.has(idempotencyKey) ? DONE : ABSENT;
  }

  #remembered(call: ActionCall, now: number): StepOutcome | undefined {
    const known = this.#keys.get(call.idempotencyKey);
    if (!known || known.until < now) return undefined;
    if (known.input !== JSON.stringify(call.input)) this.confused.push(call.idempotencyKey);
    return known.outcome;
  }

  #remember(call: ActionCall, now: number, keyTtlMs: number, outcome: StepOutcome): StepOutcome {
    this.#keys.set(call.idempotencyKey, { outcome, input: JSON.stringify(call.input), until: now + keyTtlMs });
    return outcome;
  }

  #happen({ runId, step, action, idempotencyKey }: ActionCall): StepOutcome {
    this.effects.push({ run: runId, step, action, key: idempotencyKey });
    this.#done.add(idempotencyKey);
    return DONE;
  }
}

const DONE: StepOutcome & LookupOutcome = { kind: 'ok', value: {}, reference: '' };
const ABSENT: LookupOutcome = { kind: 'ok', value: undefined, reference: '' };
const DECLINED: StepOutcome = { kind: 'declined', code: 'no-money', message: 'Not enough money' };
