import Stripe from 'stripe';
import type { FaultScript } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { missing, newId } from './stripe-objects.ts';

/** Where a server's webhooks go, and the secrets that sign them: several while one is rolled. */
export interface WebhookTarget {
  readonly url: string;
  readonly secrets: readonly string[];
}

/** One that was registered through the API. */
export interface WebhookEndpoint {
  readonly id: string;
  readonly object: 'webhook_endpoint';
  readonly url: string;
  readonly api_version: string;
  enabled_events: readonly string[];
  status: 'enabled' | 'disabled';
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly created: number;
  readonly livemode: boolean;
  /** Told once, by the answer to the registration. */
  readonly secret: string;
}

/** Stripe itself goes on for three days; nobody here is away for longer, on a slow machine either. */
const SENT_AGAIN_FOR_MS = 5 * 60_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;
/** How long the news of a change may take to be on its way; repeated deliveries are not waited for. */
const SETTLED_MS = 2_000;

/** Sends events, signed by Stripe's own library, with retries and with the faults of the script. In memory. */
export class StripeWebhooks {
  readonly #faults: FaultScript;
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #late: (() => void)[] = [];
  target: WebhookTarget | undefined;
  /** Deliver to registered endpoints too; without it they are kept and never called. */
  sendsToEndpoints = false;
  readonly endpoints = new Map<string, WebhookEndpoint>();
  /** The body of every event there was to tell of, oldest first, also when nobody was to be told. */
  readonly events: string[] = [];

  constructor(faults: FaultScript, target: WebhookTarget | undefined) {
    this.#faults = faults;
    this.target = target;
  }

  register(endpoint: Omit<WebhookEndpoint, 'id' | 'object' | 'status' | 'secret'>): WebhookEndpoint {
    const made: WebhookEndpoint = { id: newId('we'), object: 'webhook_endpoint', status: 'enabled', secret: newId('whsec'), ...endpoint };
    this.endpoints.set(made.id, made);
    return made;
  }

  endpoint(id: string): WebhookEndpoint {
    return this.endpoints.get(id) ?? missing('webhook endpoint', id);
  }

  send(event: { readonly id: string; readonly type: string }): void {
    const body = JSON.stringify(event, null, 2);
    this.events.push(body);
    const targets = this.#targetsOf(event.type);
    if (targets.length === 0) return;
    const deliver = (): void => {
      for (const target of targets) {
        const running = this.#deliver(target, body).finally(() => this.#running.delete(running));
        this.#running.add(running);
      }
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

  /** Resolves when what was sent has arrived, or after two seconds. */
  async settled(): Promise<void> {
    if (this.#running.size > 0) await Promise.race([Promise.all(this.#running), this.#wait(SETTLED_MS)]);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  #targetsOf(type: string): readonly WebhookTarget[] {
    const registered = this.sendsToEndpoints ? [...this.endpoints.values()] : [];
    return [
      ...(this.target ? [this.target] : []),
      ...registered
        .filter(({ status, enabled_events: events }) => status === 'enabled' && (events.includes('*') || events.includes(type)))
        .map(({ url, secret }) => ({ url, secrets: [secret] })),
    ];
  }

  async #deliver({ url, secrets }: WebhookTarget, body: string): Promise<void> {
    const end = performance.now() + SENT_AGAIN_FOR_MS;
    for (
      let waitMs = FIRST_WAIT_MS;
      performance.now() < end && !this.#closing.signal.aborted;
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
    ) {
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
      await this.#wait(waitMs);
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
