/**
 * Which answer of a test a call gets. Each call takes the next one of its list, each attempt of a retry being a call of its own.
 * The last one holds for all calls that follow, unless it says how often; then they succeed.
 */
import type { MockAnswer, Mocks } from './flow-test.ts';

export class MockAnswers {
  readonly #taken = new Map<string, number>();

  constructor(private readonly mocks: Mocks) {}

  /** The answer for the first of `names` that the test speaks of; `undefined` when it leaves the answer to us. */
  next(names: readonly string[]): MockAnswer | undefined {
    const name = names.find((candidate) => this.mocks.has(candidate));
    if (name === undefined) return undefined;
    const taken = this.#taken.get(name) ?? 0;
    this.#taken.set(name, taken + 1);
    return answerAt(this.mocks.get(name) ?? [], taken);
  }
}

function answerAt(answers: readonly MockAnswer[], index: number): MockAnswer | undefined {
  let left = index;
  for (const [at, answer] of answers.entries()) {
    const lasts = answer.times ?? (at === answers.length - 1 ? Infinity : 1);
    if (left < lasts) return answer;
    left -= lasts;
  }
  return undefined;
}
