import type { FieldProblem } from '../../kernel/errors.ts';
import type { TestsOfAText } from '../../flows/publish-tests.ts';
import { testFlow } from './run-tests.ts';

/** What failed in the tests of a text, as the problems of an RFC 9457 answer. The pointer is the place in the text (RFC 5147, lines from 0). */
export const failuresOf: TestsOfAText = async (source, vocabulary) => {
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
};
