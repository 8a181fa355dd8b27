import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/** One request as a local server saw it. */
export interface Logged {
  readonly operation: string;
  readonly idempotencyKey: string;
  /** False for an answer out of the idempotency store: nothing was done a second time. */
  readonly executed: boolean;
  readonly status: number;
}

/**
 * What a local server was asked. With a file, every line is on disk before the answer leaves, so that a test may kill any
 * process at any moment and still ask "was this customer charged twice?".
 */
export class RequestLog {
  readonly #lines: Logged[] = [];
  readonly #file: number | undefined;

  constructor(file?: string) {
    this.#file = file === undefined ? undefined : openSync(file, 'a');
  }

  add(line: Logged): void {
    this.#lines.push(line);
    if (this.#file === undefined) return;
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    fsyncSync(this.#file);
  }

  all(): readonly Logged[] {
    return this.#lines;
  }

  /** How often `operation` really happened: `POST /v1/refunds`. */
  executed(operation: string): number {
    return this.#lines.filter((line) => line.operation === operation && line.executed && line.status < 300).length;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}
