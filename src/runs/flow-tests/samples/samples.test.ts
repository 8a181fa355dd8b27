import { expect, test } from '@jest/globals';
import { catalogue } from '../../../events/catalogue/catalogue.ts';
import { sampleHelp, sampleOf, samples } from './samples.ts';

const all = [...samples].flatMap(([type, named]) => Object.entries(named).map(([name, data]) => ({ type, name, data })));

test.each(all)('the sample $name of $type fits the event catalogue', ({ type, data }) => {
  const result = catalogue.get(type)?.data.safeParse(data);
  expect(result?.error?.issues ?? []).toEqual([]);
  expect(result?.success).toBe(true);
});

test('every event of the catalogue has at least its example as a sample', () => {
  for (const type of catalogue.keys()) expect(sampleOf(type)).toBeDefined();
});

test('a sample of another event, or a mistyped one, is found for the author', () => {
  expect(sampleHelp('payment.failed', 'card-declind')).toBe('did you mean card-declined?');
  expect(sampleHelp('payment.failed', 'credit-package-100')).toContain('is a sample of payment.completed');
});
