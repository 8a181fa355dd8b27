/**
 * Stripe, as far as payments need it, on this machine: enough for the official library not to notice.
 *
 * For a test: `const stripe = await startStripeServer()`. For a person:
 * `node test/providers/stripe-server.ts [port] [webhook url] [webhook secret] [journal file]`, then open the `url` of a
 * session to pay it. It is strict rather than complete: a parameter that it does not know is a 400, as at Stripe.
 * `POST /__faults [{match,times,action}]` scripts faults, `POST /__clock {"advance":ms}` moves the time, `GET /__log` shows what was asked.
 */
import { FaultScript, readFaults } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { jsonReply, serveHttp, type Received, type Reply, type RunningServer } from '../../plugins/sandbox/src/provider/http-server.ts';
import { readForm, type Form } from './form-body.ts';
import { GATEWAY_PAGE, halved } from './mollie-quirks.ts';
import { RequestLog } from './request-log.ts';
import { StripeBook, type OpenSession, type StripeWorld } from './stripe-book.ts';
import { StripeCalls } from './stripe-calls.ts';
import { StripeClock } from './stripe-clock.ts';
import { IdempotencyKeys } from './stripe-keys.ts';
import { StripeLedger } from './stripe-ledger.ts';
import { StripeMoneyBack } from './stripe-money-back.ts';
import { API_VERSION, newId, StripeProblem, type Dispute, type Intent, type Refund, type Session } from './stripe-objects.ts';
import { hostedPage } from './stripe-page.ts';
import { StripeQuirks, type StripeQuirkAction } from './stripe-quirks.ts';
import { routesOf, type Route } from './stripe-routes.ts';
import { StripeVault } from './stripe-vault.ts';
import { StripeWebhooks, type WebhookTarget } from './stripe-webhooks.ts';

export interface StripeServerOptions {
  readonly port?: number;
  /** Its prefix decides the mode of everything. */
  readonly apiKey?: string;
  readonly webhooks?: WebhookTarget;
  /** Deliver to webhook endpoints that were registered through the API. */
  readonly sendWebhooks?: boolean;
  /** Where every request is written, durably. */
  readonly journalFile?: string;
}

/** What the account offers: Stripe's names, whether each is switched on and may be used. */
const CONFIGURATION: Readonly<Record<string, boolean>> = {
  apple_pay: true,
  bancontact: true,
  blik: true,
  card: true,
  google_pay: true,
  ideal: true,
  klarna: false,
  link: true,
  mobilepay: true,
  paypal: false,
  sepa_debit: true,
  swish: true,
};

export function startStripeServer(options: StripeServerOptions = {}): Promise<StripeServer> {
  return StripeServer.start(options);
}

export class StripeServer {
  readonly faults = new FaultScript();
  readonly quirks = new StripeQuirks();
  readonly clock = new StripeClock();
  readonly log: RequestLog;
  readonly webhooks: StripeWebhooks;
  readonly ledger: StripeLedger;
  readonly vault: StripeVault;
  readonly book: StripeBook;
  readonly moneyBack: StripeMoneyBack;
  /** A test may switch ways of paying on and off, and add those that nobody knows yet. */
  readonly configuration: Record<string, boolean> = { ...CONFIGURATION };
  readonly apiKey: string;
  readonly publishableKey: string;
  /** The bodies of requests that changed something, newest last: a test looks here for what was asked. */
  readonly bodies: Form[] = [];
  readonly #keys = new IdempotencyKeys(() => this.clock.now());
  readonly #routes: readonly Route[];
  readonly #isLive: boolean;
  #server: RunningServer | undefined;
  /** The request that is being carried out: its events name it. */
  #request: { readonly id: string; readonly idempotency_key: string | null } | undefined;

  static async start(options: StripeServerOptions): Promise<StripeServer> {
    const stripe = new StripeServer(options);
    stripe.#server = await serveHttp({
      port: options.port ?? 0,
      faults: stripe.faults,
      handle: (request) => stripe.#answer(request),
      faultReply: (status) =>
        problemReply(
          new StripeProblem(status, { type: 'api_error', ...(status === 429 ? { code: 'rate_limit' } : {}), message: 'A scripted fault.' }),
        ),
    });
    return stripe;
  }

  private constructor(options: StripeServerOptions) {
    this.apiKey = options.apiKey ?? 'sk_test_localserver';
    this.#isLive = /^[a-z]+_live_/.test(this.apiKey);
    this.publishableKey = `pk_${this.#isLive ? 'live' : 'test'}_localserver`;
    this.log = new RequestLog(options.journalFile);
    this.webhooks = new StripeWebhooks(this.faults, options.webhooks);
    this.webhooks.sendsToEndpoints = options.sendWebhooks === true;
    this.clock.arrived = () => this.webhooks.settled();
    const tell = (type: string, object: object): void => this.#tell(type, object);
    this.ledger = new StripeLedger(this.clock, this.#isLive, tell);
    this.vault = new StripeVault(this.clock, this.#isLive, tell);
    const { clock, ledger, vault } = this;
    const world: StripeWorld = { clock, ledger, vault, isLive: this.#isLive, tell, url: () => this.url };
    this.book = new StripeBook(world);
    this.moneyBack = new StripeMoneyBack(world, this.book);
    const { book, moneyBack, webhooks, configuration } = this;
    this.#routes = routesOf({ world, book, moneyBack, webhooks, configuration, calls: new StripeCalls(world, book) });
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async close(): Promise<void> {
    await this.webhooks.close();
    await this.#server?.close();
    this.log.close();
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  session(id: string): OpenSession {
    return this.book.session(id);
  }

  intent(id: string): Intent {
    return this.book.intent(id);
  }

  /** Every session, oldest first. */
  sessions(): readonly Session[] {
    return [...this.book.sessions.values()];
  }

  /** Every payment intent, oldest first: those of sessions that somebody has opened too. */
  intents(): readonly Intent[] {
    return [...this.book.intents.values()];
  }

  refundsOf(intentId: string): readonly Refund[] {
    return this.moneyBack.refundsOf(intentId);
  }

  /** The customer pays on the hosted page. With `sepa_debit` the money is under way until {@link settle}. */
  pay(sessionId: string, method = 'ideal'): Intent {
    return this.book.pay(sessionId, method);
  }

  /** The bank says no; the customer is still on the page. */
  decline(sessionId: string, declineCode = 'insufficient_funds'): Intent {
    return this.book.decline(sessionId, declineCode);
  }

  /** A debit under way arrives, or bounces. */
  settle(intentId: string, result: 'succeeded' | 'failed'): void {
    this.book.settle(intentId, result);
  }

  expireSession(id: string): OpenSession {
    return this.book.expireSession(id);
  }

  /** A refund, as by the API or by a person in the dashboard. `pending` ones end with {@link finishRefund}. */
  refund(
    intentId: string,
    amount: number,
    more: { readonly metadata?: Record<string, string>; readonly reason?: string; readonly status?: Refund['status'] } = {},
  ): Refund {
    return this.moneyBack.refund(intentId, amount, more);
  }

  finishRefund(id: string, status: 'succeeded' | 'failed'): void {
    this.moneyBack.finishRefund(id, status);
  }

  /** The customer's bank takes the money back; a second call moves the dispute on: `won`, `lost`. */
  dispute(intentId: string, status = 'needs_response'): Dispute {
    return this.moneyBack.dispute(intentId, status);
  }

  async #answer(request: Received): Promise<Reply> {
    if (request.path === '/__faults') return this.#addFaults(request);
    if (request.path === '/__clock') return this.#moveClock(request);
    if (request.path === '/__log') return jsonReply(200, this.log.all());
    if (request.path.startsWith('/pay/') || request.path.startsWith('/authenticate/')) return this.#page(request);
    const route = this.#routes.find(([name, path]) => name.startsWith(`${request.method} `) && path.test(request.path));
    const operation = route?.[0] ?? `${request.method} ${request.path}`;
    const key = request.method === 'POST' ? String(request.headers['idempotency-key'] ?? '') : '';
    const quirk = this.quirks.take(operation);
    const { reply, executed } = await this.#execute(request, route, key, quirk);
    this.log.add({ operation, idempotencyKey: key, executed, status: reply.status });
    if (quirk === 'early-webhook') await this.#overtake(reply);
    if (quirk === 'hang') return new Promise(() => undefined);
    if (quirk === 'html-after') return GATEWAY_PAGE;
    return quirk === 'truncated' ? halved(reply) : reply;
  }

  async #execute(
    request: Received,
    route: Route | undefined,
    key: string,
    quirk: StripeQuirkAction | undefined,
  ): Promise<{ reply: Reply; executed: boolean }> {
    try {
      if (request.headers.authorization !== `Bearer ${this.apiKey}`)
        throw new StripeProblem(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' });
      if (!route)
        throw new StripeProblem(404, {
          type: 'invalid_request_error',
          message: `Unrecognized request URL (${request.method}: ${request.path}).`,
        });
      const earlier = key === '' ? undefined : this.#keys.begin(key, request.path, request.body);
      if (earlier) return { reply: earlier, executed: false };
      // Whoever asks the same at this moment is told that it is under way.
      if (key !== '') await new Promise((resolve) => setTimeout(resolve, quirk === 'slow' ? SLOW_MS : 0));
      const { reply, isKept } = this.#carryOut(request, route, key);
      const told = quirk === '500-stored' ? BROKEN : reply;
      if (key !== '') this.#keys.end(key, told, isKept);
      return { reply: told, executed: isKept };
    } catch (error) {
      if (!(error instanceof StripeProblem)) throw error;
      return { reply: problemReply(error), executed: false };
    }
  }

  #carryOut(request: Received, [, path, handle]: Route, key: string): { readonly reply: Reply; readonly isKept: boolean } {
    const id = newId('req');
    this.#request = { id, idempotency_key: key === '' ? null : key };
    const form = readForm(request.body.toString('utf8'));
    if (request.method === 'POST') this.bodies.push(form);
    try {
      const value = handle(path.exec(request.path)?.[1] ?? '', form, request.query);
      return { reply: jsonReply(200, value, { 'request-id': id }), isKept: true };
    } catch (error) {
      if (!(error instanceof StripeProblem)) throw error;
      return { reply: problemReply(error), isKept: error.isExecuted };
    } finally {
      this.#request = undefined;
    }
  }

  /** A customer who is faster than our answer: what was just made is paid, and told, before the call that made it returns. */
  async #overtake(reply: Reply): Promise<void> {
    const { id, object } = JSON.parse(reply.body) as { readonly id?: string; readonly object?: string };
    if (id !== undefined && object === 'checkout.session') this.book.pay(id);
    await this.webhooks.settled();
  }

  #tell(type: string, object: object): void {
    // A snapshot: an event tells how things were then, and is never updated.
    this.webhooks.send({
      id: newId('evt'),
      object: 'event',
      api_version: API_VERSION,
      created: this.clock.seconds(),
      livemode: this.#isLive,
      pending_webhooks: 1,
      request: this.#request ?? { id: null, idempotency_key: null },
      type,
      data: structuredClone({ object }),
    } as { readonly id: string; readonly type: string });
  }

  #page(request: Received): Reply {
    try {
      return hostedPage(this.book, request);
    } catch (error) {
      if (!(error instanceof StripeProblem)) throw error;
      return problemReply(error);
    }
  }

  #addFaults(request: Received): Reply {
    const script = readFaults(JSON.parse(request.body.toString('utf8')));
    if (!script) return jsonReply(400, { error: 'Send a list of {match, times, action}.' });
    this.faults.add(...script);
    return jsonReply(200, { added: script.length });
  }

  async #moveClock(request: Received): Promise<Reply> {
    const { advance } = JSON.parse(request.body.toString('utf8')) as { readonly advance?: unknown };
    if (typeof advance !== 'number' || advance < 0) return jsonReply(400, { error: 'Send {"advance": milliseconds}.' });
    await this.advance(advance);
    return jsonReply(200, { now: this.clock.seconds() });
  }
}

function problemReply(problem: StripeProblem): Reply {
  return jsonReply(problem.status, { error: problem.error }, { 'request-id': newId('req') });
}

const SLOW_MS = 200;
const BROKEN = problemReply(new StripeProblem(500, { type: 'api_error', message: 'Something went wrong.' }));

/** For people time goes by itself: what falls due is looked for each second. */
const TICK_MS = 1_000;

if (import.meta.main) {
  const [port = '0', url, secret = 'whsec_local_server_secret', journalFile] = process.argv.slice(2);
  const stripe = await startStripeServer({
    port: Number(port),
    ...(url === undefined ? {} : { webhooks: { url, secrets: [secret] } }),
    ...(journalFile === undefined ? {} : { journalFile }),
  });
  const ticking = setInterval(() => void stripe.advance(0), TICK_MS);
  process.stdout.write(
    `${JSON.stringify({ ready: true, url: stripe.url, apiKey: stripe.apiKey, publishableKey: stripe.publishableKey })}\n`,
  );
  process.once('SIGTERM', () => {
    clearInterval(ticking);
    void stripe.close();
  });
}
