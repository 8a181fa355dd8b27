/** The provider of the coin plugin, on this machine: payments by whole minor units, keys, signed deliveries. */
import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { Coin } from './coin-plugin.ts';

export const SECRETS = ['coin_secret_number_one', 'coin_secret_number_two'] as const;
export const API_KEY = 'test_coin_key';

type Stored = { -readonly [Key in keyof Coin]: Coin[Key] } & { readonly byHand: boolean };

interface Answer {
  readonly status: number;
  readonly value: unknown;
}

export class CoinServer {
  readonly coins = new Map<string, Stored>();
  readonly refunds: { readonly payment: string; readonly amount: number }[] = [];
  readonly sent: RawWebhook[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const { status, value } = this.#answer(request, body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  coin(id: string): Stored {
    const coin = this.coins.get(id);
    if (!coin) throw new TypeError(`There is no coin ${id}`);
    return coin;
  }

  change(id: string, change: Partial<Stored>): Stored {
    const coin = Object.assign(this.coin(id), change);
    const event = { id: `evt_${randomUUID()}`, type: `payment.${coin.state}`, payment: id, state: coin.state };
    this.sent.push(signed(Buffer.from(JSON.stringify(event)), [SECRETS[0]], Date.now()));
    return coin;
  }

  approve(id: string): void {
    const { amount, byHand } = this.coin(id);
    this.change(id, byHand ? { state: 'authorized', authorized: amount } : { state: 'paid', captured: amount });
  }

  #answer({ method = '', url = '', headers }: IncomingMessage, body: string): Answer {
    if (headers.authorization !== `Bearer ${API_KEY}`) return { status: 401, value: {} };
    if (method === 'GET') return this.#look(url);
    const key = String(headers['idempotency-key']);
    const known = this.#answers.get(key);
    if (known) return known;
    const answer = this.#do(url, JSON.parse(body) as Readonly<Record<string, unknown>>);
    if (answer.status < 300) this.#answers.set(key, answer);
    return answer;
  }

  #look(url: string): Answer {
    if (url === '/v1/account') return { status: 200, value: { name: 'Coin shop' } };
    const reference = /\?reference=(.+)$/.exec(url)?.[1];
    if (reference !== undefined) return { status: 200, value: [...this.coins.values()].filter((coin) => coin.reference === reference) };
    const coin = this.coins.get(url.split('/').at(-1) ?? '');
    return coin ? { status: 200, value: coin } : { status: 404, value: {} };
  }

  #do(url: string, fields: Readonly<Record<string, unknown>>): Answer {
    const [, , , id, verb] = url.split('/');
    const amount = Number(fields['amount']);
    if (id === undefined) return { status: 200, value: this.#create(fields, amount) };
    const coin = this.coin(id);
    if (verb === 'cancel' && coin.state === 'open') return { status: 200, value: { ...this.change(id, { state: 'cancelled' }) } };
    if (verb === 'capture' && coin.state === 'authorized')
      return { status: 200, value: { ...this.change(id, { state: 'paid', captured: amount, voided: coin.amount - amount }) } };
    if (verb === 'refunds' && amount <= coin.captured - coin.refunded) {
      this.change(id, { refunded: coin.refunded + amount });
      this.refunds.push({ payment: id, amount });
      return { status: 200, value: { id: `ref_${this.refunds.length}` } };
    }
    return { status: 409, value: {} };
  }

  #create(fields: Readonly<Record<string, unknown>>, amount: number): Coin {
    const coin: Stored = {
      id: `coin_${this.coins.size + 1}`,
      state: 'open',
      reference: String(fields['reference']),
      currency: String(fields['currency']),
      amount,
      captured: 0,
      authorized: 0,
      voided: 0,
      refunded: 0,
      charged_back: 0,
      decline: null,
      byHand: fields['capture'] === 'manual',
    };
    this.coins.set(coin.id, coin);
    return { ...coin };
  }
}

export function signed(body: Uint8Array, secrets: readonly string[], at: number): RawWebhook {
  const seconds = Math.floor(at / 1_000);
  const signatures = secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')}`);
  return {
    method: 'POST',
    url: 'https://kassaflow.example/webhooks/coin/con_1',
    headers: { 'coin-signature': [`t=${seconds}`, ...signatures].join(',') },
    body,
    receivedAt: at,
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks).toString('utf8');
}
