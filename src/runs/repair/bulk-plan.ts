/** The preview of a bulk job: what it would do, counted over all of its runs. */
import { decimal, type Money } from '../../kernel/money.ts';
import type { CommandKind } from '../run-engine.ts';
import type { Category, Repeat, RunPlan } from './run-plan.ts';

/** What a bulk job can do to its runs. */
export type BulkAction = Extract<CommandKind, 'cancel' | 'retry' | 'skip' | 'resume' | 'move'>;

/** One step of the flow, and how many runs would do it again in the same way. As it goes over the wire and into the table. */
export interface PlannedStep {
  readonly step: string;
  readonly action: string;
  readonly category: Repeat;
  readonly count: number;
  /** Sums per currency of what these steps would move. */
  readonly money: Readonly<Record<string, string>>;
}

export interface BulkPlan {
  /** Runs by the worst that can happen to them. */
  readonly runs: Readonly<Record<Category, number>>;
  readonly steps: readonly PlannedStep[];
}

/** Steps in a preview; a selection over more flows than this shows those that count most. */
const MOST_STEPS = 200;

/** Adds the plans of single runs up. */
export class BulkPlanSum {
  readonly #runs: Record<Category, number> = { safe: 0, 'looked-up': 0, 'may-happen-twice': 0, impossible: 0 };
  readonly #steps = new Map<string, { step: string; action: string; category: Repeat; count: number; money: Map<string, bigint> }>();

  add({ category, steps }: RunPlan): void {
    this.#runs[category] += 1;
    for (const { step, action, repeat, money } of steps) {
      const key = JSON.stringify([step, action, repeat]);
      const sum = this.#steps.get(key) ?? { step, action, category: repeat, count: 0, money: new Map<string, bigint>() };
      this.#steps.set(key, sum);
      sum.count += 1;
      if (money) sum.money.set(money.currency, (sum.money.get(money.currency) ?? 0n) + money.minor);
    }
  }

  get plan(): BulkPlan {
    const steps = [...this.#steps.values()].toSorted((a, b) => b.count - a.count).slice(0, MOST_STEPS);
    return { runs: { ...this.#runs }, steps: steps.map(({ money, ...step }) => ({ ...step, money: shown(money) })) };
  }
}

/** A sum may be larger than any amount of money that is paid at once, so it is no `Money` but its digits. */
function shown(sums: ReadonlyMap<string, bigint>): Readonly<Record<string, string>> {
  // `decimal` reads the two fields alone.
  return Object.fromEntries([...sums].map(([currency, minor]) => [currency, decimal({ minor, currency } as Money)]));
}
