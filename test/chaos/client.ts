/**
 * The portal of the campaign: sends events and remembers, on disk, each that was answered with success.
 *
 * What is not answered, or answered with "later", is sent again to whichever process lives, under the same id. Some events are sent
 * twice on purpose, at once or later; some once more with another content, which must be refused.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DurableLog, readLines } from './durable-log.ts';
import type { Random } from './random.ts';
import type { Worker } from './worker.ts';

/** An event that was answered with success. */
export interface Acknowledged {
  readonly id: string;
  readonly type: string;
  /** The answer to the first sending that was answered. */
  readonly eventId: string;
}

interface Answer {
  readonly status: number;
  readonly body: { readonly id?: string; readonly duplicate?: boolean; readonly code?: string };
}

const SOURCE = '/chaos';
const LATER = new Set([408, 425, 429, 500, 502, 503, 504]);

export class Client {
  acknowledged = 0;
  /** Requests that got no answer, or "later". */
  unanswered = 0;
  repeats = 0;
  /** What the program answered though it never should. */
  readonly wrong: string[] = [];
  readonly #log: DurableLog;
  readonly #workers: readonly Worker[];
  readonly #random: Random;
  readonly #key: string;
  readonly #background = new Set<Promise<void>>();
  #sending = 0;
  #isOver = false;

  constructor(options: { readonly journal: string; readonly workers: readonly Worker[]; readonly random: Random; readonly key: string }) {
    this.#log = new DurableLog(options.journal);
    this.#workers = options.workers;
    this.#random = options.random;
    this.#key = options.key;
  }

  /** Sends one event until it is acknowledged, and the acknowledgement is on disk. */
  async send(id: string, type: string, data: object): Promise<void> {
    this.#sending += 1;
    await this.#send(id, type, data).finally(() => (this.#sending -= 1));
  }

  async #send(id: string, type: string, data: object): Promise<void> {
    const body = JSON.stringify({ specversion: '1.0', id, source: SOURCE, type, data });
    const answer = await this.#until(body);
    if (answer === undefined) return;
    if (answer.status >= 300) return void this.wrong.push(`event ${id}: ${answer.status} ${JSON.stringify(answer.body)}`);
    await this.#log.append({ id, type, eventId: answer.body.id ?? '' });
    this.acknowledged += 1;
    if (this.#random.chance(0.06)) this.#later(id, body, this.#random.pick([0, 0, 100, 1_500, 4_000]));
    if (this.#random.chance(0.002)) this.#later(id, body.replace('"data":{', '"data":{"forged":true,'), 50, true);
  }

  /** One request to a process that lives, whatever is answered; undefined without an answer. */
  async request(method: string, path: string, body?: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer | undefined> {
    const ready = this.#workers.filter(({ isReady }) => isReady);
    if (ready.length === 0) return undefined;
    try {
      const answer = await fetch(`${this.#random.pick(ready).app.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#key}`, ...headers },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await answer.text();
      return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Answer['body'] };
    } catch {
      return undefined;
    }
  }

  /** Gives a command to a run, as a person does: once more when nobody answered. */
  async command(path: string, body: object, key: string): Promise<Answer | undefined> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': key };
      const answer = await this.request('POST', path, JSON.stringify(body), headers);
      if (answer && !LATER.has(answer.status)) return answer;
      await sleep(200);
    }
    return undefined;
  }

  /** Events of which somebody was told that they are on disk. */
  acknowledgements(): readonly Acknowledged[] {
    return readLines<Acknowledged>(this.#log.path);
  }

  /** Events that are being sent, and repeats that are still to be. */
  get underWay(): number {
    return this.#sending + this.#background.size;
  }

  /** When nothing is under way any more. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#log.close();
  }

  async #until(body: string): Promise<Answer | undefined> {
    for (let pause = 20; !this.#isOver; pause = Math.min(500, pause * 2)) {
      const answer = await this.request('POST', '/v1/events', body, { 'content-type': 'application/cloudevents+json' });
      if (answer && !LATER.has(answer.status)) return answer;
      this.unanswered += 1;
      await sleep(pause);
    }
    return undefined;
  }

  #later(id: string, body: string, ms: number, isForged = false): void {
    const work = (async () => {
      await sleep(ms);
      const answer = await this.#until(body);
      this.repeats += 1;
      if (!answer) return;
      const { status } = answer;
      const asItShould = isForged ? status === 409 : status < 300 && answer.body.duplicate === true;
      if (!asItShould) this.wrong.push(`the ${isForged ? 'forged' : 'same'} event ${id} again: ${status} ${JSON.stringify(answer.body)}`);
    })().finally(() => this.#background.delete(work));
    this.#background.add(work);
  }
}
