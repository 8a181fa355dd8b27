import { createHash, createHmac, randomUUID } from 'node:crypto';
import type { FaultScript } from '../../plugins/sandbox/src/provider/fault-script.ts';
import type { VippsClock } from './vipps-clock.ts';
import { objectOf, textOf, VippsProblem, type Json } from './vipps-problem.ts';

/** A delivery as it goes over the wire. */
export interface VippsDelivery {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** 1 for the first try. */
  readonly attempt: number;
}

/** Takes a delivery and answers with a status; what throws is no answer. */
export type VippsReceiver = (delivery: VippsDelivery) => Promise<number> | number;

interface Registration {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly secret: string;
  readonly queues: Map<string, Queued[]>;
  lastSuccessAt: number;
}

interface Queued {
  readonly type: string;
  readonly body: string;
  readonly firstTriedAt: number;
  attempts: number;
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const GIVEN_UP_AFTER_MS = 7 * DAY_MS;
const DEAD_AFTER_MS = 14 * DAY_MS;
const MOST_PER_EVENT = 25;
const EVENT =
  /^(epayments\.payment\.(created|authorized|captured|cancelled|refunded|aborted|expired|terminated)|recurring\.agreement-(activated|rejected|stopped|expired)|recurring\.charge-(reserved|captured|canceled|refunded|failed|creation-failed))\.v1$/;

/**
 * Registrations and deliveries. Events of one payment keep their order: one that is not answered with 200 holds up those behind it,
 * and is tried after 2 s four times, 60 s, 120 s, hourly up to attempt 29, then daily, for seven days.
 */
export class VippsWebhooks {
  readonly #clock: VippsClock;
  readonly #faults: FaultScript;
  readonly #registrations = new Map<string, Registration>();
  readonly #running = new Set<Promise<void>>();
  readonly #held: { readonly registration: Registration; readonly subject: string; readonly queued: Queued }[] = [];
  #isClosed = false;
  /** Every event there was to tell of, oldest first, also when nobody was to be told. */
  readonly events: { readonly type: string; readonly body: string }[] = [];
  receiver: VippsReceiver;

  constructor(clock: VippsClock, faults: FaultScript, receiver: VippsReceiver) {
    this.#clock = clock;
    this.#faults = faults;
    this.receiver = receiver;
  }

  register(value: unknown): { readonly id: string; readonly secret: string } {
    const body = objectOf(value, '', ['url', 'events'], ['url', 'events']);
    const url = textOf(body, 'url', { pattern: /^https:\/\/./ });
    const events = body['events'];
    if (!Array.isArray(events) || events.length === 0 || !events.every((event) => typeof event === 'string' && EVENT.test(event)))
      throw new VippsProblem(400, 'Bad Request', { field: 'events', reason: 'unknown event' });
    const isFull = events.some(
      (event) => [...this.#registrations.values()].filter((known) => known.events.includes(String(event))).length >= MOST_PER_EVENT,
    );
    if (isFull) throw new VippsProblem(400, 'Too many webhooks for this event');
    const registration: Registration = {
      id: randomUUID(),
      url,
      events: events.map(String),
      secret: randomUUID(),
      queues: new Map(),
      lastSuccessAt: this.#clock.now(),
    };
    this.#registrations.set(registration.id, registration);
    return { id: registration.id, secret: registration.secret };
  }

  list(): readonly Json[] {
    return [...this.#registrations.values()].map(({ id, url, events }) => ({ id, url, events }));
  }

  remove(id: string): void {
    if (!this.#registrations.delete(id)) throw new VippsProblem(404, 'Webhook not found');
  }

  /** The secret of a registration, as only the answer to its making tells. */
  secretOf(id: string): string {
    return this.#registrations.get(id)?.secret ?? '';
  }

  send(type: string, subject: string, value: Json): void {
    const body = JSON.stringify(value);
    this.events.push({ type, body });
    const action = this.#faults.take(`webhook ${type}`)?.action;
    if (action === 'drop') return;
    for (const registration of this.#registrations.values()) {
      if (!registration.events.includes(type)) continue;
      const queued = (): Queued => ({ type, body, firstTriedAt: this.#clock.now(), attempts: 0 });
      if (action === 'reorder') {
        this.#held.push({ registration, subject, queued: queued() });
        continue;
      }
      this.#enqueue(registration, subject, queued());
      if (action === 'duplicate') this.#enqueue(registration, subject, queued());
    }
    if (action !== 'reorder') for (const late of this.#held.splice(0)) this.#enqueue(late.registration, late.subject, late.queued);
  }

  /** Waits until nothing is under way; what has to be tried again waits for the clock. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.idle();
  }

  #enqueue(registration: Registration, subject: string, queued: Queued): void {
    const queue = registration.queues.get(subject) ?? [];
    registration.queues.set(subject, queue);
    queue.push(queued);
    if (queue.length === 1) this.#start(registration, subject);
  }

  #start(registration: Registration, subject: string): void {
    const running = this.#work(registration, subject).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #work(registration: Registration, subject: string): Promise<void> {
    // The answer to the request that caused the event goes first, unless a fault says otherwise.
    await new Promise((resolve) => setImmediate(resolve));
    const queue = registration.queues.get(subject) ?? [];
    for (;;) {
      const head = queue[0];
      if (!head || this.#isClosed || !this.#registrations.has(registration.id)) return;
      head.attempts += 1;
      if (await this.#deliver(registration, head)) {
        registration.lastSuccessAt = this.#clock.now();
        queue.shift();
        continue;
      }
      if (this.#clock.now() - registration.lastSuccessAt > DEAD_AFTER_MS) return void this.#registrations.delete(registration.id);
      const again = this.#clock.now() + waitAfter(head.attempts);
      if (again - head.firstTriedAt > GIVEN_UP_AFTER_MS) {
        queue.shift();
        continue;
      }
      this.#clock.at(again, () => {
        this.#start(registration, subject);
        return this.idle();
      });
      return;
    }
  }

  async #deliver({ url, secret }: Registration, { body, attempts }: Queued): Promise<boolean> {
    try {
      return (await this.receiver({ url, headers: signedHeaders(url, body, secret, this.#clock.now()), body, attempt: attempts })) === 200;
    } catch {
      // Nobody answers: the same as an answer that is not 200.
      return false;
    }
  }
}

/** The four headers of a delivery. The secret is used as text, the host and path are those of the registered address. */
export function signedHeaders(url: string, body: string | Uint8Array, secret: string, at: number): Readonly<Record<string, string>> {
  const { host, pathname, search } = new URL(url);
  const date = new Date(at).toUTCString();
  const hash = createHash('sha256').update(body).digest('base64');
  const signature = createHmac('sha256', secret).update(`POST\n${pathname}${search}\n${date};${host};${hash}`).digest('base64');
  return {
    'content-type': 'application/json; charset=utf-8',
    host,
    'x-ms-date': date,
    'x-ms-content-sha256': hash,
    authorization: `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signature}`,
  };
}

function waitAfter(attempt: number): number {
  if (attempt <= 4) return 2 * SECOND_MS;
  if (attempt === 5) return 60 * SECOND_MS;
  if (attempt === 6) return 120 * SECOND_MS;
  return attempt < 29 ? HOUR_MS : DAY_MS;
}
