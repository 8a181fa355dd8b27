/**
 * The provider of the campaign: a bank that makes receipts and keeps books, with a journal of its own and bad manners.
 *
 * An effect has happened when its line is on disk; only then is anything answered. Keyed effects honour an Idempotency-Key for as long
 * as the bank promises, and forget it after that, as real providers do. Booking honours no key: whoever books twice has booked twice,
 * but can ask by reference what is there. One call in `faultRate` goes wrong, in one of the ways of {@link FAULTS}.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { DurableLog, readLines } from './durable-log.ts';
import type { Random } from './random.ts';

/** One line of the bank's journal. */
export interface Effect {
  readonly at: number;
  readonly kind: string;
  /** What it is about: the payment, with a part behind it where one payment has several effects of a kind. */
  readonly reference: string;
  readonly key: string;
  readonly customer: string;
  /** Place of the payment among those of its customer. */
  readonly place: number;
  readonly cents: number;
}

/** What can go wrong with one call. */
export const FAULTS = [
  'effect-then-reset',
  'effect-then-500',
  'effect-then-hang',
  'effect-then-lie',
  'reset',
  'error-500',
  'hang',
  'slow',
  'slow-body',
] as const;
export type Fault = (typeof FAULTS)[number] | 'too-many';

export interface BankOptions {
  readonly journal: string;
  readonly random: Random;
  /** Share of calls that go wrong. */
  readonly faultRate: number;
  /** For how long a key is remembered. */
  readonly keyTtlMs: number;
}

interface Remembered {
  readonly until: number;
  readonly effect: Promise<void>;
}

/** Longer than the plugin waits for an answer. */
const HANG_MS = 8_000;
const LOOKUP = /^\/effects\?reference=(.+)$/;

export class Bank {
  readonly faults = new Map<Fault, number>();
  /** Called when an effect has happened. */
  onEffect: (effect: Effect) => void = () => undefined;
  readonly #options: BankOptions;
  readonly #journal: DurableLog;
  readonly #server: Server;
  readonly #keys = new Map<string, Remembered>();
  readonly #booked = new Set<string>();
  #faultRate: number;

  static async open(options: BankOptions): Promise<Bank> {
    const bank = new Bank(options);
    await new Promise<void>((resolve) => bank.#server.listen(0, '127.0.0.1', resolve));
    return bank;
  }

  private constructor(options: BankOptions) {
    this.#options = options;
    this.#faultRate = options.faultRate;
    this.#journal = new DurableLog(options.journal);
    this.#server = createServer((request, response) => {
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.keepAliveTimeout = 30_000;
  }

  get url(): string {
    // Listening on a port, the address is never a path.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on it behaves. */
  calmDown(): void {
    this.#faultRate = 0;
  }

  /** All that ever happened here, as the file has it. */
  effects(): readonly Effect[] {
    return readLines<Effect>(this.#options.journal);
  }

  /** Whether an effect with this reference has happened, as a person sees who looks into the bank's books. */
  has(kind: string, reference: string): boolean {
    return this.#booked.has(`${kind} ${reference}`);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#journal.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#nextFault();
    if (fault === 'too-many') return send(response.setHeader('retry-after', '1'), 429, {});
    if (fault === 'reset') return void response.socket?.destroy();
    if (fault === 'error-500') return send(response, 500, {});
    if (fault === 'hang') return void setTimeout(() => response.destroy(), HANG_MS);
    const asked = LOOKUP.exec(request.url ?? '')?.[1];
    const answer = asked === undefined ? await this.#carryOut(request) : { found: this.#booked.has(decodeURIComponent(asked)) };
    this.#reply(response, fault, answer);
  }

  #reply(response: ServerResponse, fault: Fault | undefined, answer: object): void {
    switch (fault) {
      case 'effect-then-reset':
        return void response.socket?.destroy();
      case 'effect-then-500':
        return send(response, 500, {});
      case 'effect-then-hang':
        return void setTimeout(() => response.destroy(), HANG_MS);
      case 'effect-then-lie':
        return void response.writeHead(200, { 'content-type': 'application/json' }).end('<html>Service is busy</html>');
      case 'slow':
        return void setTimeout(() => send(response, 200, answer), 400);
      case 'slow-body':
        return sendSlowly(response, answer);
      default:
        return send(response, 200, answer);
    }
  }

  async #carryOut(request: IncomingMessage): Promise<object> {
    // Sent by the campaign's own plugin, which is the only caller.
    const wish = JSON.parse(await text(request)) as Omit<Effect, 'at' | 'key'> & { keyed: boolean };
    const key = String(request.headers['idempotency-key'] ?? '');
    const now = performance.now();
    const known = wish.keyed ? this.#keys.get(key) : undefined;
    if (known && known.until > now) {
      await known.effect;
      return { reference: wish.reference };
    }
    const effect: Effect = {
      at: Date.now(),
      kind: wish.kind,
      reference: wish.reference,
      key,
      customer: wish.customer,
      place: wish.place,
      cents: wish.cents,
    };
    const written = this.#journal.append(effect);
    if (wish.keyed) this.#keys.set(key, { until: now + this.#options.keyTtlMs, effect: written });
    await written;
    this.#booked.add(`${wish.kind} ${wish.reference}`);
    this.onEffect(effect);
    return { reference: wish.reference };
  }

  #nextFault(): Fault | undefined {
    const { random } = this.#options;
    if (!random.chance(this.#faultRate)) return undefined;
    // Every 429 makes the whole connection wait a second: more than one in some hundred calls and nothing else would be tested.
    const fault = random.chance(0.01) ? 'too-many' : random.pick(FAULTS);
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
    return fault;
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendSlowly(response: ServerResponse, answer: object): void {
  const body = JSON.stringify(answer);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.write(body.slice(0, 5));
  setTimeout(() => response.end(body.slice(5)), 300);
}
