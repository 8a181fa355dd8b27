/** The load generator: events one by one, or some to a request, over kept-alive HTTP connections, no pipelining. */
import { connect, type Socket } from 'node:net';
import { readMessages } from './http-over-net.ts';

/** Where and how a contestant takes one event. */
export interface Target {
  readonly port: number;
  /** The request's path; a function when each event has its own. */
  readonly path: (reference: number) => string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (reference: number) => string;
  /** Headers that depend on the body: a signature. */
  readonly signed?: (body: string) => Readonly<Record<string, string>>;
  /** Many events to a request, for a contestant that takes them so. */
  readonly batch?: {
    readonly events: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: (references: readonly number[]) => string;
  };
}

/** When each event was sent and acknowledged, by its reference, in `performance.now()`. */
export interface Sent {
  readonly at: Map<number, number>;
  readonly acknowledgedAt: Map<number, number>;
  readonly refused: string[];
}

export function emptySent(): Sent {
  return { at: new Map(), acknowledgedAt: new Map(), refused: [] };
}

/**
 * Sends events `first … first + count - 1` as fast as the contestant takes them, over `connections` connections.
 * `mayGo` holds the next one back while too many runs are under way, so that no contestant drowns in its own backlog.
 */
export async function saturate(
  target: Target,
  first: number,
  count: number,
  connections: number,
  sent: Sent,
  mayGo: () => boolean,
): Promise<void> {
  let next = first;
  const last = first + count;
  const atOnce = target.batch?.events ?? 1;
  await Promise.all(
    Array.from({ length: connections }, () =>
      eachRequest(target, sent, async () => {
        if (next >= last) return [];
        const references = Array.from({ length: Math.min(atOnce, last - next) }, (_, index) => next + index);
        next += references.length;
        while (!mayGo()) await new Promise((resolve) => setTimeout(resolve, 1));
        return references;
      }),
    ),
  );
}

/** Sends `count` events at a steady rate per second, whatever the answers take. */
export async function steady(target: Target, first: number, count: number, perSecond: number, sent: Sent): Promise<void> {
  const started = performance.now();
  let next = first;
  await Promise.all(
    Array.from({ length: 16 }, () =>
      eachRequest({ ...target, batch: undefined }, sent, async () => {
        if (next >= first + count) return [];
        const reference = next;
        next += 1;
        const due = started + ((reference - first) * 1_000) / perSecond;
        while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now() - 1)));
        return [reference];
      }),
    ),
  );
}

/** @param nextReferences the events of the next request; none when there is no other */
async function eachRequest(
  target: Omit<Target, 'batch'> & { readonly batch?: Target['batch'] | undefined },
  sent: Sent,
  nextReferences: () => Promise<readonly number[]>,
): Promise<void> {
  const socket = await open(target.port);
  const { batch } = target;
  const fixed = lines(batch?.headers ?? target.headers);
  let answered = (_head: string, _body: string): void => {};
  let broken: ((error: Error) => void) | undefined;
  readMessages(socket, (head, body) => answered(head, body));
  socket.on('error', (error) => broken?.(error));
  socket.on('close', () => broken?.(new Error('the connection was closed')));
  for (let references = await nextReferences(); references.length > 0; references = await nextReferences()) {
    const [first = 0] = references;
    const body = batch ? batch.body(references) : target.body(first);
    const answer = new Promise<[string, string]>((resolve, reject) => {
      answered = (head, text) => resolve([head, text]);
      broken = reject;
    });
    const signature = lines(target.signed?.(body) ?? {});
    const sentAt = performance.now();
    for (const reference of references) sent.at.set(reference, sentAt);
    socket.write(
      `POST ${target.path(first)} HTTP/1.1\r\nhost: 127.0.0.1:${target.port}\r\n${fixed}${signature}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    const [head, text] = await answer;
    const answeredAt = performance.now();
    for (const reference of references) sent.acknowledgedAt.set(reference, answeredAt);
    if (!/^HTTP\/1\.1 20[0-4]/.test(head)) sent.refused.push(`${head.split('\r\n')[0]} ${text.slice(0, 200)}`);
  }
  broken = undefined;
  socket.destroy();
}

function lines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}
