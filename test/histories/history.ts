/** What a history is made of, and how one is drawn from a seed. */
import type { Random } from '../chaos/random.ts';
import { ACTS, can, type Act, type Desk } from '../desks/desk.ts';
import { TOTAL } from './plot.ts';

/**
 * What goes wrong with a call of ours:
 * - `dies`: it is carried out, and our side is dead before the answer comes.
 * - `forgotten`: the same, and we come back after the provider has forgotten the key.
 * - the rest are the fault script's.
 */
export type Trouble = 'none' | 'dies' | 'forgotten' | 'reset-after' | '500-after' | '500-before' | '429' | 'drop';

/** `number`: an amount in minor units, or which of the refunds; it is read modulo what there is. */
export type Step =
  | { readonly do: Act; readonly number: number }
  /** We take held money, give money back, or let go of what is held. */
  | { readonly do: 'capture' | 'refund' | 'cancel'; readonly number: number; readonly trouble: Trouble }
  /** One delivery arrives, all of them twice and shuffled, or one is lost for ever. */
  | { readonly do: 'deliver-one' | 'deliver-all-twice' | 'lose-one'; readonly number: number }
  /** We ask; and what was heard is told late, or a replica that lags tells it as if it were new. */
  | { readonly do: 'look' | 'keep-look' | 'apply-kept' | 'lagging-look' }
  /** Another payment covers a part of an invoice; `which` is read modulo what there is. */
  | { readonly do: 'pay-elsewhere'; readonly number: number; readonly which: number }
  /** The provider settles, and we read what it says. */
  | { readonly do: 'settle' }
  | { readonly do: 'wait'; readonly number: number };

export interface History {
  /** What the payment is for, oldest first; they come to {@link TOTAL}. */
  readonly invoices: readonly number[];
  readonly manual: boolean;
  readonly opening: Trouble;
  readonly steps: readonly Step[];
}

const TROUBLES: readonly Trouble[] = ['none', 'none', 'none', 'dies', 'reset-after', '500-after', '500-before', '429', 'drop'];
const MOST_STEPS = 18;
/** Each costs hours of the provider's clock, in which a payment may run out. */
const MOST_FORGOTTEN = 2;
const MOST_INVOICES = 4;
const ENDS: ReadonlySet<Act> = new Set(['decline', 'abandon', 'expire', 'lapse', 'bounce']);

export function drawHistory(random: Random, desk: Desk): History {
  const acts = ACTS.filter((act) => can(desk, act));
  const steps: Step[] = [];
  const count = random.whole(3, MOST_STEPS);
  const manual = desk.manners.holds === 'always' || (desk.manners.holds === 'when-asked' && random.chance(0.35));
  // Most payments are approved early: nothing much can happen to the others.
  if (random.chance(0.85)) steps.push({ do: can(desk, 'approve-slowly') && random.chance(0.25) ? 'approve-slowly' : 'approve', number: 0 });
  if (manual && random.chance(0.7)) steps.push({ do: 'capture', number: random.whole(1, 2_200), trouble: random.pick(TROUBLES) });
  while (steps.length < count) steps.push(drawStep(random, desk, acts, steps));
  return {
    invoices: drawInvoices(random),
    manual,
    opening: random.pick(TROUBLES),
    steps,
  };
}

/** What ends a payment before anything can happen to its money is drawn less often. */
function drawAct(random: Random, acts: readonly Act[], number: number): Step {
  const act = random.pick(acts);
  return { do: ENDS.has(act) && random.chance(0.6) ? random.pick(acts) : act, number };
}

function drawInvoices(random: Random): readonly number[] {
  const amounts: number[] = [];
  let left = TOTAL;
  for (let more = random.whole(0, MOST_INVOICES - 1); more > 0; more -= 1) {
    const amount = random.whole(1, left - more);
    amounts.push(amount);
    left -= amount;
  }
  return [...amounts, left];
}

function drawStep(random: Random, desk: Desk, acts: readonly Act[], before: readonly Step[]): Step {
  const number = random.whole(1, 2_200);
  const mayForget =
    desk.manners.refunds === 'in-parts' &&
    before.filter((step) => 'trouble' in step && step.trouble === 'forgotten').length < MOST_FORGOTTEN;
  const trouble = mayForget && random.chance(0.08) ? 'forgotten' : random.pick(TROUBLES);
  return random.pick<() => Step>([
    () => drawAct(random, acts, number),
    () => drawAct(random, acts, number),
    () => drawAct(random, acts, number),
    () => ({ do: random.pick(['capture', 'refund', 'refund', 'cancel'] as const), number, trouble }),
    () => ({ do: random.pick(['deliver-one', 'deliver-all-twice', 'lose-one'] as const), number }),
    () => ({ do: random.pick(['look', 'keep-look', 'apply-kept', 'lagging-look'] as const) }),
    () => ({ do: 'pay-elsewhere', number, which: random.whole(0, MOST_INVOICES - 1) }),
    () => (typeof desk.settle === 'string' || random.chance(0.8) ? { do: 'look' } : { do: 'settle' }),
    // Never so long in all that an open payment runs out by itself: there is an act for that.
    () => ({ do: 'wait', number: random.whole(1, 20) * 1_000 }),
  ])();
}
