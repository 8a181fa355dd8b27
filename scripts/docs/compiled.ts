/** The compiled application. Node cannot read `src` itself: decorators are more than types. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export const ROOT = path.join(import.meta.dirname, '../..');

/** Loads a file of `dist`; `T` is `typeof import('../../src/….ts')` of its source, which is what it was compiled from. */
export async function compiled<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(path.join(ROOT, 'dist', file)).href)) as T;
}
