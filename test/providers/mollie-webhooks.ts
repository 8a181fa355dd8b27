import { createHmac } from 'node:crypto';
import type { FaultScript } from '../../plugins/sandbox/src/provider/fault-script.ts';
import type { VirtualClock } from './mollie-clock.ts';
import { MollieProblem, newId, onlyFields, self, textIn, type Body } from './mollie-objects.ts';

const MINUTE = 60_000;
/** Both kinds: ten attempts, these waits after one another, 26 hours in all; each has 15 s to be answered 200. */
export const RETRY_WAITS = [1, 2, 4, 8, 16, 29, 60, 120, 1_320].map((minutes) => minutes * MINUTE);
const ANSWER_MS = 15_000;
/** After a secret was rolled, both sign for a day. */
const ROLLING_MS = 24 * 60 * MINUTE;

export interface Hook {
  readonly id: string;
  readonly url: string;
  readonly name: string;
  readonly eventTypes: readonly string[];
  status: 'enabled' | 'blocked' | 'disabled' | 'deleted';
  secret: string;
  previous?: { readonly secret: string; readonly until: number };
}

/** One delivery as it was tried: a test looks here for what was sent, how often, and what was answered. */
export interface Attempt {
  readonly at: number;
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** 0: nobody answered. */
  readonly status: number;
}

interface Delivery {
  readonly url: string;
  readonly body: string;
  readonly headers: () => Readonly<Record<string, string>>;
  readonly givenUp?: () => void;
}

/** Sends both kinds of webhook on the virtual clock, with the retries of the real ones and the faults of the script. */
export class MollieWebhooks {
  readonly attempts: Attempt[] = [];
  readonly hooks: Hook[] = [];
  readonly events = new Map<string, object>();
  readonly #clock: VirtualClock;
  readonly #faults: FaultScript;
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #late: (() => void)[] = [];
  /** Where everything goes instead of the addresses that were given: a test's own listener. */
  deliverTo: string | undefined;
  /** Event types that this account does not have: a beta. */
  unknownTypes: readonly string[] = [];
  /** Nothing is sent: a test that only wants payments. */
  isSilent = true;

  constructor(clock: VirtualClock, faults: FaultScript) {
    this.#clock = clock;
    this.#faults = faults;
  }

  /** The old kind: an id, and nothing to prove where it comes from. */
  classic(url: string | undefined, id: string): void {
    if (url === undefined) return;
    this.#schedule(`webhook classic ${id}`, {
      url,
      body: `id=${id}`,
      headers: () => ({ 'content-type': 'application/x-www-form-urlencoded' }),
    });
  }

  /** The new kind, to every hook that asked for it: a snapshot that is signed, and can be asked for by its id. */
  event(type: string, entity: object & { readonly id: string }): void {
    const id = newId('event');
    const event = {
      resource: 'event',
      id,
      type,
      entityId: entity.id,
      createdAt: new Date(this.#clock.now()).toISOString(),
      _embedded: { entity: structuredClone(entity) },
      _links: { self: self(`/events/${id}`) },
    };
    this.events.set(id, event);
    for (const hook of this.hooks) {
      if (hook.status !== 'enabled' || !(hook.eventTypes.includes(type) || hook.eventTypes.includes('*'))) continue;
      const body = JSON.stringify(event);
      this.#schedule(`webhook ${type}`, {
        url: hook.url,
        body,
        headers: () => ({
          'content-type': 'application/json',
          'x-mollie-signature': this.signature(hook, body),
        }),
        givenUp: () => (hook.status = 'blocked'),
      });
    }
  }

  create(body: Body): object {
    onlyFields(body, 'name', 'url', 'eventTypes', 'testmode');
    const { eventTypes } = body;
    if (!Array.isArray(eventTypes) || eventTypes.length === 0) throw new MollieProblem(422, 'The event types are missing', 'eventTypes');
    if (eventTypes.some((type) => this.unknownTypes.includes(String(type))))
      throw new MollieProblem(422, 'An event type is invalid', 'eventTypes');
    const hook: Hook = {
      id: newId('hook'),
      name: textIn(body, 'name'),
      url: textIn(body, 'url'),
      eventTypes: eventTypes.map(String),
      status: 'enabled',
      secret: newId('whsec'),
    };
    this.hooks.push(hook);
    return { ...this.show(hook), webhookSecret: hook.secret };
  }

  hook(id: string): Hook {
    const hook = this.hooks.find((one) => one.id === id && one.status !== 'deleted');
    if (!hook) throw new MollieProblem(404, `No webhook exists with token ${id}.`);
    return hook;
  }

  show({ secret: _secret, previous: _previous, ...hook }: Hook): object {
    return { resource: 'webhook', ...hook, _links: { self: self(`/webhooks/${hook.id}`) } };
  }

  /** By a person in the dashboard. */
  rollSecret(id: string): string {
    const hook = this.hook(id);
    hook.previous = { secret: hook.secret, until: this.#clock.now() + ROLLING_MS };
    hook.secret = newId('whsec');
    return hook.secret;
  }

  /** `sha256=…`, and while a secret is rolled two of them, as Node shows a header that came twice. */
  signature({ secret, previous }: Hook, body: string): string {
    const secrets = previous && previous.until > this.#clock.now() ? [secret, previous.secret] : [secret];
    return secrets.map((one) => mollieSignature(body, one)).join(', ');
  }

  /** Until everything that is on its way has arrived or failed. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.settled();
  }

  #schedule(name: string, delivery: Delivery): void {
    const start = (): void => {
      const running: Promise<void> = this.#attempt(delivery, 0).finally(() => this.#running.delete(running));
      this.#running.add(running);
    };
    const action = this.#faults.take(name)?.action;
    if (action === 'drop') return;
    if (action === 'reorder') return void this.#late.push(start);
    start();
    if (action === 'duplicate') start();
    const late = this.#late;
    this.#late = [];
    for (const overtaken of late) overtaken();
  }

  async #attempt(delivery: Delivery, number: number): Promise<void> {
    const status = await this.#send(delivery);
    if (status === 200 || this.#closing.signal.aborted) return;
    const wait = RETRY_WAITS[number];
    if (wait === undefined) return delivery.givenUp?.();
    this.#clock.at(this.#clock.now() + wait, () => this.#attempt(delivery, number + 1));
  }

  async #send({ url, body, headers: make }: Delivery): Promise<number> {
    const target = this.deliverTo ?? url;
    const headers = make();
    const status = this.isSilent ? 200 : await this.#post(target, body, headers);
    this.attempts.push({ at: this.#clock.now(), url, body, headers, status });
    return status;
  }

  async #post(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<number> {
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ANSWER_MS)]);
      const answer = await fetch(url, { method: 'POST', redirect: 'manual', headers, body, signal });
      await answer.body?.cancel();
      return answer.status;
    } catch {
      return 0;
    }
  }
}

export function mollieSignature(body: string | Uint8Array, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
