/**
 * Server-sent events: one open answer per client, written to as things happen.
 *
 * Open: the headers are out, `retry: 3000` was sent, a comment goes out every 15 s so that proxies keep the line.
 * Closing, by whoever is first: the client goes away; the handler ends it; the client reads too slowly and more than 256 KiB
 * wait for it (it is told so in a comment and comes back with Last-Event-ID); the application stops. `signal` is aborted then,
 * once, and nothing is written after it.
 */
import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** One event. `data` is written as JSON on one line, so no text in it can end the event or begin another. */
export interface SseMessage {
  /** Where to go on after a broken line: the client sends it back as Last-Event-ID. Digits, letters, `-` and `_`. */
  readonly id?: string;
  /** The name that `addEventListener` takes; without it `message`. Letters, digits, `.`, `-` and `_`. */
  readonly event?: string;
  readonly data: unknown;
}

/** One connected client. */
export interface SseClient {
  /** Aborted when the client is gone, for whatever reason. */
  readonly signal: AbortSignal;
  /** Writes one event. Says `false` when the client is gone or was dropped just now. */
  send(message: SseMessage): boolean;
  /** Ends the answer, with a comment that says why. */
  end(reason: string): void;
}

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 3_000;
const LAST_WORDS_MS = 2_000;
const MAX_WAITING_BYTES = 256 * 1_024;

/** All open event streams of this process. */
@Injectable()
export class SseStreams implements BeforeApplicationShutdown {
  readonly #open = new Set<SseClient>();
  #stopping = false;

  /**
   * Turns `reply` into an event stream; the handler takes it with `@Res()` and returns nothing. Call it after everything that
   * can be refused was checked: from here on there is no status to answer with.
   */
  open(reply: FastifyReply): SseClient {
    reply.hijack();
    const { raw } = reply;
    const over = new AbortController();
    const client: SseClient = {
      signal: over.signal,
      send: (message) => write(formatMessage(message)),
      end: (reason) => {
        if (!over.signal.aborted) raw.end(comment(reason));
        // Whoever does not read does not take the end either.
        setTimeout(() => raw.destroy(), LAST_WORDS_MS).unref();
        close();
      },
    };
    const heartbeat = setInterval(() => void write(comment('still here')), HEARTBEAT_MS);
    heartbeat.unref();
    const close = (): void => {
      clearInterval(heartbeat);
      this.#open.delete(client);
      over.abort();
    };
    const write = (text: string): boolean => {
      if (over.signal.aborted) return false;
      if (raw.writableLength > MAX_WAITING_BYTES) {
        client.end('too slow: come back with Last-Event-ID');
        return false;
      }
      raw.write(text);
      return true;
    };
    raw.on('close', close);
    raw.on('error', close);
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    raw.write(`retry: ${RETRY_MS}\n\n`);
    this.#open.add(client);
    if (this.#stopping) client.end('the system is stopping');
    return client;
  }

  /** How many clients are connected. */
  get size(): number {
    return this.#open.size;
  }

  /** Everybody who is connected. */
  clients(): Iterable<SseClient> {
    return this.#open;
  }

  /** Before the server is closed: an open stream would hold it up until the last client goes. */
  beforeApplicationShutdown(): void {
    this.#stopping = true;
    for (const client of this.#open) client.end('the system is stopping');
  }
}

/** The event as lines of the protocol (WHATWG HTML §9.2.6). @throws RangeError when `id` or `event` could break out of its line */
export function formatMessage({ id, event, data }: SseMessage): string {
  for (const name of [id, event]) {
    if (name !== undefined && !/^[\w.-]{1,200}$/.test(name))
      throw new RangeError(`not an event stream id or name: ${JSON.stringify(name).slice(0, 80)}`);
  }
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
}

function comment(text: string): string {
  return `: ${text.replaceAll(/[\r\n]/g, ' ')}\n\n`;
}
