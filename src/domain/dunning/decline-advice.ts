/** What a no means: whether a repeat is of any use, and how often and when at most. */
import { DECLINE_CODES, type DeclineClass, type DeclineCode, type DeclineSource } from './decline-codes.ts';

/** Days after the first failure on which a charge is repeated, by class of methods. A tenant's policy may say others. */
export const SCHEDULES = {
  /** Cards and wallets: four times in two weeks, half of what card schemes allow in a month. */
  card: [1, 3, 7, 14],
  /** A return costs a fee, and money comes on paydays. */
  'direct-debit': [7, 14],
} as const satisfies Readonly<Record<string, readonly number[]>>;

/** Hours after which something transient is tried again, before the days of the schedule. */
export const QUICK_HOURS = [1, 6] as const;

export type MethodClass = keyof typeof SCHEDULES;
export type Schedules = Readonly<Record<MethodClass, readonly number[]>>;

/** A charge that came to nothing, as its provider tells it. */
export interface Failure {
  /** Our word for the way of paying. */
  readonly method: string;
  /** Our word for why: one of the SDK's decline reasons. */
  readonly reason: string;
  /** The bank's or the provider's code. */
  readonly providerCode?: string | undefined;
  /** The scheme's own code; it says more than any other. */
  readonly network?: { readonly scheme: Exclude<DeclineSource, 'ours'>; readonly code: string } | undefined;
  /** What the provider's plugin says. */
  readonly retryable?: boolean | undefined;
}

export interface DeclineAdvice {
  readonly class: DeclineClass;
  /** Whose word decided. */
  readonly source: DeclineSource;
  /** That word: `AM04`, `insufficient-funds`. */
  readonly code: string;
  /** Days after the first failure on which to try again; empty where a repeat is of no use. */
  readonly retryOnDays: readonly number[];
  /** Hours after this failure on which to try again before the days begin. */
  readonly retryAfterHours: readonly number[];
  /** Hours that the scheme wants to pass in any case. */
  readonly waitHours: number;
  /** A person looks before anybody is written to. */
  readonly person: boolean;
}

/** The class of a way of paying, by our word for it. */
export function methodClass(method: string): MethodClass {
  return /debit|bacs|becs|bank/.test(method) ? 'direct-debit' : 'card';
}

/** What to do about a failure, by the schedules given. */
export function adviceFor(failure: Failure, schedules: Schedules = SCHEDULES): DeclineAdvice {
  const { word, code } = decisive(failure);
  const said = { class: code.class, source: code.source, code: word, person: code.person ?? false };
  const never = { retryOnDays: [], retryAfterHours: [], waitHours: 0 };
  if (code.class === 'hard' || code.class === 'customer-action') return { ...said, ...never };
  // The plugin knows its provider's codes: one that may not be repeated is final, however mild our word for it.
  if (failure.retryable === false) return { ...said, ...never, class: 'hard' };
  const schedule = schedules[methodClass(failure.method)];
  const first = code.afterDays;
  const days = first === undefined ? schedule : schedule.filter((day) => day >= first);
  return {
    ...said,
    retryOnDays: days.slice(0, code.retries ?? days.length),
    retryAfterHours: code.class === 'transient' ? QUICK_HOURS : [],
    waitHours: code.waitHours ?? 0,
  };
}

/** The code that counts: a bank's return code, which is exact; else a final word of ours, else the card scheme's, else ours. */
function decisive({ reason, providerCode = '', network }: Failure): { readonly word: string; readonly code: DeclineCode } {
  const ours = { word: reason, code: DECLINE_CODES.get(`ours:${reason}`) ?? ({ class: 'soft', source: 'ours' } as const) };
  const scheme = network && { word: network.code, code: DECLINE_CODES.get(`${network.scheme}:${network.code.toLowerCase()}`) };
  // Banks' return codes have a form of their own, whatever provider hands them on.
  const bank = { word: providerCode, code: DECLINE_CODES.get(`sepa:${providerCode.toLowerCase()}`) };
  const theirs = [scheme, bank].find((one) => one?.code !== undefined);
  if (!theirs?.code) return ours;
  const isMilder = theirs.code.source !== 'sepa' && ours.code.class === 'hard' && theirs.code.class !== 'hard';
  return isMilder ? ours : { word: theirs.word, code: theirs.code };
}
