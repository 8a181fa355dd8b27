/**
 * The six flows of the language's design run their own tests. They speak of actions that this installation does not have yet
 * (charging, suspending, reconciling): `full-vocabulary.ts` declares them, as plugins would.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { fullVocabulary } from '../../flows/test/full-vocabulary.ts';
import { renderReport } from './render-report.ts';
import { testFlow } from './run-tests.ts';

const examples = new URL('../../flows/test/examples/', import.meta.url);
const files = readdirSync(examples).filter((file) => file.endsWith('.yaml'));

test.each(files)('the tests of %s pass', async (file) => {
  const source = readFileSync(new URL(file, examples), 'utf8');
  const report = await testFlow(source, fullVocabulary);
  expect(report.tests.length).toBeGreaterThan(0);
  const failing = { ...report, tests: report.tests.filter(({ problems }) => problems.length > 0) };
  expect(failing.tests.length === 0 ? '' : renderReport([{ file, source, report: failing }], 0).join('\n')).toBe('');
});
