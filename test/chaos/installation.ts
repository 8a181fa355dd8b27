/** A copy of the built program: what others build meanwhile does not reach a campaign, and a planted bug stays in it. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What the program reads beside its own code. */
const LINKED = ['migrations', 'package.json', 'flows', 'scripts'];
/** The bank, one that only misbehaves, and Stripe's. Others would only make every start slower. */
const PLUGINS = [
  ['bank', join(import.meta.dirname, 'plugins/bank')],
  ['bad', join(ROOT, 'src/plugin-host/test-plugins/bad')],
  ['stripe', join(ROOT, 'plugins/stripe')],
] as const;

export interface Installation {
  readonly folder: string;
  readonly binary: string;
  readonly plugins: string;
}

/**
 * Copies the program of this checkout, with the bug in it when one is given. The copy lies below the checkout, so that it finds the same
 * packages; plugins may not read them through a link.
 * @throws when the bug does not fit the code
 */
export function install(mutant?: Mutant): Installation {
  const above = join(ROOT, 'data');
  mkdirSync(above, { recursive: true });
  const folder = mkdtempSync(join(above, 'chaos-'));
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
  for (const name of LINKED) symlinkSync(join(ROOT, name), join(folder, name));
  const plugins = join(folder, 'plugins');
  mkdirSync(plugins);
  // Copies: a folder that is only a link is no plugin.
  for (const [name, path] of PLUGINS) cpSync(path, join(plugins, name), { recursive: true });
  if (mutant) plant(folder, mutant);
  return { folder, binary: join(folder, 'bin/kassaflow.mjs'), plugins };
}

/** Changes the compiled code. A text that is not there exactly once means that the code has moved on and the bug must be written anew. */
export function plant(folder: string, { name, edits }: Mutant): void {
  for (const { file, find, replace } of edits) {
    const path = join(folder, 'dist', file);
    const code = readFileSync(path, 'utf8');
    if (code.split(find).length !== 2) throw new Error(`The planted bug "${name}" no longer fits ${file}: ${JSON.stringify(find)}`);
    writeFileSync(
      path,
      code.replace(find, () => replace),
    );
  }
}

export function uninstall({ folder }: Installation): void {
  rmSync(folder, { recursive: true, force: true });
}
