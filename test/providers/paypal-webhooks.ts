import { createSign, randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { FaultScript } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { makeCertificate, type SigningCertificate } from './paypal-certificate.ts';
import type { PaypalClock } from './paypal-clock.ts';
import { fieldsOf, invalid, missing, PaypalProblem, randomId } from './paypal-objects.ts';

/** One delivery on its way, or at its end. */
export interface PaypalDelivery {
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  attempts: number;
  dueAt: number;
  state: 'waiting' | 'delivered' | 'given-up';
}

interface Registered {
  readonly id: string;
  readonly url: string;
  eventTypes: readonly string[];
}

const MINUTE_MS = 60_000;
/** Up to 25 attempts over three days: doubling at first, then every four hours and a quarter. */
export const RETRY_AFTER_MS: readonly number[] = [
  ...[1, 2, 4, 8, 16, 32, 64, 128].map((minutes) => minutes * MINUTE_MS),
  ...Array.from({ length: 16 }, () => 254 * MINUTE_MS),
];
const MOST_WEBHOOKS = 10;

/** What every server begins with: making a key takes a tenth of a second. */
let firstCertificate: SigningCertificate | undefined;

/** Registered webhooks, signed deliveries and their retries on the virtual clock. */
export class PaypalWebhooks {
  readonly #clock: PaypalClock;
  readonly #faults: FaultScript;
  readonly #certificateHost: string;
  readonly #registered = new Map<string, Registered>();
  readonly #certificates = new Map<string, SigningCertificate>();
  readonly #running = new Set<Promise<void>>();
  #late: PaypalDelivery[] = [];
  #current: string;
  /** False: nothing is posted anywhere; a test takes the deliveries itself. */
  posts = true;
  /** Everything that there was to tell of, oldest first. */
  readonly sent: PaypalDelivery[] = [];

  constructor(clock: PaypalClock, faults: FaultScript, certificateHost: string) {
    this.#clock = clock;
    this.#faults = faults;
    this.#certificateHost = certificateHost;
    this.#current = this.rotate((firstCertificate ??= makeCertificate()));
    clock.onAdvance(() => this.deliverDue());
  }

  /** Signs with a new certificate from now on; the old one stays where it is. */
  rotate(certificate = makeCertificate()): string {
    const name = `CERT-${randomId(8).toLowerCase()}-${randomId(8).toLowerCase()}`;
    this.#certificates.set(name, certificate);
    this.#current = name;
    return name;
  }

  /** What is at `/v1/notifications/certs/<name>`. */
  certificate(name = this.#current): string {
    return this.#certificates.get(name)?.pem ?? fail();
  }

  create(body: unknown): object {
    const { url, event_types: types } = fieldsOf(body, ['url', 'event_types'], '');
    if (typeof url !== 'string' || !url.startsWith('https://')) throw invalid('INVALID_PARAMETER_SYNTAX', '/url');
    if ([...this.#registered.values()].some((one) => one.url === url)) throw new PaypalProblem(400, 'WEBHOOK_URL_ALREADY_EXISTS');
    if (this.#registered.size >= MOST_WEBHOOKS) throw new PaypalProblem(400, 'WEBHOOK_NUMBER_LIMIT_EXCEEDED');
    const webhook: Registered = { id: randomId(), url, eventTypes: namesOf(types) };
    this.#registered.set(webhook.id, webhook);
    return show(webhook);
  }

  list(): object {
    return { webhooks: [...this.#registered.values()].map(show) };
  }

  patch(id: string, body: unknown): object {
    const webhook = this.#registered.get(id) ?? fail();
    const [first] = Array.isArray(body) ? (body as unknown[]) : [];
    const { path, value } = fieldsOf(first, ['op', 'path', 'value'], '/0');
    if (path !== '/event_types') throw invalid('INVALID_PARAMETER_VALUE', '/0/path');
    webhook.eventTypes = namesOf(value);
    return show(webhook);
  }

  remove(id: string): void {
    if (!this.#registered.delete(id)) throw missing();
  }

  /** An event for every webhook that listens to it. Without one it is signed for no webhook, so that a test can see that it happened. */
  send(type: string, resourceType: string, resource: object): void {
    const event = {
      id: `WH-${randomId()}-${randomId()}`,
      event_version: '1.0',
      create_time: new Date(this.#clock.now()).toISOString(),
      resource_type: resourceType,
      resource_version: '2.0',
      event_type: type,
      summary: `About a ${resourceType}.`,
      resource: structuredClone(resource),
      links: [],
    };
    const body = JSON.stringify(event);
    const listeners = [...this.#registered.values()].filter(({ eventTypes }) => eventTypes.includes('*') || eventTypes.includes(type));
    for (const { id, url } of listeners) this.#queue(type, body, id, url);
    if (listeners.length === 0) this.sent.push({ ...this.#delivery(type, body, 'NOBODY', ''), state: 'given-up' });
  }

  /** Attempts whatever is due. */
  deliverDue(): void {
    const now = this.#clock.now();
    for (const delivery of this.sent) if (this.posts && delivery.state === 'waiting' && delivery.dueAt <= now) this.#attempt(delivery);
  }

  /** Until no attempt is running. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** The online check: `POST /v1/notifications/verify-webhook-signature`. The event's bytes are taken from the request as they are. */
  verifyOnline(raw: string): object {
    const request = JSON.parse(raw) as Record<string, string>;
    const event = /"webhook_event"\s*:\s*(\{[\s\S]*\})\s*\}\s*$/.exec(raw)?.[1] ?? '';
    const name = request['cert_url']?.split('/').at(-1) ?? '';
    const expected = this.#sign(
      Buffer.from(event),
      request['transmission_id'] ?? '',
      request['transmission_time'] ?? '',
      request['webhook_id'] ?? '',
      name,
    );
    return { verification_status: expected === request['transmission_sig'] ? 'SUCCESS' : 'FAILURE' };
  }

  #queue(type: string, body: string, webhookId: string, url: string): void {
    const delivery = this.#delivery(type, body, webhookId, url);
    this.sent.push(delivery);
    const action = this.#faults.take(`webhook ${type}`)?.action;
    if (action === 'drop') delivery.state = 'given-up';
    else if (action === 'reorder') this.#late.push(delivery);
    else {
      if (action === 'duplicate') this.sent.push({ ...delivery });
      for (const overtaken of this.#late) this.sent.push(this.sent.splice(this.sent.indexOf(overtaken), 1)[0] ?? overtaken);
      this.#late = [];
      this.deliverDue();
    }
  }

  /** The headers of a delivery of these bytes. */
  headersFor(body: Uint8Array, webhookId: string, at = this.#clock.now()): Readonly<Record<string, string>> {
    const id = randomUUID();
    const time = this.#clock.stamp(at);
    return {
      'content-type': 'application/json',
      'paypal-transmission-id': id,
      'paypal-transmission-time': time,
      'paypal-transmission-sig': this.#sign(body, id, time, webhookId, this.#current),
      'paypal-cert-url': `https://${this.#certificateHost}/v1/notifications/certs/${this.#current}`,
      'paypal-auth-algo': 'SHA256withRSA',
    };
  }

  #delivery(type: string, body: string, webhookId: string, url: string): PaypalDelivery {
    const headers = this.headersFor(Buffer.from(body), webhookId);
    return { type, body, headers, url, attempts: 0, dueAt: this.#clock.now(), state: 'waiting' };
  }

  #sign(body: Uint8Array, id: string, time: string, webhookId: string, certificate: string): string {
    const { key } = this.#certificates.get(certificate) ?? fail();
    return createSign('RSA-SHA256')
      .update(`${id}|${time}|${webhookId}|${crc32(body)}`)
      .sign(key, 'base64');
  }

  #attempt(delivery: PaypalDelivery): void {
    delivery.dueAt = Number.POSITIVE_INFINITY;
    delivery.attempts += 1;
    const running = post(delivery)
      .then((isDone) => {
        const wait = RETRY_AFTER_MS[delivery.attempts - 1];
        if (isDone) delivery.state = 'delivered';
        else if (wait === undefined) delivery.state = 'given-up';
        else delivery.dueAt = this.#clock.now() + wait;
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

/** Any 2xx is a yes. The address is https to us; a test's door speaks http behind it. */
async function post({ url, headers, body }: PaypalDelivery): Promise<boolean> {
  try {
    const target = url.replace(/^https:\/\/(127\.0\.0\.1|localhost)\b/, 'http://$1');
    const answer = await fetch(target, { method: 'POST', redirect: 'manual', headers, body, signal: AbortSignal.timeout(10_000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

function namesOf(types: unknown): readonly string[] {
  if (!Array.isArray(types) || types.length === 0) throw invalid('MISSING_REQUIRED_PARAMETER', '/event_types');
  return types.map((one, index) => String(fieldsOf(one, ['name'], `/event_types/${index}`)['name']));
}

function show({ id, url, eventTypes }: Registered): object {
  return { id, url, event_types: eventTypes.map((name) => ({ name })), links: [] };
}

function fail(): never {
  throw missing();
}
