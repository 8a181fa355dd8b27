import { explainFailure, type TestResult } from '@kassaflow/plugin-sdk/testing';

/** Lines about a run that did not come to its end: where it stopped, and what had failed before. */
export function renderBrokenRun(
  id: string,
  { broken, results }: { readonly broken: string; readonly results: readonly TestResult[] },
): readonly string[] {
  const passed = results.filter(({ result }) => result === 'passed').length;
  return [
    `${id}: the run ended ${broken}`,
    `  ${passed} had passed before`,
    ...results.filter(({ result }) => result === 'failed').flatMap(explainFailure),
  ];
}
