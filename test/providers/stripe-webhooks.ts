import Stripe from 'stripe';
import type { FaultScript } from '../../plugins/sandbox/src/provider/fault-script.ts';

/** Where a server's webhooks go, and the secrets that sign them: several while one is rolled. */
export interface WebhookTarget {
  readonly url: string;
  readonly secrets: readonly string[];
}

const ATTEMPTS = 8;
const FIRST_WAIT_MS = 100;

/** Sends events, signed by Stripe's own library, with retries and with the faults of the script. In memory. */
export class StripeWebhooks {
  readonly #faults: FaultScript;
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #late: (() => void)[] = [];
  target: WebhookTarget | undefined;
  /** The body of every event there was to tell of, oldest first, also when nobody was to be told. */
  readonly events: string[] = [];

  constructor(faults: FaultScript, target: WebhookTarget | undefined) {
    this.#faults = faults;
    this.target = target;
  }

  send(event: { readonly id: string; readonly type: string }): void {
    const body = JSON.stringify(event, null, 2);
    this.events.push(body);
    const { target } = this;
    if (!target) return;
    const deliver = (): void => {
      const running = this.#deliver(target, body).finally(() => this.#running.delete(running));
      this.#running.add(running);
    };
    const action = this.#faults.take(`webhook ${event.type}`)?.action;
    if (action === 'drop') return;
    if (action === 'reorder') return void this.#late.push(deliver);
    deliver();
    if (action === 'duplicate') deliver();
    const late = this.#late;
    this.#late = [];
    for (const overtaken of late) overtaken();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  async #deliver({ url, secrets }: WebhookTarget, body: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS && !this.#closing.signal.aborted; attempt += 1) {
      try {
        const answer = await fetch(url, {
          method: 'POST',
          redirect: 'manual',
          headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': stripeSignature(body, secrets, Date.now()) },
          body,
          signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(10_000)]),
        });
        await answer.body?.cancel();
        if (answer.ok) return;
      } catch {
        // Nobody listens yet, or it broke: the same as an answer that is not 2xx.
      }
      await this.#wait(FIRST_WAIT_MS * 2 ** attempt);
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#closing.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

/** `t=…,v1=…` with one `v1` for every secret. */
export function stripeSignature(payload: string, secrets: readonly string[], at: number): string {
  const timestamp = Math.floor(at / 1000);
  const headers = secrets.map((secret) => Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp }));
  return [`t=${timestamp}`, ...headers.map((header) => header.slice(header.indexOf(',') + 1))].join(',');
}
