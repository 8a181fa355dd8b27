/**
 * The CEL environment: types, operators and functions of flows.
 *
 * All functions are pure; `now()` is the one value from outside and comes from the scope, where the engine has journaled
 * it. State of one evaluation (steps left, the present moment) lives in `current`: evaluation is synchronous, so there is
 * never more than one at a time.
 */
import { Environment } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { expressionErrors } from './errors.ts';
import { MoneyValue } from './money-value.ts';
import { matches } from './regex.ts';

/** Rounds of all `map`, `filter`, `all` and `exists` together in one evaluation. */
export const STEP_BUDGET = 20_000;
/** Limits of the parser. */
export const LIMITS = { maxAstNodes: 500, maxDepth: 40, maxListElements: 100, maxMapEntries: 50, maxCallArguments: 8 } as const;

interface Evaluation {
  stepsLeft: number;
  now: unknown;
}

const current: Evaluation = { stepsLeft: 0, now: undefined };

/** Runs `work` as one evaluation. */
export function evaluating<T>(now: unknown, work: () => T): T {
  current.stepsLeft = STEP_BUDGET;
  current.now = now;
  return work();
}

/** An environment with everything but variables. @param known false: any variable is accepted, as when running */
export function flowEnvironment(known: boolean): Environment {
  const environment = new Environment({ unlistedVariablesAreDyn: !known, homogeneousAggregateLiterals: false, limits: LIMITS });
  registerMoney(environment);
  registerFunctions(environment);
  return environment;
}

function registerMoney(environment: Environment): void {
  environment
    .registerType('Money', { ctor: MoneyValue, fields: { amount: 'string', currency: 'string' } })
    .registerOperator('Money == Money', (a: MoneyValue, b: MoneyValue) => a.compare(b) === 0)
    .registerOperator('Money < Money', (a: MoneyValue, b: MoneyValue) => a.compare(b) < 0)
    .registerOperator('Money <= Money', (a: MoneyValue, b: MoneyValue) => a.compare(b) <= 0)
    .registerOperator('Money > Money', (a: MoneyValue, b: MoneyValue) => a.compare(b) > 0)
    .registerOperator('Money >= Money', (a: MoneyValue, b: MoneyValue) => a.compare(b) >= 0)
    .registerOperator('Money + Money', (a: MoneyValue, b: MoneyValue) => a.plus(b))
    .registerOperator('Money - Money', (a: MoneyValue, b: MoneyValue) => a.minus(b))
    .registerOperator('Money * int', (a: MoneyValue, factor: bigint) => a.times(factor))
    .registerOperator('-Money', (a: MoneyValue) => a.times(-1n))
    .registerFunction('money(string): Money', (text: string) => MoneyValue.read(text))
    .registerFunction('money(Money): Money', (value: MoneyValue) => value)
    .registerFunction('sum(list): dyn', sumOf);
}

function registerFunctions(environment: Environment): void {
  environment
    .registerFunction('now(): google.protobuf.Timestamp', present)
    .registerFunction('days(int): google.protobuf.Duration', (count: bigint) => new Duration(count * 86_400n))
    .registerFunction('workday(google.protobuf.Timestamp): bool', (at: Date) => at.getUTCDay() !== 0 && at.getUTCDay() !== 6)
    .registerFunction('lower(string): string', (text: string) => text.toLowerCase())
    .registerFunction('string.lower(): string', (text: string) => text.toLowerCase())
    .registerFunction('like(string, string): bool', like)
    .registerFunction('string.like(string): bool', like)
    .registerFunction('_matche(string, string): bool', matches)
    .registerFunction('string._matche(string): bool', matches)
    .registerFunction('_tick(dyn): dyn', tick);
}

function tick(value: unknown): unknown {
  current.stepsLeft -= 1;
  if (current.stepsLeft < 0) throw expressionErrors.budget({ limit: STEP_BUDGET });
  return value;
}

function present(): Date {
  const now = current.now;
  const date = now instanceof Date ? now : new Date(typeof now === 'string' || typeof now === 'number' ? now : Number.NaN);
  if (Number.isNaN(date.getTime())) throw expressionErrors.value({ found: 'no present moment in the scope' });
  return date;
}

/** `INV-*`: a star stands for any text. Linear: pieces are found from left to right, greedily. */
function like(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function sumOf(values: readonly unknown[]): unknown {
  const [first] = values;
  if (first === undefined) return MoneyValue.ZERO;
  if (first instanceof MoneyValue)
    return values.reduce<MoneyValue>(
      (total, value) => total.plus(asKind(value, (v): v is MoneyValue => v instanceof MoneyValue)),
      MoneyValue.ZERO,
    );
  if (typeof first === 'bigint') return values.reduce<bigint>((total, value) => total + asKind(value, (v) => typeof v === 'bigint'), 0n);
  return values.reduce<number>((total, value) => total + asKind(value, (v) => typeof v === 'number'), 0);
}

function asKind<T>(value: unknown, test: (value: unknown) => value is T): T {
  if (!test(value))
    throw expressionErrors.value({ found: 'a list with different kinds of values', accepted: 'amounts of money, or numbers' });
  return value;
}
