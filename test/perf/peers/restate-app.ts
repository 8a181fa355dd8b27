/**
 * Restate on the same work: an event sent one way to a service handler with three durable steps, two of them HTTP calls.
 * The handler serves HTTP/2 as by default; the caller sends to Restate's ingress with an idempotency key per event.
 */
import * as restate from '@restatedev/restate-sdk';
import { Pool } from 'undici';

const sink = new Pool(process.argv[2] ?? '', { connections: 64 });

interface PaymentReceived {
  readonly reference: number;
  readonly amount: string;
  readonly currency: string;
  readonly description: string;
}

async function post(path: string, body: object): Promise<string> {
  const answer = await sink.request({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return answer.body.text();
}

const payments = restate.service({
  name: 'payments',
  handlers: {
    received: async (context: restate.Context, event: PaymentReceived): Promise<void> => {
      const text = await context.run(
        'receipt-text',
        () => `Thanks! We received ${event.currency} ${event.amount} for ${event.description}.`,
      );
      await context.run('receipt', () => post('/receipt', { reference: event.reference, text }));
      await context.run('posting', () => post('/ledger', { reference: event.reference, amount: event.amount }));
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
