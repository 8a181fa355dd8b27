/** A kit that passes everything is worth nothing: each of these plugins is wrong in one way, and the kit finds that way. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { Plugin } from '@kassaflow/plugin-sdk';
import { renderConformance, reportOf, runConformance, type TestResult } from '@kassaflow/plugin-sdk/testing';
import correct from './coin/correct.ts';
import { coinSubject } from './coin/test/conformance.ts';

const WRONG = path.join(path.dirname(fileURLToPath(import.meta.url)), 'coin/wrong');

/** Which tests fail, the first of them for this reason; and no other. */
const FINDINGS: Readonly<Record<string, readonly [fails: readonly string[], why: RegExp]>> = {
  'new-key-per-attempt': [['P2', 'P3', 'P4'], /one payment of one key.*2 payments were made/s],
  'float-amounts': [['P9'], /whole numbers and decimal texts.*434\.99999999999994/s],
  'state-from-webhook': [['W11'], /no money: the provider has none/],
  'parses-before-verifying': [['W8'], /refused before anything parses it/],
  'compares-with-equals': [['W7'], /no signature compared with ===/],
  'unknown-as-failed': [['P22', 'P4', 'P11', 'P14'], /unknown after 500-after.*"failed"/s],
  'repeats-under-new-key': [['P22'], /2 payments were made: the plugin sent it again under another key/],
  'finds-only-paid': [['P4'], /the payment that is there.*says that it was never made/s],
  'secret-unmarked': [['M6'], /x-secret.*apiKey/s],
  'old-timestamp-accepted': [['W5'], /a refusal of a timestamp that is too old/],
  'refund-cut-down': [['P11'], /failed for more than is left/],
  'refund-checked-first': [['P11'], /^ok .*There is less left than that/],
  'unknown-state-completed': [['P6'], /no money of a state that nobody knows/],
  'socket-left-open': [['M11'], /no timer and no socket after loading.*TCP/s],
  'sleeps-through-abort': [['T2', 'P22'], /within 1200 ms/],
  'throws-raw-errors': [['T4'], /an outcome after html-after.*The line to Coin broke/s],
};

const failedIn = (results: readonly TestResult[]): readonly string[] =>
  results.filter(({ result }) => result === 'failed').map(({ id }) => id);

test('the correct plugin passes, and what is left out says why', async () => {
  const results = await runConformance(coinSubject(correct));
  const report = reportOf({ plugin: correct, folder: coinSubject(correct).folder }, results);
  expect(results.filter(({ result }) => result === 'failed')).toEqual([]);
  expect(results).toHaveLength(66);
  expect(results.filter(({ result, reason }) => result === 'left out' && !reason)).toEqual([]);
  expect(report.passed).toBeGreaterThanOrEqual(44);
  expect(renderConformance(report).join('\n')).toContain('S1 S2 S3 S4: the plugin has no payments.settlements');
});

test('every wrong plugin has a finding, and every finding a plugin', () => {
  expect(
    readdirSync(WRONG)
      .map((name) => path.basename(name, '.ts'))
      .toSorted(),
  ).toEqual(Object.keys(FINDINGS).toSorted());
});

describe('the kit finds the plugin that', () => {
  test.each(Object.entries(FINDINGS))('%s', async (name, [fails, why]) => {
    const results = await runConformance(coinSubject(await variant(name), `wrong/${name}.ts`));
    expect(failedIn(results).toSorted()).toEqual([...fails].toSorted());
    const { finding } = results.find(({ id }) => id === fails[0]) ?? {};
    expect(`${finding?.expected} ${finding?.came}`).toMatch(why);
    expect(finding?.look).not.toBe('');
  });
});

/** What a plugin leaves open when it is loaded would be left open in this process too: that one is loaded by the kit alone. */
async function variant(name: string): Promise<Plugin> {
  if (name === 'socket-left-open') return correct;
  const { default: plugin } = (await import(pathToFileURL(path.join(WRONG, `${name}.ts`)).href)) as { default: Plugin };
  return plugin;
}
