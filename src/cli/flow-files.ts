import { globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { cliErrors } from './cli-errors.ts';
import { parseJson } from './parse-json.ts';

/** The flow files that `names` mean: a file is itself, a folder its `.yaml` files by name. @throws cli.usage when one is not there */
export function flowFiles(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const stat = statSync(name, { throwIfNoEntry: false });
    if (!stat) throw cliErrors.usage({ problem: `there is no file or folder ${name}` });
    return stat.isDirectory()
      ? globSync('*.yaml', { cwd: name })
          .toSorted()
          .map((file) => path.join(name, file))
      : [name];
  });
}

/** A file that an option names, as JSON. @throws cli.usage when it is not there, or is no JSON */
export function jsonFrom(file: string): unknown {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw cliErrors.usage({ problem: `there is no file ${file}` });
  return parseJson(file, readFileSync(file, 'utf8'));
}
