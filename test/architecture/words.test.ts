import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { isTest, ROOT, sourceFiles } from './source-files.ts';

const files = sourceFiles(['src'], { tests: true });

/** A comment may name a provider as the source of a fact; code may not. */
const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1');

describe('words', () => {
  test('a provider is named in its plugin and nowhere in the core', () => {
    const providers = readdirSync(join(ROOT, 'plugins')).filter((name) => name !== 'sdk' && name !== 'smtp');
    const named = new RegExp(`\\b(${[...providers, 'mollie', 'paypal', 'vipps', 'mobilepay', 'softpay'].join('|')})\\b`, 'i');
    const found = files
      .filter(({ path, text }) => !isTest(path) && named.test(code(text)))
      .map(({ path, text }) => `${path}: ${named.exec(code(text))?.[0]}`);
    expect(found).toEqual([]);
  });

  test('the glossary has one word for each thing', () => {
    // style.md 3.6: wallet → credit account, workflow → flow, connector → plugin, vendor → provider
    const banned = /\b(wallet|workflow|connector|vendor)s?\b/i;
    const found = files
      .filter(({ path, text }) => banned.test(path) || banned.test(code(text)))
      .map(({ path, text }) => `${path}: ${banned.exec(code(text))?.[0]}`);
    expect(found).toEqual([]);
  });

  test('no file is a grab-bag', () => {
    const names = /\/(utils?|helpers?|common|misc|base|manager|impl|types)(\.[a-z]+)?\.ts$/;
    expect(
      [...files, ...sourceFiles(['plugins', 'test', 'scripts'], { tests: true })]
        .map(({ path }) => path)
        .filter((path) => names.test(path)),
    ).toEqual([]);
  });

  test('the clock is read in kernel/clock.ts and nowhere else', () => {
    const reads = /\bDate\.now\(\)|\bnew Date\(\)/;
    const found = files
      .filter(({ path, text }) => path !== 'src/kernel/clock.ts' && !isTest(path) && reads.test(code(text)))
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test('the environment is read by the configuration and the crash points alone', () => {
    const found = files.filter(({ path, text }) => !isTest(path) && /process\.env\b/.test(code(text))).map(({ path }) => path);
    expect(found.filter((path) => !path.startsWith('src/platform/config/') && path !== 'src/platform/crash-points.ts')).toEqual([]);
  });

  test('nothing is typed any', () => {
    const found = files
      .filter(({ text }) => /(:|<|as)\s*any\b(?!\()/.test(code(text).replace(/'[^'\n]*'|`[^`]*`/g, '')))
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test('JavaScript from data is evaluated nowhere', () => {
    const found = files.filter(({ text }) => /\beval\(|new Function\(|from 'node:vm'/.test(code(text))).map(({ path }) => path);
    expect(found).toEqual([]);
  });
});
