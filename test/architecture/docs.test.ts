import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { catalogue } from '../../src/events/catalogue/catalogue.ts';
import { checkFlow } from '../../src/flows/language/check/check-flow.ts';
import { DIAGNOSTICS } from '../../src/flows/language/diagnostics.ts';
import { fullVocabulary } from '../../src/flows/test/full-vocabulary.ts';
import { errorCatalogue } from '../../src/kernel/errors.ts';
import { envExample, settings } from '../../src/platform/config/settings.ts';
import { ROOT, sourceFiles } from './source-files.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
/** The codes in the first column of the tables of a page. */
const firstColumn = (page: string) => [...read(page).matchAll(/^\| `([\w.-]+)`[^|]*\|/gm)].map(([, code = '']) => code);

const pages = globSync(['*.md', 'docs/**/*.md', 'src/**/*.md', 'plugins/*/*.md'], { cwd: ROOT });

describe('what is written from the code (npm run docs)', () => {
  test('docs/errors.md has every error that the code declares, and no other', async () => {
    for (const { path } of sourceFiles(['src']).filter(({ text }) => /= defineErrors\(/.test(text)))
      await import(pathToFileURL(join(ROOT, path)).href);
    expect(errorCatalogue.size).toBeGreaterThan(100);
    expect(firstColumn('docs/errors.md').toSorted()).toEqual([...errorCatalogue.keys()].toSorted());
  });

  test('docs/events.md has every event of the catalogue, and no other', () => {
    const headings = [...read('docs/events.md').matchAll(/^## (\S+)$/gm)].map(([, type = '']) => type);
    expect(headings.toSorted()).toEqual([...catalogue.keys()].toSorted());
  });

  test('docs/flow-language.md has every diagnostic of the checker, and no other', () => {
    const codes = firstColumn('docs/flow-language.md').filter((code) => code.startsWith('flow.'));
    expect(codes.toSorted()).toEqual(Object.keys(DIAGNOSTICS).toSorted());
  });

  test('docs/settings.md has every setting, and no other; .env.example is what the settings say', () => {
    expect(firstColumn('docs/settings.md')).toEqual(Object.keys(settings));
    expect(read('.env.example')).toBe(envExample());
  });
});

describe('what is written by hand', () => {
  test('every flow in docs/flow-language.md can be published', () => {
    const flows = [...read('docs/flow-language.md').matchAll(/```yaml\n(kassaflow: 1\n[\s\S]*?)```/g)].map(([, source = '']) => source);
    expect(flows.length).toBeGreaterThan(1);
    expect(flows.flatMap((source) => checkFlow(source, fullVocabulary).diagnostics)).toEqual([]);
  });

  test('links between pages and into the code lead somewhere', () => {
    const dead = pages.flatMap((page) =>
      [...withoutCode(read(page)).matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
        .filter(([, target = '']) => !existsSync(join(ROOT, dirname(page), target)))
        .map(([, target = '']) => `${page} → ${target}`),
    );
    expect(dead).toEqual([]);
  });

  test('commands that are shown exist', () => {
    const commands = new Set(
      sourceFiles(['src/cli']).flatMap(({ text }) =>
        [...text.matchAll(/\.command\('([a-z]+(?:-[a-z]+)*)'\)/g)].map(([, name = '']) => name),
      ),
    );
    const unknown = pages.flatMap((page) =>
      [...read(page).matchAll(/npx kassaflow ([a-z]+(?:-[a-z]+)*)/g)]
        .filter(([, name = '']) => !commands.has(name))
        .map(([whole]) => `${page}: ${whole}`),
    );
    expect(commands.size).toBeGreaterThan(10);
    expect(unknown).toEqual([]);
  });

  test('the README links the path of one event to functions that exist', () => {
    const links = [...read('README.md').matchAll(/\[`([\w.]+)`\]\((src\/[\w./-]+\.ts)\)/g)];
    expect(links.length).toBeGreaterThanOrEqual(12);
    const missing = links.filter(([, name = '', path = '']) => !declares(read(path), name)).map(([whole]) => whole);
    expect(missing).toEqual([]);
  });
});

/** Examples of other people's pages are no links of ours. */
function withoutCode(page: string): string {
  return page.replace(/```[\s\S]*?```/g, '');
}

/** @param name `Class.method`, or a function */
function declares(text: string, name: string): boolean {
  const [first = '', method] = name.split('.');
  if (method === undefined) return new RegExp(`^export (abstract class|class|(async )?function|const) ${first}\\b`, 'm').test(text);
  return (
    new RegExp(`^export (abstract )?class ${first}\\b`, 'm').test(text) && new RegExp(`^  (abstract |async )*${method}[(<]`, 'm').test(text)
  );
}
