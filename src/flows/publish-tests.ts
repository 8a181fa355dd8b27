import { Injectable } from '@nestjs/common';
import type { FieldProblem } from '../kernel/errors.ts';
import type { Vocabulary } from './language/vocabulary.ts';

/** Runs the tests that stand in a text, and says what failed. A text with mistakes has none that can be run. */
export type TestsOfAText = (source: string, vocabulary: Vocabulary) => Promise<readonly FieldProblem[]>;

/**
 * Where the module that can run flows offers to run the tests of a text before it is published: publishing asks here and
 * imports no engine. As long as nobody has offered, nothing is asked.
 */
@Injectable()
export class PublishTests {
  #run: TestsOfAText | undefined;

  offer(run: TestsOfAText): void {
    this.#run = run;
  }

  /** What failed; empty when all is well. */
  async failuresOf(source: string, vocabulary: Vocabulary): Promise<readonly FieldProblem[]> {
    return (await this.#run?.(source, vocabulary)) ?? [];
  }
}
