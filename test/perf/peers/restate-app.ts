/**
 * Restate on the same work: an event sent one way to a service handler with three durable steps, two of them HTTP calls.
 * The handler serves HTTP/2 as by default; the caller sends to Restate's ingress with an idempotency key per event.
 */
import * as restate from '@restatedev/restate-sdk';
import { postToBooks, receiptText, sendReceipt, type PaymentReceived } from './payment-work.ts';

const payments = restate.service({
  name: 'payments',
  handlers: {
    received: async (context: restate.Context, event: PaymentReceived): Promise<void> => {
      const text = await context.run('receipt-text', () => receiptText(event));
      await context.run('receipt', () => sendReceipt(event, text));
      await context.run('posting', () => postToBooks(event));
    },
  },
});

restate.serve({ services: [payments], port: Number(process.argv[3] ?? 0), logger: () => {} }).then(
  (port: number) => process.send?.({ port }),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
