import type { FieldProblem } from '../../kernel/errors.ts';
import type { TestsOfAText } from '../../flows/publish-tests.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import { checkTests } from './check-tests.ts';
import { testFlow } from './run-tests.ts';

/** What the engine of this module offers to publishing. */
export const testsOfAText: TestsOfAText = { check: checkTests, run: failuresOf };

/** What failed in the tests of a text, as the problems of an RFC 9457 answer. The pointer is the place in the text (RFC 5147, lines from 0). */
async function failuresOf(source: string, vocabulary: Vocabulary): Promise<readonly FieldProblem[]> {
  const { tests } = await testFlow(source, vocabulary);
  return tests.flatMap(({ name, problems }) =>
    problems.map(({ message, place, help = [] }): FieldProblem => {
      const detail = `line ${place.line}, column ${place.column}: test "${name}": ${message}`;
      return {
        pointer: `/source#line=${place.line - 1}`,
        code: 'flow.test-failed',
        detail,
        ...(help.length > 0 && { help: help.join('\n') }),
      };
    }),
  );
}
