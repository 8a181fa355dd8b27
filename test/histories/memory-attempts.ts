import type { Outcome } from '@kassaflow/plugin-sdk';
import { Died, type DeskCalls } from '../desks/desk-calls.ts';
import type { Trouble } from './history.ts';
import type { PlantedBug } from './planted-bug.ts';
import { strike } from './trouble.ts';

type Operation = 'create' | 'capture' | 'cancel' | 'refund';

const BACK_OFF_MS = [1, 5, 30, 120].map((minutes) => minutes * 60_000);
/** As `ResolveAttempts` has it. */
const SAFE_PART_OF_MEMORY = 0.8;

/** The attempts of one payment to change something: written down, sent, and sent again under the same key, as `payment-attempts.ts` says. */
export class MemoryAttempts {
  readonly #calls: DeskCalls;
  readonly #reference: string;
  readonly #bug: PlantedBug | undefined;
  readonly #numbers = new Map<Operation, number>();

  constructor(calls: DeskCalls, reference: string, bug: PlantedBug | undefined) {
    this.#calls = calls;
    this.#reference = reference;
    this.#bug = bug;
  }

  /** @returns the answer; `too-late` when the provider may have forgotten the key before there was one */
  async send<T>(operation: Operation, input: object, trouble: Trouble): Promise<Outcome<T> | 'too-late'> {
    const { desk } = this.#calls;
    const startedAt = desk.now();
    const number = (this.#numbers.get(operation) ?? 0) + 1;
    this.#numbers.set(operation, number);
    const key = `${this.#reference}:${operation}:${number}`;
    strike(this.#calls, trouble);
    let outcome = await this.#once<T>(operation, input, key, 1);
    desk.faults.clear();
    if (trouble === 'forgotten') await desk.advance(SAFE_PART_OF_MEMORY * (await this.#calls.keyTtlMs()) + 60_000);
    for (let tries = 2; outcome.kind === 'unknown'; tries += 1) {
      if (tries > 8) throw new Error(`${key} never came to an end: ${outcome.message}`);
      await desk.advance(BACK_OFF_MS[tries - 2] ?? 86_400_000);
      if (desk.now() - startedAt > SAFE_PART_OF_MEMORY * (await this.#calls.keyTtlMs())) return 'too-late';
      outcome = repeated(await this.#once<T>(operation, input, this.#bug === 'new-key' ? `${key}:${tries}` : key, tries));
    }
    return outcome;
  }

  async #once<T>(operation: Operation, input: object, idempotencyKey: string, attempt: number): Promise<Outcome<T>> {
    const method = `payments.${operation}` as const;
    try {
      return await this.#calls.call<T>({ tenantId: '', connectionId: '', method, input, idempotencyKey, attempt, timeoutMs: 15_000 });
    } catch (error) {
      if (error instanceof Died) return { kind: 'unknown', message: error.message };
      throw error;
    }
  }
}

/** A repeat that was not carried out says nothing about the call before it. */
function repeated<T>(outcome: Outcome<T>): Outcome<T> {
  if (outcome.kind !== 'failed' || outcome.reason === 'input' || outcome.reason === 'permanent') return outcome;
  return { kind: 'unknown', message: outcome.message };
}
