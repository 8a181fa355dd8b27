/**
 * The results of tests as people read them: one line per test, and under one that failed what differs, with places that an editor
 * can jump to, and what the run did, step by step, by the clock of the flow.
 */
import { renderDiagnostics, hasErrors } from '../../flows/language/diagnostic.ts';
import type { Problem } from './flow-test.ts';
import { shown } from './input-diff.ts';
import { clockText, spanText } from './moments.ts';
import type { VirtualResult } from './run-result.ts';
import type { TracedCall } from './trace.ts';
import { passed, type FileReport, type TestReport } from './run-tests.ts';

export interface TestedFile {
  /** As the reader knows it: relative to where they are. */
  readonly file: string;
  readonly source: string;
  readonly report: FileReport;
}

/** How the tests of all files went, in numbers. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  /** Flows without a test. */
  readonly untested: readonly string[];
  /** Files that are no flow. */
  readonly broken: number;
}

export function totalsOf(files: readonly TestedFile[]): Totals {
  const tests = files.flatMap(({ report }) => report.tests);
  const failed = tests.filter(({ problems }) => problems.length > 0).length;
  return {
    passed: tests.length - failed,
    failed,
    untested: files.filter(({ report }) => report.tests.length === 0 && !hasErrors(report.diagnostics)).map(({ report }) => report.flow),
    broken: files.filter(({ report }) => hasErrors(report.diagnostics)).length,
  };
}

/** @param elapsedMs how long it took */
export function renderReport(files: readonly TestedFile[], elapsedMs: number): string[] {
  const { passed: good, failed, untested, broken } = totalsOf(files);
  return [
    ...files.flatMap(fileLines),
    ...(untested.length > 0 ? [`no tests: ${untested.join(', ')}`] : []),
    [
      `${good + failed} ${good + failed === 1 ? 'test' : 'tests'}`,
      ...(failed > 0 ? [`${failed} failed`] : ['all passed']),
      ...(broken > 0 ? [`${broken} ${broken === 1 ? 'file has' : 'files have'} mistakes`] : []),
      spanText(elapsedMs),
    ].join(', '),
  ];
}

/** What went wrong with one test, in one sentence per problem, for those who show no tables. */
export function problemSentence({ message, help = [] }: Problem): string {
  return [message, ...help].join('\n');
}

function fileLines({ file, source, report }: TestedFile): string[] {
  if (hasErrors(report.diagnostics)) return [`✗ ${file}`, renderDiagnostics(report.diagnostics, source, file), ''];
  if (report.tests.length === 0) return [];
  return [`${passed(report) ? '✓' : '✗'} ${report.flow}`, ...report.tests.flatMap((test) => testLines(test, file, report.timeZone)), ''];
}

function testLines({ name, place, problems, result }: TestReport, file: string, timeZone: string): string[] {
  if (problems.length === 0) return [`  ✓ ${name}${result ? ` (${tookText(result)})` : ''}`];
  return [
    `  ✗ ${name}  ${file}:${place.line}:${place.column}`,
    ...problems.flatMap((problem) => problemLines(problem, file).map((line) => `      ${line}`.trimEnd())),
    ...(result ? runLines(result, file, timeZone).map((line) => `      ${line}`.trimEnd()) : []),
  ];
}

function problemLines({ message, place, help = [] }: Problem, file: string): string[] {
  return [message, ...help.map((line) => `  ${line}`), `  at ${file}:${place.line}:${place.column}`, ''];
}

function tookText({ status, startedAt, endedAt }: VirtualResult): string {
  const ms = endedAt.getTime() - startedAt.getTime();
  return ms > 0 ? `${status} after ${spanText(ms)}` : status;
}

/** The run from its beginning to where it ended. */
function runLines(result: VirtualResult, file: string, timeZone: string): string[] {
  const { trace, startedAt, endedAt, reason } = result;
  const width = Math.max(0, ...trace.calls.map(({ name }) => name.length));
  return [
    'What happened:',
    `  ${clockText(startedAt, timeZone)}  begins`,
    ...trace.calls.map(
      (call) =>
        `  ${clockText(call.at, timeZone)}  ${call.name.padEnd(width)}  ${callText(call)}  ${file}:${call.place.line}:${call.place.column}`,
    ),
    `  ${clockText(endedAt, timeZone)}  ${result.status}${reason && reason.message !== '' ? `: ${reason.message}` : ''}`,
  ];
}

function callText({ input, outcome, attempts }: TracedCall): string {
  const tries = attempts > 1 ? `, ${attempts} attempts` : '';
  const end = !outcome ? 'no answer' : outcome.kind === 'ok' ? statusText(outcome.value['status']) : `${outcome.kind}: ${outcome.message}`;
  return `${shown(input)} → ${end}${tries}`;
}

function statusText(status: unknown): string {
  return typeof status === 'string' ? status : 'ok';
}
