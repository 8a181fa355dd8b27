import { Injectable } from '@nestjs/common';
import type { FieldProblem } from '../kernel/errors.ts';
import type { Diagnostic } from './language/diagnostic.ts';
import type { FlowSyntax } from './language/syntax.ts';
import type { Vocabulary } from './language/vocabulary.ts';

/** What the module that can run flows does with the tests of a text. */
export interface TestsOfAText {
  /** What is wrong with them that can be known without running them. `flow` is that of `source`, without errors. */
  check(flow: FlowSyntax, source: string, vocabulary: Vocabulary): readonly Diagnostic[];
  /** Runs them, and says what failed. A text with mistakes has none that can be run. */
  run(source: string, vocabulary: Vocabulary): Promise<readonly FieldProblem[]>;
}

/**
 * Where that module offers its service: publishing asks here and imports no engine. As long as nobody has offered, nothing is
 * asked.
 */
@Injectable()
export class PublishTests {
  #tests: TestsOfAText | undefined;

  offer(tests: TestsOfAText): void {
    this.#tests = tests;
  }

  check(flow: FlowSyntax, source: string, vocabulary: Vocabulary): readonly Diagnostic[] {
    return this.#tests?.check(flow, source, vocabulary) ?? [];
  }

  /** What failed; empty when all is well. */
  async failuresOf(source: string, vocabulary: Vocabulary): Promise<readonly FieldProblem[]> {
    return (await this.#tests?.run(source, vocabulary)) ?? [];
  }
}
