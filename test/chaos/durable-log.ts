/** A file of lines that says yes only when a line is on disk. Lines that come while one sync is under way share the next. */
import { closeSync, fdatasync, openSync, readFileSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const sync = promisify(fdatasync);

export class DurableLog {
  readonly path: string;
  readonly #file: number;
  #gathering: { text: string; done: Promise<void> } | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'a');
  }

  /** Resolves when the line is on disk. */
  append(line: object): Promise<void> {
    const text = `${JSON.stringify(line)}\n`;
    if (this.#gathering) {
      this.#gathering.text += text;
      return this.#gathering.done;
    }
    const batch = { text, done: Promise.resolve() };
    this.#gathering = batch;
    batch.done = this.#writing.then(async () => {
      this.#gathering = undefined;
      writeSync(this.#file, batch.text);
      await sync(this.#file);
    });
    this.#writing = batch.done;
    return batch.done;
  }

  async close(): Promise<void> {
    await this.#writing;
    closeSync(this.#file);
  }
}

/** The lines of such a file, oldest first. */
export function readLines<T>(path: string): readonly T[] {
  // Written by `append` of this very program, which is the only one that knows the file.
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
