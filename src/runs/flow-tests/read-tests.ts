/** Reads the tests of a flow file. What is wrong with one is a problem of that test; the others are run. */
import type { Place } from '../../flows/language/compiled-flow.ts';
import type { FlowSyntax, TestSyntax } from '../../flows/language/syntax.ts';
import type { FlowTest, Problem } from './flow-test.ts';
import { readExpected } from './read-expected.ts';
import { TestProblems } from './read-fields.ts';
import { readGiven } from './read-given.ts';
import { readMocks } from './read-mocks.ts';
import { readMoves } from './read-moves.ts';
import type { TestedFlow } from './tested-flow.ts';

/** A test as read: it can be run when nothing is wrong with it. */
export interface ReadTest {
  readonly name: string;
  readonly place: Place;
  readonly test: FlowTest | undefined;
  readonly problems: readonly Problem[];
}

export function readTests(syntax: FlowSyntax, source: string, tested: TestedFlow): ReadTest[] {
  return syntax.tests.map((test) => readTest(test, source, tested));
}

function readTest({ name, given, mocks, then, expect }: TestSyntax, source: string, tested: TestedFlow): ReadTest {
  const problems = new TestProblems(source);
  const place = problems.at(name.span);
  const parts = {
    given: readGiven(given, tested, problems),
    mocks: readMocks(mocks, tested, problems),
    moves: readMoves(then, tested, problems),
    expected: readExpected(expect, tested, problems),
  };
  const test = parts.given && problems.found.length === 0 ? { ...parts, name: name.text, place, given: parts.given } : undefined;
  return { name: name.text, place, test, problems: problems.found };
}
