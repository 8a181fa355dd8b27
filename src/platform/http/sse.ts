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
import { followerOf, type Follower } from '../auth/follower.ts';
import { networkOf } from './rate-limit.ts';
import { requestErrors } from './request-errors.ts';

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
  /** Whose it is; `undefined` for that of a public page. */
  readonly holder: Follower | undefined;
  /** Aborted when the client is gone, for whatever reason. */
  readonly signal: AbortSignal;
  /** Writes one event. Says `false` when the client is gone or was dropped just now. */
  send(message: SseMessage): boolean;
  /** As {@link send}, with what {@link formatMessage} made of it: for an event that goes to many. */
  sendText(text: string): boolean;
  /** Ends the answer, with a comment that says why. */
  end(reason: string): void;
}

/** How many streams may be open at once; 0 for no limit. */
export interface SseLimits {
  /** Of one API key: a portal's server that passes streams on to its browsers needs one for each. */
  readonly perKey: number;
  /** Of one stream token: each tab of a browser may need one. */
  readonly perToken: number;
  /** From one address (IPv6: one /64), of tokens and public pages; holders of API keys are servers, and are not counted here. */
  readonly perAddress: number;
}

/** What streams are counted by. */
interface Bound {
  readonly name: string;
  /** For whoever is refused. */
  readonly of: string;
  readonly most: number;
}

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 3_000;
const LAST_WORDS_MS = 2_000;
const MAX_WAITING_BYTES = 256 * 1_024;

/** All open event streams of this process. */
@Injectable()
export class SseStreams implements BeforeApplicationShutdown {
  readonly #open = new Set<SseClient>();
  readonly #counts = new Map<string, number>();
  #limits: SseLimits = { perKey: 0, perToken: 0, perAddress: 0 };
  #stopping = false;

  /** To be called before the first client comes. */
  limit(limits: SseLimits): void {
    this.#limits = limits;
  }

  /**
   * Turns `reply` into an event stream; the handler takes it with `@Res()` and returns nothing. Call it after everything that
   * can be refused was checked: from here on there is no status to answer with.
   * @param holder who was let in, where the handler and not the guard has found that out
   * @throws request.too-many-streams
   */
  open(reply: FastifyReply, holder: Follower | undefined = followerOf(reply.request)): SseClient {
    const leave = this.#enter(holder, reply.request.ip);
    reply.hijack();
    const { raw } = reply;
    const over = new AbortController();
    const client: SseClient = {
      holder,
      signal: over.signal,
      send: (message) => write(formatMessage(message)),
      sendText: (text) => write(text),
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
      if (this.#open.delete(client)) leave();
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
    // It may have gone while it was asked whether there is anything to follow.
    if (raw.destroyed) close();
    if (this.#stopping) client.end('the system is stopping');
    return client;
  }

  /** Counts one more, and gives what counts it less. @throws request.too-many-streams */
  #enter(holder: Follower | undefined, address: string): () => void {
    const bounds = this.#boundsOf(holder, address);
    for (const { name, of, most } of bounds) {
      if (most > 0 && (this.#counts.get(name) ?? 0) >= most) throw requestErrors['too-many-streams']({ of, most }).after(RETRY_MS);
    }
    for (const { name } of bounds) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    return () => {
      for (const { name } of bounds) {
        const left = (this.#counts.get(name) ?? 0) - 1;
        if (left > 0) this.#counts.set(name, left);
        else this.#counts.delete(name);
      }
    };
  }

  #boundsOf(holder: Follower | undefined, address: string): readonly Bound[] {
    const { perKey, perToken, perAddress } = this.#limits;
    if (holder && !holder.about) return [{ name: holder.credential, of: 'API key', most: perKey }];
    const network = networkOf(address);
    const ofAddress = { name: `address ${network}`, of: 'address', most: perAddress };
    return holder ? [ofAddress, { name: holder.credential, of: 'stream token', most: perToken }] : [ofAddress];
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
