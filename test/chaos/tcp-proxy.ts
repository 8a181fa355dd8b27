/** Stands between the program and PostgreSQL, and lets the network misbehave. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * - `cut`: what comes from the program is thrown away and the connection ends: the statement never arrives.
 * - `cut-after`: it arrives, is carried out, and the connection ends before the answer: nobody knows whether it was committed.
 * - `half-open`: bytes vanish in both directions, and nothing ends.
 * - `delay`: 50 ms on everything that PostgreSQL says.
 * - `trickle`: its answers arrive byte by byte.
 */
export const NETWORK_TROUBLES = ['cut', 'cut-after', 'half-open', 'delay', 'trickle'] as const;
export type NetworkTrouble = (typeof NETWORK_TROUBLES)[number];

const DELAY_MS = 50;

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export class TcpProxy {
  /** Connections that were ended by a trouble. */
  cuts = 0;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #trouble: NetworkTrouble | undefined;

  /** @param target path of the socket of PostgreSQL */
  static async open(target: () => string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  private constructor(target: () => string) {
    this.#server = createServer({ allowHalfOpen: false, noDelay: true }, (near) => this.#join(near, connect(target())));
  }

  get port(): number {
    // Listening on a port, the address is never a path.
    return (this.#server.address() as AddressInfo).port;
  }

  /** Misbehaves so for a while. Connections that were half open in it end with it, as after a time-out of the network. */
  async misbehave(trouble: NetworkTrouble, ms: number): Promise<void> {
    this.#trouble = trouble;
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#trouble = undefined;
    if (trouble === 'half-open') for (const pair of this.#pairs) this.#cut(pair);
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) end(pair);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket, far: Socket): void {
    const pair = { near, far };
    this.#pairs.add(pair);
    for (const socket of [near, far]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        end(pair);
      });
    }
    near.on('data', (bytes) => {
      if (this.#trouble === 'cut') this.#cut(pair);
      else if (this.#trouble !== 'half-open') far.write(bytes);
    });
    let speaking = Promise.resolve();
    far.on('data', (bytes) => {
      const trouble = this.#trouble;
      if (trouble === 'cut-after') return this.#cut(pair);
      if (trouble === 'half-open') return;
      // In order, whatever the trouble was when the bytes came.
      speaking = speaking.then(() => speak(near, bytes, trouble));
    });
  }

  #cut(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    this.cuts += 1;
    end(pair);
  }
}

async function speak(near: Socket, bytes: Buffer, trouble: NetworkTrouble | undefined): Promise<void> {
  if (trouble === 'delay') await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
  if (trouble !== 'trickle') return void near.write(bytes);
  for (const byte of bytes) {
    if (near.destroyed) return;
    near.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function end({ near, far }: Pair): void {
  near.destroy();
  far.destroy();
}
