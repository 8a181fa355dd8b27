import { createHmac, randomUUID } from 'node:crypto';
import type { FaultScript } from './fault-script.ts';
import type { Store } from './store.ts';

interface Delivery {
  readonly id: string;
  readonly account: string;
  readonly url: string;
  readonly type: string;
  readonly body: string;
  readonly attempts: number;
}

/** Waits between attempts; after the last one a delivery is given up. Real providers go on for three days. */
const RETRY_AFTER_MS = [1_000, 2_000, 5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000];
/** A delivery out of attempts is due so late that nobody waits for it; the row stays for people. */
const GIVEN_UP = Date.UTC(9999, 0);
const TIMEOUT_MS = 10_000;
const IDLE_CHECK_MS = 500;

/**
 * Sends signed webhooks until they are answered 2xx.
 *
 * A delivery is a row, written in the transaction of the change that it tells of, so a kill of the provider loses none.
 * One loop sends them: it takes the due rows in order, posts each, and marks it delivered or due again later. A delivery
 * whose answer got lost is sent twice, as with every real provider.
 */
export class WebhookSender {
  readonly #store: Store;
  readonly #faults: FaultScript;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #closed = false;

  constructor(store: Store, faults: FaultScript) {
    this.#store = store;
    this.#faults = faults;
  }

  /** Writes a delivery; call it inside the transaction of the change, then {@link nudge}. */
  enqueue(delivery: { account: string; url: string; type: string; data: Readonly<Record<string, unknown>> }): void {
    const id = `evt_${randomUUID()}`;
    const body = JSON.stringify({ id, type: delivery.type, created_at: new Date().toISOString(), data: delivery.data });
    this.#store.run(
      'insert into webhook (id, account, url, type, body, due_at) values (?, ?, ?, ?, ?, ?)',
      id,
      delivery.account,
      delivery.url,
      delivery.type,
      body,
      Date.now(),
    );
  }

  /** Sends what is due now, and from then on by itself. */
  nudge(): void {
    if (this.#closed || this.#round) return;
    clearTimeout(this.#timer);
    this.#round = this.#sendDue().finally(() => {
      this.#round = undefined;
      if (!this.#closed) this.#timer = setTimeout(() => this.nudge(), IDLE_CHECK_MS);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  async #sendDue(): Promise<void> {
    const due = this.#store.all<Delivery>(
      'select * from webhook where delivered_at is null and due_at <= ? order by due_at, rowid limit 50',
      Date.now(),
    );
    for (const delivery of this.#inScriptedOrder(due)) {
      if (this.#closed) return;
      await this.#send(delivery);
    }
  }

  /** A scripted `reorder` moves a delivery behind the rest of its round, a `duplicate` lets it be sent twice. */
  #inScriptedOrder(due: readonly Delivery[]): readonly Delivery[] {
    const late: Delivery[] = [];
    const order: Delivery[] = [];
    for (const delivery of due) {
      const action = this.#faults.take(`webhook ${delivery.type}`)?.action;
      if (action === 'drop') this.#postpone(delivery, 'dropped by the fault script');
      else if (action === 'reorder') late.push(delivery);
      else if (action === 'duplicate') order.push(delivery, delivery);
      else order.push(delivery);
    }
    return [...order, ...late];
  }

  async #send(delivery: Delivery): Promise<void> {
    const signature = signatureHeader(this.#secretsOf(delivery.account), delivery.body, Date.now());
    try {
      const answer = await fetch(delivery.url, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', 'sandbox-signature': signature },
        body: delivery.body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.body?.cancel();
      if (answer.ok)
        this.#store.run(
          'update webhook set delivered_at = ?, last_answer = ? where id = ?',
          Date.now(),
          String(answer.status),
          delivery.id,
        );
      else this.#postpone(delivery, String(answer.status));
    } catch (error) {
      this.#postpone(delivery, error instanceof Error ? error.message : String(error));
    }
  }

  #postpone(delivery: Delivery, answer: string): void {
    const wait = RETRY_AFTER_MS[delivery.attempts];
    const due = wait === undefined ? GIVEN_UP : Date.now() + wait;
    this.#store.run('update webhook set attempts = attempts + 1, due_at = ?, last_answer = ? where id = ?', due, answer, delivery.id);
  }

  #secretsOf(account: string): readonly string[] {
    const row = this.#store.one<{ webhook_secrets: string }>('select webhook_secrets from account where id = ?', account);
    return row ? (JSON.parse(row.webhook_secrets) as string[]) : [];
  }
}

/** `t=<seconds>,v1=<hex>`, with one `v1` for every secret: HMAC-SHA256 over `<seconds>.<body>`. */
export function signatureHeader(secrets: readonly string[], body: string, at: number): string {
  const seconds = Math.floor(at / 1000);
  const signatures = secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`);
  return [`t=${seconds}`, ...signatures].join(',');
}
