/**
 * What the host and a plugin's child process say to each other: one JSON object per line over the pipe with descriptor 3.
 *
 * The child opens with `manifest`, or with `broken` when the plugin cannot be loaded. Then the host sends `call`s, in any
 * number at once; the child answers each exactly once with `answer`, `invalid` (the plugin returned what cannot be sent) or
 * `threw`. `abort` says that nobody waits for the answer any more. Each `ping` is answered by `pong` as soon as the child's
 * event loop turns; a child that does not is hung. When the pipe ends, the child exits: it never outlives its host.
 *
 * This folder runs in the child, natively, so it is erasable TypeScript and imports nothing of the rest of the app.
 */

/** Header on every request to the egress gateway: the id of the call that it is part of. */
export const CALL_HEADER = 'x-kassaflow-call';
/** Header on an answer of the gateway itself, with the code of the refusal. */
export const REFUSAL_HEADER = 'x-kassaflow-egress-refused';
/** Descriptor of the pipe. */
export const PIPE = 3;
/** Largest result of a call, as JSON. */
export const MAX_RESULT_BYTES = 1024 * 1024;
/** Largest line a child may send: a result and its envelope. */
export const MAX_LINE_BYTES = MAX_RESULT_BYTES + 64 * 1024;

/** The part of a `Context` that travels. */
export interface CallContext {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly connection: { readonly id: string; readonly name: string };
  readonly mode: 'test' | 'live';
  readonly idempotencyKey: string;
  readonly attempt: number;
  /** The host's present moment, epoch milliseconds. */
  readonly now: number;
}

export type ToChild =
  | { readonly t: 'call'; readonly id: string; readonly path: string; readonly context: CallContext; readonly input: unknown }
  | { readonly t: 'abort'; readonly id: string }
  | { readonly t: 'ping'; readonly n: number };

export type ToHost =
  | { readonly t: 'manifest'; readonly manifest: unknown }
  | { readonly t: 'broken'; readonly reason: string }
  | { readonly t: 'answer'; readonly id: string; readonly value?: unknown }
  | { readonly t: 'invalid'; readonly id: string; readonly reason: string }
  | { readonly t: 'threw'; readonly id: string; readonly message: string; readonly code?: string }
  | {
      readonly t: 'log';
      readonly id?: string;
      readonly level: 'info' | 'warn';
      readonly message: string;
      readonly facts?: Readonly<Record<string, unknown>>;
    }
  | { readonly t: 'pong'; readonly n: number };

/**
 * Cuts a stream of bytes into lines. A line longer than `limit` calls `onTooLong` once and nothing after it, so that a
 * peer cannot make us collect without end.
 */
export function lineReader(limit: number, onLine: (line: string) => void, onTooLong: () => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let size = 0;
  let stopped = false;
  return (chunk) => {
    let from = 0;
    while (!stopped && from <= chunk.length) {
      const end = chunk.indexOf(10, from);
      const part = chunk.subarray(from, end === -1 ? chunk.length : end);
      size += part.length;
      if (size > limit) {
        stopped = true;
        parts = [];
        onTooLong();
        return;
      }
      parts.push(part);
      if (end === -1) return;
      const line = parts.length === 1 ? part.toString('utf8') : Buffer.concat(parts, size).toString('utf8');
      parts = [];
      size = 0;
      from = end + 1;
      onLine(line);
    }
  };
}

/** Waiting text above this is written at once. */
const WRITTEN_AT_ONCE = 64 * 1024;

/**
 * Writes lines, those of one turn of the event loop together: under load a call to the system, and a wake-up of the process at the
 * other end, for many calls instead of for each. What a turn has written is on its way before the next one begins.
 */
export function lineWriter(write: (text: string) => void): (line: string) => void {
  let waiting = '';
  const flush = (): void => {
    const text = waiting;
    waiting = '';
    if (text !== '') write(text);
  };
  return (line) => {
    if (waiting === '') setImmediate(flush);
    waiting += `${line}\n`;
    if (waiting.length >= WRITTEN_AT_ONCE) flush();
  };
}
