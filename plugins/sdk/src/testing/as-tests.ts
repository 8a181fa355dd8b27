import { CONFORMANCE_TESTS } from './all-tests.ts';
import { explainFailure } from './report.ts';
import { runConformanceTest, type RunOptions } from './run-conformance.ts';
import type { Subject } from './subject.ts';

/** What a test runner gives: Jest's, Vitest's and Node's own `test` all fit. */
export type DefineTest = ((name: string, run: () => Promise<void>, timeoutMs?: number) => unknown) & {
  readonly skip: (name: string, run: () => Promise<void>) => unknown;
};

const TIMEOUT_MS = 30_000;

/**
 * Makes a test of each test of the kit: `conformanceTests(subject, test)`. Those for which the plugin lacks a capability are skipped;
 * one that is left out while it runs, for want of a lever, passes and tells `leftOut`.
 */
export function conformanceTests(
  subject: Subject,
  test: DefineTest,
  options: Pick<RunOptions, 'production'> & { readonly leftOut?: (id: string, reason: string) => void } = {},
): void {
  for (const { id, title, needs } of CONFORMANCE_TESTS) {
    const run = async (): Promise<void> => {
      const result = await runConformanceTest(id, subject, options.production === undefined ? {} : { production: options.production });
      if (result.result === 'left out') options.leftOut?.(id, result.reason ?? '');
      if (result.result === 'failed') throw new Error(`\n${explainFailure(result).join('\n')}`);
    };
    if (needs !== undefined && !needs.has(subject.plugin)) test.skip(`${id} ${title} (no ${needs.name})`, run);
    else test(`${id} ${title}`, run, TIMEOUT_MS);
  }
}
