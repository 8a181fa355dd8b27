/** The load generator: events one by one over kept-alive HTTP connections, no pipelining. */
import { connect, type Socket } from 'node:net';
import { readMessages } from './http-over-net.ts';

/** Where and how a contestant takes one event. */
export interface Target {
  readonly port: number;
  /** The request's path; a function when each event has its own. */
  readonly path: (reference: number) => string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (reference: number) => string;
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
  await Promise.all(
    Array.from({ length: connections }, () =>
      eachRequest(target, sent, async () => {
        if (next >= last) return undefined;
        const reference = next;
        next += 1;
        while (!mayGo()) await new Promise((resolve) => setTimeout(resolve, 1));
        return reference;
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
      eachRequest(target, sent, async () => {
        if (next >= first + count) return undefined;
        const reference = next;
        next += 1;
        const due = started + ((reference - first) * 1_000) / perSecond;
        while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now() - 1)));
        return reference;
      }),
    ),
  );
}

async function eachRequest(target: Target, sent: Sent, nextReference: () => Promise<number | undefined>): Promise<void> {
  const socket = await open(target.port);
  const fixed = Object.entries(target.headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  let answered = (_head: string, _body: string): void => {};
  let broken: ((error: Error) => void) | undefined;
  readMessages(socket, (head, body) => answered(head, body));
  socket.on('error', (error) => broken?.(error));
  socket.on('close', () => broken?.(new Error('the connection was closed')));
  for (let reference = await nextReference(); reference !== undefined; reference = await nextReference()) {
    const body = target.body(reference);
    const answer = new Promise<[string, string]>((resolve, reject) => {
      answered = (head, text) => resolve([head, text]);
      broken = reject;
    });
    sent.at.set(reference, performance.now());
    socket.write(
      `POST ${target.path(reference)} HTTP/1.1\r\nhost: 127.0.0.1:${target.port}\r\n${fixed}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    const [head, text] = await answer;
    sent.acknowledgedAt.set(reference, performance.now());
    if (!head.startsWith('HTTP/1.1 20')) sent.refused.push(`${head.split('\r\n')[0]} ${text.slice(0, 200)}`);
  }
  broken = undefined;
  socket.destroy();
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}
