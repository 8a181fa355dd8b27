/** The work of one event, the same for every peer: the texts and the two calls; only the durability around them differs. */
import { Pool } from 'undici';

const sink = new Pool(process.argv[2] ?? '', { connections: 64 });

export interface PaymentReceived {
  readonly reference: number;
  readonly amount: string;
  readonly currency: string;
  readonly description: string;
}

export function receiptText(event: PaymentReceived): string {
  return `Thanks! We received ${event.currency} ${event.amount} for ${event.description}.`;
}

export async function sendReceipt(event: PaymentReceived, text: string): Promise<string> {
  return post('/receipt', { reference: event.reference, text });
}

export async function postToBooks(event: PaymentReceived): Promise<string> {
  return post('/ledger', { reference: event.reference, amount: event.amount });
}

async function post(path: string, body: object): Promise<string> {
  const answer = await sink.request({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return answer.body.text();
}
