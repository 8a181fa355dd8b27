/** Runs the tests that stand in flow files. Pure but for the clock that says how long it took: no database, no network, no files. */
import { checkFlow } from '../../flows/language/check/check-flow.ts';
import { compile } from '../../flows/language/compile.ts';
import type { Place } from '../../flows/language/compiled-flow.ts';
import { hasErrors, type Diagnostic } from '../../flows/language/diagnostic.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import type { Problem } from './flow-test.ts';
import { judge } from './judge.ts';
import { readTests, type ReadTest } from './read-tests.ts';
import type { VirtualResult } from './run-result.ts';
import type { TestedFlow } from './tested-flow.ts';
import { runVirtually } from './virtual-run.ts';

/** How one test went: it passed when there is no problem. */
export interface TestReport {
  readonly name: string;
  readonly place: Place;
  readonly problems: readonly Problem[];
  /** What the run did; absent when the test could not be run. */
  readonly result: VirtualResult | undefined;
}

export interface FileReport {
  /** Name of the flow; empty when the file is not one. */
  readonly flow: string;
  /** The flow's zone, in which moments are shown. */
  readonly timeZone: string;
  /** What the checker found. With an error in it no test is run. */
  readonly diagnostics: readonly Diagnostic[];
  readonly tests: readonly TestReport[];
}

export interface TestOptions {
  /** Only tests whose name holds this text, in whatever case. */
  readonly only?: string;
  /** Zone of a flow that names none. */
  readonly timeZone?: string;
}

/** Runs the tests of one file. */
export async function testFlow(source: string, vocabulary: Vocabulary, { only, timeZone }: TestOptions = {}): Promise<FileReport> {
  const { flow: syntax, diagnostics } = checkFlow(source, vocabulary);
  if (!syntax) return { flow: '', timeZone: 'UTC', diagnostics, tests: [] };
  const flow = compile(syntax, source, vocabulary, timeZone);
  const wanted = readTests(syntax, source, { flow, vocabulary }).filter(({ name }) => isWanted(name, only));
  const tests: TestReport[] = [];
  for (const test of wanted) tests.push(await runTest(test, { flow, vocabulary }));
  return { flow: flow.name, timeZone: flow.timeZone, diagnostics, tests };
}

/** Tells whether everything about a file is well. */
export function passed({ diagnostics, tests }: FileReport): boolean {
  return !hasErrors(diagnostics) && tests.every(({ problems }) => problems.length === 0);
}

async function runTest({ name, place, test, problems }: ReadTest, tested: TestedFlow): Promise<TestReport> {
  if (!test) return { name, place, problems, result: undefined };
  const { given, mocks, moves } = test;
  const { result, problems: unmade } = await runVirtually({ ...tested, given, mocks, moves });
  return { name, place, problems: [...unmade, ...judge(test, result, tested.flow.timeZone)], result };
}

function isWanted(name: string, only: string | undefined): boolean {
  return only === undefined || name.toLowerCase().includes(only.toLowerCase());
}
