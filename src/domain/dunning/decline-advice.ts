/** What to do about a charge that failed: whether, how often and when to try again. */
import { DECLINE_CODES, type DeclineClass, type DeclineCode } from './decline-codes.ts';

/** Days after the first failure on which a charge is repeated, by class of methods. */
export const SCHEDULES = {
  /** Cards and wallets: four times in two weeks, half of what card schemes allow in a month. */
  card: [1, 3, 7, 14],
  /** A return costs a fee, and money comes on paydays. */
  'direct-debit': [7, 14],
} as const satisfies Readonly<Record<string, readonly number[]>>;

export type MethodClass = keyof typeof SCHEDULES;

export interface DeclineAdvice {
  readonly class: DeclineClass;
  /** Days after the first failure on which to try again; empty where a repeat is of no use. */
  readonly retryOnDays: readonly number[];
}

/** The class of a way of paying, by our word for it. */
export function methodClass(method: string): MethodClass {
  return /debit|bacs|becs|bank/.test(method) ? 'direct-debit' : 'card';
}

/**
 * @param failure `reason` is our word; `providerCode` the bank's, the scheme's or the provider's, which says more where it is known, and
 *   `source` whose code it is; `retryable` is what the provider's plugin says
 */
export function adviceFor(failure: {
  readonly method: string;
  readonly reason: string;
  readonly providerCode?: string;
  readonly source?: DeclineCode['source'];
  readonly retryable?: boolean;
}): DeclineAdvice {
  const code = codeOf(failure);
  if (code.class === 'hard' || code.class === 'customer-action') return { class: code.class, retryOnDays: [] };
  // The plugin knows its provider's codes: one that may not be repeated is final, however mild our word for it.
  if (failure.retryable === false) return { class: 'hard', retryOnDays: [] };
  const schedule = SCHEDULES[methodClass(failure.method)];
  const first = code.afterDays;
  const days = first === undefined ? schedule : schedule.filter((day) => day >= first);
  return { class: code.class, retryOnDays: days.slice(0, code.retries ?? days.length) };
}

function codeOf({ reason, providerCode = '', source }: Parameters<typeof adviceFor>[0]): DeclineCode {
  const named = providerCode.toLowerCase();
  // Banks' return codes have a form of their own, whatever provider hands them on.
  const known = source === undefined ? DECLINE_CODES.get(`sepa:${named}`) : DECLINE_CODES.get(`${source}:${named}`);
  return known ?? DECLINE_CODES.get(`ours:${reason}`) ?? { class: 'soft', source: 'ours' };
}
