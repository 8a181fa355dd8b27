/** Tells what the kit found: as a table for people, and as `conformance.json`. */
import { readFileSync } from 'node:fs';
import { faceOf, type Face } from './manifest-diff.ts';
import { hashOfPackage } from './plugin-files.ts';
import type { TestResult } from './run-conformance.ts';
import type { Subject } from './subject.ts';

/** What the kit found about one plugin, and about exactly which files. */
export interface ConformanceReport {
  readonly plugin: string;
  readonly version: string;
  /** Of the kit: the version of the SDK that it is part of. */
  readonly kit: string;
  /** SHA-256 of the package's files, without tests and builds. */
  readonly package: string;
  readonly passed: number;
  readonly failed: number;
  readonly leftOut: number;
  readonly ms: number;
  readonly results: readonly TestResult[];
  /** What installations rest on, for the test of the version number at the next release. */
  readonly face: Face;
}

export function reportOf(subject: Pick<Subject, 'plugin' | 'folder'>, results: readonly TestResult[]): ConformanceReport {
  const count = (what: TestResult['result']): number => results.filter(({ result }) => result === what).length;
  return {
    plugin: subject.plugin.id,
    version: subject.plugin.version,
    kit: kitVersion(),
    package: hashOfPackage(subject.folder),
    passed: count('passed'),
    failed: count('failed'),
    leftOut: count('left out'),
    ms: results.reduce((sum, { ms }) => sum + ms, 0),
    results,
    face: faceOf(subject.plugin),
  };
}

/** Lines for a terminal: a row for each group, then every failure with what to do, then what was left out. */
export function renderConformance(report: ConformanceReport): readonly string[] {
  const groups = Map.groupBy(report.results, ({ group }) => group);
  const rows = [...groups].map(([group, results]) => `  ${group.padEnd(22)}${results.map(markOf).join(' ')}`);
  const failures = report.results.filter(({ result }) => result === 'failed').flatMap(explainFailure);
  const leftOut = Map.groupBy(
    report.results.filter(({ result }) => result === 'left out'),
    ({ reason }) => reason ?? '',
  );
  const warned = report.results.filter(({ warnings }) => warnings.length > 0);
  return [
    `${report.plugin} ${report.version}: ${report.passed} passed, ${report.failed} failed, ${report.leftOut} left out (${(report.ms / 1_000).toFixed(1)} s)`,
    ...rows,
    ...(failures.length > 0 ? ['', ...failures] : []),
    ...(leftOut.size > 0
      ? ['', '  left out:', ...[...leftOut].map(([reason, results]) => `    ${results.map(({ id }) => id).join(' ')}: ${reason}`)]
      : []),
    ...(warned.length > 0
      ? ['', '  worth reading:', ...warned.flatMap(({ id, warnings }) => warnings.map((warning) => `    ${id}: ${warning}`))]
      : []),
  ];
}

/** A failure in four lines. */
export function explainFailure({ id, title, finding }: TestResult): readonly string[] {
  return [
    `  ${id} failed: the plugin ${title}`,
    `    expected  ${finding?.expected ?? ''}`,
    `    came      ${finding?.came ?? ''}`,
    `    look at   ${finding?.look ?? ''}`,
  ];
}

function markOf({ id, result }: TestResult): string {
  if (result === 'passed') return id;
  return result === 'failed' ? `[${id}!]` : `(${id})`;
}

/** The package's own version; the file lies two folders above in the sources and in the build. */
function kitVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
