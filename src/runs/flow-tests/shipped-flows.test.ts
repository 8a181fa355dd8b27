import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { fullVocabulary } from '../../flows/test/full-vocabulary.ts';
import { testFlow } from './run-tests.ts';

const shipped = new URL('../../../flows/', import.meta.url);

test.each(readdirSync(shipped).filter((file) => file.endsWith('.yaml')))('the tests of the shipped flow %s pass', async (file) => {
  const report = await testFlow(readFileSync(new URL(file, shipped), 'utf8'), fullVocabulary);
  expect(report.diagnostics).toEqual([]);
  expect(report.tests.map(({ name, problems, result }) => ({ name, problems, calls: result?.trace.calls }))).toEqual(
    report.tests.map(({ name, result }) => ({ name, problems: [], calls: result?.trace.calls })),
  );
});
