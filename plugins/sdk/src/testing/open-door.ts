import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RawWebhook } from '../webhook.ts';

/** An address that keeps what is delivered to it, for a provider that sends to where it is told. */
export interface OpenDoor {
  readonly url: string;
  /** Oldest first, as they arrived. */
  readonly deliveries: readonly RawWebhook[];
  /** Resolves when at least `count` are in, or after two seconds. */
  atLeast(count: number): Promise<readonly RawWebhook[]>;
  close(): Promise<void>;
}

const PATIENCE_MS = 2_000;

/** Listens on this machine and answers 204 to every delivery. */
export async function openDoor(path = '/webhooks/conformance'): Promise<OpenDoor> {
  const deliveries: RawWebhook[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined),
      );
      deliveries.push({ method: request.method ?? 'POST', url, headers, body: Buffer.concat(chunks), receivedAt: Date.now() });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`; // it listens on a port
  return {
    url,
    deliveries,
    async atLeast(count) {
      const giveUpAt = Date.now() + PATIENCE_MS;
      while (deliveries.length < count && Date.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 20));
      return deliveries;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
