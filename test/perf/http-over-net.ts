/**
 * Just enough HTTP/1.1 for a benchmark's two ends: a message with a Content-Length body over a kept-alive connection.
 *
 * The sink and the load generator share the machine with what they measure. On bare sockets they cost 10 to 15 µs a message
 * where `node:http` costs 40 to 60, so less of the figure is the benchmark itself. It is the same for every contestant.
 */
import type { Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** Calls `onMessage` for every complete message on the socket, with its head (start line and headers) and its body. */
export function readMessages(socket: Socket, onMessage: (head: string, body: string) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const end = pending.indexOf(HEAD_END);
      if (end < 0) return;
      const head = pending.toString('latin1', 0, end);
      const length = Number(LENGTH.exec(head)?.[1] ?? 0);
      const whole = end + HEAD_END.length + length;
      if (pending.length < whole) return;
      const body = pending.toString('utf8', end + HEAD_END.length, whole);
      pending = pending.subarray(whole);
      onMessage(head, body);
    }
  });
}
