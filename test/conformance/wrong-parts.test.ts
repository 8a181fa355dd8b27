/** Each test of the kit can fail: here by one part of a plugin that passes, replaced by a wrong one. */
import { describe, expect, test } from '@jest/globals';
import { CONFORMANCE_TESTS, runConformance } from '@kassaflow/plugin-sdk/testing';
import { BOOK_ROWS } from './parts/books-and-actions.ts';
import { MANIFEST_ROWS } from './parts/manifest-and-connection.ts';
import { PAYMENT_ROWS } from './parts/payments.ts';
import { WEBHOOK_ROWS } from './parts/webhooks.ts';

describe('the kit finds the plugin that', () => {
  test.each([...MANIFEST_ROWS, ...PAYMENT_ROWS, ...WEBHOOK_ROWS, ...BOOK_ROWS])('%s', async (_what, of, change, fails, why) => {
    const letter = fails[0]?.[0] ?? '';
    const subject = { ...of, plugin: { ...of.plugin, ...change(of.plugin) } };
    // M11 loads the plugin from its file, where nothing was replaced.
    const only = CONFORMANCE_TESTS.map(({ id }) => id).filter((id) => id.startsWith(letter) && id !== 'M11');
    const results = await runConformance(subject, { only });
    const found = results.filter(({ result }) => result === 'failed');
    expect(found.map(({ id }) => id).toSorted()).toEqual([...fails].toSorted());
    const { finding } = found.find(({ id }) => id === fails[0]) ?? {};
    expect(`${finding?.expected} ${finding?.came}`).toMatch(why);
  });
});
