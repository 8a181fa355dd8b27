/**
 * DBOS on the same work: an event over HTTP starts a workflow of three durable steps, two of them HTTP calls.
 *
 * Set up as its documentation advises for throughput: `startWorkflow` in the process that takes the request, a pool of 20
 * connections, no tracing. The answer is given when the workflow is recorded, as the other contestants do.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DBOS } from '@dbos-inc/dbos-sdk';
import { postToBooks, receiptText, sendReceipt, type PaymentReceived } from './payment-work.ts';

async function handle(event: PaymentReceived): Promise<void> {
  const text = await DBOS.runStep(() => Promise.resolve(receiptText(event)), { name: 'receipt-text' });
  await DBOS.runStep(() => sendReceipt(event, text), { name: 'receipt' });
  await DBOS.runStep(() => postToBooks(event), { name: 'posting' });
}

const workflow = DBOS.registerWorkflow(handle, { name: 'payment-received' });
DBOS.setConfig({
  name: 'bench',
  systemDatabaseUrl: process.argv[3] ?? '',
  systemDatabasePoolSize: 20,
  logLevel: 'error',
  enableOTLP: false,
});
await DBOS.launch();

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const event = JSON.parse(Buffer.concat(chunks).toString()) as PaymentReceived;
    DBOS.startWorkflow(workflow, { workflowID: `event-${event.reference}` })(event).then(
      () => response.writeHead(202, { 'content-length': 2 }).end('{}'),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
