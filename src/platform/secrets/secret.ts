/** A value that must not be printed, wrapped so that printing it by accident shows nothing. */
import { inspect } from 'node:util';

const HIDDEN = '[secret]';

/**
 * Holds a secret text. `String(…)`, `JSON.stringify`, `console.log`, template strings and loggers all show `[secret]`;
 * only {@link Secret.reveal} gives the text, so every use can be found by that name.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}
