/**
 * What a tenant allows: caps on messages and charges, and budgets. What a tenant does not say is as in {@link DEFAULT_RULES}.
 */
import { z } from 'zod';
import { isCurrency } from '../kernel/currency.ts';
import { parseMoney } from '../kernel/money.ts';

const whenReached = z.enum(['stop', 'park']).meta({
  description: 'stop: the step fails with the cap’s code. park: the run rests until the cap frees again.',
});
const count = z.int().min(0).max(1_000_000_000);
const dailyCap = z.strictObject({ cap: count, whenReached }).partial();
const periodCap = z.strictObject({ cap: count, days: z.int().min(1).max(730), whenReached }).partial();
const name = z.string().min(1).max(100);
const amount = z
  .strictObject({ amount: z.string().max(24), currency: z.string().refine(isCurrency, 'is not a currency') })
  .refine((wire) => isAmount(wire), 'is not an amount of its currency, or is below zero');

export const budgetSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
    /** What it holds: everything of the tenant, one flow or one connection. */
    of: z.enum(['tenant', 'flow', 'connection']).default('tenant'),
    /** Name of the flow or connection. */
    target: name.optional(),
    /** Only calls of this action; without it every call that changes something. */
    action: name.optional(),
    per: z.enum(['hour', 'day', 'month']),
    calls: count.optional(),
    /** Counts amounts in its own currency alone. */
    money: amount.optional(),
    whenReached: whenReached.default('park'),
  })
  .refine(({ calls, money }) => (calls === undefined) !== (money === undefined), 'has either calls or money')
  .refine(({ of, target }) => (of === 'tenant') === (target === undefined), 'has a target unless it is of the tenant');

export const rulesSchema = z
  .strictObject({
    messages: z.strictObject({ perReceiver: dailyCap, perTenant: dailyCap }).partial(),
    charges: z.strictObject({ perInvoice: periodCap, perMethod: periodCap }).partial(),
    budgets: z
      .array(budgetSchema)
      .max(50)
      .refine((budgets) => new Set(budgets.map((budget) => budget.name)).size === budgets.length, 'has two budgets of one name'),
  })
  .partial()
  .meta({ id: 'GuardRules' });

/** As a tenant writes it. */
export type GuardRulesDraft = z.output<typeof rulesSchema>;
export type Budget = z.output<typeof budgetSchema>;
export type WhenReached = z.output<typeof whenReached>;

export interface DailyCap {
  readonly cap: number;
  readonly whenReached: WhenReached;
}

export interface PeriodCap extends DailyCap {
  readonly days: number;
}

/** With every default filled in. */
export interface GuardRules {
  /** By day in the tenant's time zone. */
  readonly messages: { readonly perReceiver: DailyCap; readonly perTenant: DailyCap };
  /** By a period that slides. */
  readonly charges: { readonly perInvoice: PeriodCap; readonly perMethod: PeriodCap };
  readonly budgets: readonly Budget[];
}

/**
 * The defaults, with where they come from:
 * - five messages of one kind per receiver and day: one dunning mail was sent 412 times to one customer by an inherited automation
 *   (abn.company, "Make and Zapier audit");
 * - ten charges per card or mandate in 30 days, eight per invoice: card schemes block or fine after 15 (Visa) or 10 to 35 (Mastercard)
 *   attempts in 30 days, and their own pages disagree, so the lowest holds. A year stands for the life of an invoice;
 * - 10,000 messages per tenant and day is ours: it stops a runaway flow before it costs a month's turnover, and is raised by hand.
 */
export const DEFAULT_RULES: GuardRules = {
  messages: { perReceiver: { cap: 5, whenReached: 'stop' }, perTenant: { cap: 10_000, whenReached: 'park' } },
  charges: {
    perInvoice: { cap: 8, days: 365, whenReached: 'stop' },
    perMethod: { cap: 10, days: 30, whenReached: 'stop' },
  },
  budgets: [],
};

/** Fills in what `draft` does not say. */
export function completeRules({ messages, charges, budgets }: GuardRulesDraft): GuardRules {
  const defaults = DEFAULT_RULES;
  return {
    messages: {
      perReceiver: dailyOf(messages?.perReceiver, defaults.messages.perReceiver),
      perTenant: dailyOf(messages?.perTenant, defaults.messages.perTenant),
    },
    charges: {
      perInvoice: periodOf(charges?.perInvoice, defaults.charges.perInvoice),
      perMethod: periodOf(charges?.perMethod, defaults.charges.perMethod),
    },
    budgets: budgets ?? defaults.budgets,
  };
}

function dailyOf(draft: z.output<typeof dailyCap> | undefined, otherwise: DailyCap): DailyCap {
  return { cap: draft?.cap ?? otherwise.cap, whenReached: draft?.whenReached ?? otherwise.whenReached };
}

function periodOf(draft: z.output<typeof periodCap> | undefined, otherwise: PeriodCap): PeriodCap {
  return { ...dailyOf(draft, otherwise), days: draft?.days ?? otherwise.days };
}

function isAmount(wire: { readonly amount: string; readonly currency: string }): boolean {
  try {
    return parseMoney(wire).minor >= 0n;
  } catch {
    return false;
  }
}
