/**
 * Writes the pages of `docs/` that follow from the code: `node scripts/docs.ts [--check]`.
 *
 * The code is loaded from `dist`, so build first; nothing is started and no database is needed. With `--check` nothing is
 * written: pages that differ are named and the exit code is 1.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { diagnosticsSection } from './docs/diagnostics-section.ts';
import { errorsPage } from './docs/errors-page.ts';
import { eventsPage } from './docs/events-page.ts';
import { openApiDocument } from './docs/openapi-document.ts';
import { ROOT } from './docs/compiled.ts';
import { settingsPage } from './docs/settings-page.ts';

/** The text of a file, from what it holds now where only a part of it is generated. */
type Page = (current: () => Promise<string>) => Promise<string>;

const pages: Readonly<Record<string, Page>> = {
  '.env.example': async () => (await settingsPage()).envExample,
  'docs/settings.md': async () => (await settingsPage()).page,
  'docs/errors.md': errorsPage,
  'docs/events.md': eventsPage,
  'docs/flow-language.md': async (current) => diagnosticsSection(await current()),
  'docs/openapi.json': openApiDocument,
};

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [name, page] of Object.entries(pages)) {
  const file = path.join(ROOT, name);
  const text = await formatted(file, await page(() => readFile(file, 'utf8')));
  if (text === (await readFile(file, 'utf8').catch(() => ''))) continue;
  stale.push(name);
  if (!check) await writeFile(file, text);
}
if (stale.length > 0) console.log(`${check ? 'Not as the code says (npm run docs):' : 'Written:'} ${stale.join(', ')}`);
if (check && stale.length > 0) process.exitCode = 1;

/** As `npm run format` would leave it; otherwise the two would change each other's work for ever. */
async function formatted(file: string, text: string): Promise<string> {
  if (!/\.(md|json)$/.test(file)) return text;
  return format(text, { ...(await resolveConfig(file)), filepath: file });
}
