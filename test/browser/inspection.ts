/** What every page of ours is looked at for, in a tab that shows it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Tab } from './chromium.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** WCAG 2.2 to level AA, and what axe advises beyond. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** `rule element` for each finding of axe. */
export async function findingsOfAxe(tab: Tab): Promise<readonly string[]> {
  await tab.read(`${AXE}; 1`);
  return tab.read<readonly string[]>(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ' ' + html)))`,
  );
}

/** Keeps a picture of the page in the folder KASSAFLOW_PICTURES, if that is set. */
export async function keepPicture(tab: Tab, name: string): Promise<void> {
  const folder = process.env['KASSAFLOW_PICTURES'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.png`), await tab.picture());
}
