/** Which caps a call counts against: a pure function of the call and the tenant's rules. */
import type { ActionManifest } from '../plugin-host/action-call.ts';
import { valueAt } from '../plugin-host/json-pointer.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { parseMoney, type Money } from '../kernel/money.ts';
import type { Budget, GuardRules, WhenReached } from './guard-rules.ts';
import type { Period } from './window.ts';

/** One cap that a call counts against. */
export interface Counter {
  /** Stable name of the cap, for codes and alerts. */
  readonly guard: 'message-cap' | 'charge-cap' | 'budget';
  /** What is counted, for people: `messages to one receiver by sms.send`. Never a personal value. */
  readonly label: string;
  /** What tells this counter from every other of the tenant; may hold a personal value and is only stored as a keyed hash. */
  readonly of: readonly string[];
  readonly period: Period;
  readonly amount: bigint;
  readonly cap: bigint;
  readonly whenReached: WhenReached;
  /** Whether a call that surely did nothing is taken off again. */
  readonly givesBack: boolean;
}

/** What `countersOf` needs of a call. */
export interface CountedCall {
  readonly flow: string;
  readonly manifest: ActionManifest;
  readonly input: Readonly<Record<string, unknown>>;
}

/** @param connection the connection's name, when the call uses one */
export function countersOf(call: CountedCall, rules: GuardRules, connection: string | undefined): readonly Counter[] {
  const { guards } = call.manifest;
  return [
    ...(guards?.message ? messageCounters(call, rules) : []),
    ...(guards?.charge ? chargeCounters(call, rules) : []),
    ...rules.budgets.flatMap((budget) => budgetCounter(call, budget, connection)),
  ];
}

/** The budget of money that cannot hold this call, because its input does not say how much it moves. */
export function budgetWithoutAmount(call: CountedCall, { budgets }: GuardRules, connection: string | undefined): Budget | undefined {
  const pointer = call.manifest.guards?.money?.amount;
  if (pointer === undefined || valueAt(call.input, pointer) !== undefined) return undefined;
  return budgets.find((budget) => budget.money !== undefined && concerns(budget, call, connection));
}

/** The receiver of a message, written in one way; `undefined` when the input has none that could be reached. */
export function receiverOf({ manifest, input }: Pick<CountedCall, 'manifest' | 'input'>): string | undefined {
  const to = textAt(input, manifest.guards?.message?.to);
  if (to === undefined) return undefined;
  // A phone number in E.164, however it was spaced; a mail address without regard to case, as mailboxes are in practice.
  return to.includes('@') ? to.trim().toLowerCase() : to.replaceAll(/[\s().-]/g, '').replace(/^00/, '+');
}

/** The text at `pointer` of an input, unless it is empty or something else. */
export function textAt(input: Readonly<Record<string, unknown>>, pointer: string | undefined): string | undefined {
  const value = pointer === undefined ? undefined : valueAt(input, pointer);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function messageCounters(call: CountedCall, { messages: { perReceiver, perTenant } }: GuardRules): Counter[] {
  const { manifest, input } = call;
  const receiver = receiverOf(call);
  const template = textAt(input, manifest.guards?.message?.template);
  const shared = { guard: 'message-cap', period: 'day', amount: 1n, givesBack: true } as const;
  const ofTenant: Counter = {
    ...shared,
    label: 'messages of this tenant',
    of: ['messages'],
    cap: BigInt(perTenant.cap),
    whenReached: perTenant.whenReached,
  };
  if (receiver === undefined) return [ofTenant];
  const kind = template === undefined ? manifest.name : `${manifest.name} (${template.slice(0, 60)})`;
  return [
    {
      ...shared,
      label: `messages to one receiver by ${kind}`,
      of: ['receiver', manifest.name, template ?? '', receiver],
      cap: BigInt(perReceiver.cap),
      whenReached: perReceiver.whenReached,
    },
    ofTenant,
  ];
}

function chargeCounters({ manifest, input }: CountedCall, { charges }: GuardRules): Counter[] {
  const { invoice, method } = manifest.guards?.charge ?? {};
  const places = [
    { what: 'invoice', value: textAt(input, invoice), rule: charges.perInvoice },
    { what: 'card or mandate', value: textAt(input, method), rule: charges.perMethod },
  ];
  return places.flatMap(({ what, value, rule: { cap, days, whenReached } }) =>
    value === undefined
      ? []
      : [
          {
            guard: 'charge-cap' as const,
            label: `charges of one ${what}`,
            of: ['charge', what, value],
            period: { days },
            amount: 1n,
            cap: BigInt(cap),
            whenReached,
            // A decline is an attempt too, and the one that card schemes count.
            givesBack: false,
          },
        ],
  );
}

function budgetCounter(call: CountedCall, budget: Budget, connection: string | undefined): Counter[] {
  if (!concerns(budget, call, connection)) return [];
  const shared = {
    guard: 'budget',
    label: `the budget ${budget.name}`,
    // The unit belongs to it: a budget of calls that becomes one of money begins anew.
    of: ['budget', budget.name, budget.per, budget.money?.currency ?? 'calls'],
    period: budget.per,
    whenReached: budget.whenReached,
  } as const;
  if (budget.money === undefined) return [{ ...shared, amount: 1n, cap: BigInt(budget.calls ?? 0), givesBack: false }];
  const amount = moneyOf(call);
  const cap = parseMoney(budget.money);
  return amount?.currency === cap.currency ? [{ ...shared, amount: amount.minor, cap: cap.minor, givesBack: true }] : [];
}

function concerns(budget: Budget, { manifest, flow }: CountedCall, connection: string | undefined): boolean {
  if (manifest.effect === 'read' || (budget.action !== undefined && budget.action !== manifest.name)) return false;
  if (budget.of === 'flow') return budget.target === flow;
  return budget.of === 'tenant' || budget.target === connection;
}

/** The money of a call; an amount that cannot be read is refused by the action itself. */
function moneyOf({ manifest, input }: CountedCall): Money | undefined {
  const pointer = manifest.guards?.money?.amount;
  if (pointer === undefined) return undefined;
  try {
    const amount = parseMoney(valueAt(input, pointer));
    return amount.minor > 0n ? amount : undefined;
  } catch (error) {
    if (isKassaflowError(error)) return undefined;
    throw error;
  }
}
