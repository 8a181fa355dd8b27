/**
 * PayPal, as far as orders, holds, refunds, the vault, disputes, webhooks and the transaction report need it, on this machine.
 *
 * For a test: `const paypal = await startPaypalServer()`. For a person: `node test/providers/paypal-server.ts [port] [webhook url]`, then open the
 * approval link of an order. It is strict rather than complete: a field that it does not know is a 400, a write without
 * `PayPal-Request-Id` too, and so is a key that comes back with another body, about which PayPal promises nothing.
 * `POST /__faults [{match,times,action}]` scripts faults, `GET /__log` shows what was asked, `POST /__clock {"advance":ms}` puts the clock forward.
 */
import { createHash, randomBytes } from 'node:crypto';
import { FaultScript, readFaults } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { jsonReply, serveHttp, type Received, type Reply, type RunningServer } from '../../plugins/sandbox/src/provider/http-server.ts';
import { PaypalClock } from './paypal-clock.ts';
import { PaypalDisputes } from './paypal-disputes.ts';
import { PaypalLedger } from './paypal-ledger.ts';
import { missing, moneyOf, PaypalProblem, randomId, unprocessable } from './paypal-objects.ts';
import { PaypalOrders } from './paypal-orders.ts';
import { PaypalVault } from './paypal-vault.ts';
import { PaypalWebhooks } from './paypal-webhooks.ts';
import { RequestLog } from './request-log.ts';

export interface PaypalServerOptions {
  readonly port?: number;
  /** The host that deliveries name for their certificate. */
  readonly certificateHost?: string;
  /** What the app may do, as its token says it. */
  readonly scope?: string;
  /** Where every request is written, durably. */
  readonly journalFile?: string;
}

/** A fault that the common script does not know: an answer that is no JSON, half of one, none at all, or "still busy". */
export interface PaypalFault {
  readonly match: string;
  readonly action: 'html' | 'truncate' | 'hang' | 'busy';
}

interface Ask {
  readonly id: string;
  readonly body: unknown;
  readonly raw: string;
  readonly query: URLSearchParams;
}

type Route = readonly [operation: string, path: RegExp, handle: (ask: Ask) => unknown, status?: number];

const HOUR_MS = 3_600_000;
/** For how long a `PayPal-Request-Id` is remembered, by the path that it was sent to. */
const KEY_WINDOWS: readonly (readonly [path: string, ms: number])[] = [
  ['/v2/checkout/', 6 * HOUR_MS],
  ['/v2/payments/', 45 * 24 * HOUR_MS],
  ['/v3/vault/', 3 * HOUR_MS],
];
const TOKEN_SECONDS = 32_400;
const SCOPE = 'https://uri.paypal.com/services/disputes/read-seller https://uri.paypal.com/services/reporting/search/read';
/** Calls that `PayPal-Mock-Response` can make fail. */
const MOCKABLE = /^POST \/v2\//;

export async function startPaypalServer(options: PaypalServerOptions = {}): Promise<PaypalServer> {
  const paypal = new PaypalServer(options);
  await paypal.listen(options.port ?? 0);
  return paypal;
}

export class PaypalServer {
  readonly clock = new PaypalClock();
  readonly faults = new FaultScript();
  readonly log: RequestLog;
  readonly ledger = new PaypalLedger(this.clock);
  readonly webhooks: PaypalWebhooks;
  readonly vault: PaypalVault;
  readonly orders: PaypalOrders;
  readonly disputes: PaypalDisputes;
  readonly clientId = `local-${randomBytes(8).toString('hex')}`;
  readonly clientSecret = `secret-${randomBytes(8).toString('hex')}`;
  /** Answers only after its webhooks were delivered: the news comes before the answer. */
  webhooksFirst = false;
  /** True: the credentials are for live, and the sandbox does not know them. */
  isLive = false;
  readonly #scope: string;
  readonly #tokens = new Map<string, number>();
  readonly #answers = new Map<string, { readonly request: string; readonly at: number; readonly reply: Reply }>();
  readonly #oddities: PaypalFault[] = [];
  readonly #routes: readonly Route[];
  #server: RunningServer | undefined;

  constructor(options: PaypalServerOptions) {
    const { clock, ledger, faults } = this;
    const site = (): string => this.url;
    this.log = new RequestLog(options.journalFile);
    this.#scope = options.scope ?? SCOPE;
    this.webhooks = new PaypalWebhooks(clock, faults, options.certificateHost ?? 'api.sandbox.paypal.com');
    this.vault = new PaypalVault(clock, this.webhooks, site);
    this.orders = new PaypalOrders(clock, ledger, this.webhooks, this.vault, site);
    this.disputes = new PaypalDisputes(clock, ledger, this.webhooks, this.orders);
    this.#routes = this.#makeRoutes();
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async listen(port: number): Promise<void> {
    this.#server = await serveHttp({
      port,
      faults: this.faults,
      handle: (request) => this.#answer(request),
      faultReply: (status) => problemReply(new PaypalProblem(status, status === 429 ? 'RATE_LIMIT_REACHED' : 'INTERNAL_SERVER_ERROR')),
    });
  }

  async close(): Promise<void> {
    await this.#server?.close();
    await this.webhooks.idle();
    this.log.close();
  }

  /** The next request that fits goes wrong in PayPal's own way. */
  addFault(fault: PaypalFault): void {
    this.#oddities.push(fault);
  }

  /** All tokens end before their time. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** The merchant takes money to the bank. */
  withdraw(value: number, currency = 'EUR'): string {
    const id = randomId();
    this.ledger.add({ id, code: 'T0400', amount: moneyOf(-value, currency) });
    return id;
  }

  #makeRoutes(): readonly Route[] {
    const { orders, vault, disputes, webhooks, ledger } = this;
    return [
      ['POST /v2/checkout/orders', /^\/v2\/checkout\/orders$/, ({ body }) => orders.show(orders.create(body)), 201],
      ['GET /v2/checkout/orders/:id', /^\/v2\/checkout\/orders\/([^/]+)$/, ({ id }) => orders.show(orders.order(id))],
      ['PATCH /v2/checkout/orders/:id', /^\/v2\/checkout\/orders\/([^/]+)$/, ({ id, body }) => orders.patch(id, body), 204],
      [
        'POST /v2/checkout/orders/:id/capture',
        /^\/v2\/checkout\/orders\/([^/]+)\/capture$/,
        ({ id }) => orders.show(orders.capture(id)),
        201,
      ],
      [
        'POST /v2/checkout/orders/:id/authorize',
        /^\/v2\/checkout\/orders\/([^/]+)\/authorize$/,
        ({ id }) => orders.show(orders.authorize(id)),
        201,
      ],
      [
        'POST /v2/payments/authorizations/:id/capture',
        /^\/v2\/payments\/authorizations\/([^/]+)\/capture$/,
        ({ id, body }) => orders.captureHold(id, body),
        201,
      ],
      ['POST /v2/payments/authorizations/:id/void', /^\/v2\/payments\/authorizations\/([^/]+)\/void$/, ({ id }) => orders.voidHold(id)],
      [
        'GET /v2/payments/captures/:id',
        /^\/v2\/payments\/captures\/([^/]+)$/,
        ({ id }) => {
          const { order, capture } = orders.captureOf(id);
          return orders.showPart(order, capture);
        },
      ],
      [
        'POST /v2/payments/captures/:id/refund',
        /^\/v2\/payments\/captures\/([^/]+)\/refund$/,
        ({ id, body }) => orders.refund(id, body),
        201,
      ],
      ['POST /v3/vault/setup-tokens', /^\/v3\/vault\/setup-tokens$/, ({ body }) => vault.createSetup(body), 201],
      ['GET /v3/vault/setup-tokens/:id', /^\/v3\/vault\/setup-tokens\/([^/]+)$/, ({ id }) => vault.setup(id)],
      ['POST /v3/vault/payment-tokens', /^\/v3\/vault\/payment-tokens$/, ({ body }) => vault.createToken(body), 201],
      ['GET /v3/vault/payment-tokens', /^\/v3\/vault\/payment-tokens$/, ({ query }) => vault.listTokens(query.get('customer_id'))],
      ['GET /v3/vault/payment-tokens/:id', /^\/v3\/vault\/payment-tokens\/([^/]+)$/, ({ id }) => vault.token(id)],
      ['DELETE /v3/vault/payment-tokens/:id', /^\/v3\/vault\/payment-tokens\/([^/]+)$/, ({ id }) => vault.remove(id), 204],
      ['GET /v1/customer/disputes', /^\/v1\/customer\/disputes$/, ({ query }) => disputes.list(query)],
      ['GET /v1/customer/disputes/:id', /^\/v1\/customer\/disputes\/([^/]+)$/, ({ id }) => disputes.show(id)],
      ['GET /v1/reporting/transactions', /^\/v1\/reporting\/transactions$/, ({ query }) => this.#report(ledger, query)],
      ['POST /v1/notifications/webhooks', /^\/v1\/notifications\/webhooks$/, ({ body }) => webhooks.create(body), 201],
      ['GET /v1/notifications/webhooks', /^\/v1\/notifications\/webhooks$/, () => webhooks.list()],
      ['PATCH /v1/notifications/webhooks/:id', /^\/v1\/notifications\/webhooks\/([^/]+)$/, ({ id, body }) => webhooks.patch(id, body)],
      ['DELETE /v1/notifications/webhooks/:id', /^\/v1\/notifications\/webhooks\/([^/]+)$/, ({ id }) => webhooks.remove(id), 204],
      [
        'POST /v1/notifications/verify-webhook-signature',
        /^\/v1\/notifications\/verify-webhook-signature$/,
        ({ raw }) => webhooks.verifyOnline(raw),
      ],
    ];
  }

  async #answer(request: Received): Promise<Reply> {
    if (request.path.startsWith('/__')) return this.#ownPath(request);
    if (request.path === '/checkoutnow' || request.path === '/agreements/approve') return this.#page(request);
    if (request.path.startsWith('/v1/notifications/certs/')) return this.#certificate(request);
    const operation = `${request.method} ${request.path}`;
    const index = this.#oddities.findIndex(({ match }) => operation.includes(match));
    const odd = index < 0 ? undefined : this.#oddities.splice(index, 1)[0]?.action;
    if (odd === 'busy') return problemReply(new PaypalProblem(409, 'RESOURCE_CONFLICT', 'PREVIOUS_REQUEST_IN_PROGRESS'));
    const reply = this.#reply(request);
    if (this.webhooksFirst) await this.webhooks.idle();
    if (odd === 'hang') await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    if (odd === 'html')
      return { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Access denied</title>' };
    return odd === 'truncate' ? { ...reply, body: reply.body.slice(0, reply.body.length / 2) } : reply;
  }

  #reply(request: Received): Reply {
    const route = this.#routes.find(([name, path]) => name.startsWith(`${request.method} `) && path.test(request.path));
    const key = String(request.headers['paypal-request-id'] ?? '');
    const { reply, executed } = request.path === '/v1/oauth2/token' ? this.#token(request) : this.#execute(request, route, key);
    const operation = route?.[0] ?? `${request.method} ${request.path}`;
    this.log.add({ operation, idempotencyKey: key, executed, status: reply.status });
    return reply;
  }

  #execute(request: Received, route: Route | undefined, key: string): { readonly reply: Reply; readonly executed: boolean } {
    try {
      const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
      if ((this.#tokens.get(token) ?? 0) <= this.clock.now()) throw new PaypalProblem(401, 'AUTHENTICATION_FAILURE', 'INVALID_TOKEN');
      if (!route) throw missing();
      const [operation, path, handle, status = 200] = route;
      const window = request.method === 'POST' ? KEY_WINDOWS.find(([beginning]) => request.path.startsWith(beginning))?.[1] : undefined;
      const hash = createHash('sha256').update(`${request.path}\n`).update(request.body).digest('hex');
      const earlier = window === undefined ? undefined : this.#remembered(key, hash, window);
      if (earlier) return { reply: { ...earlier, status: earlier.status === 201 ? 200 : earlier.status }, executed: false };
      this.#mock(operation, request);
      const raw = request.body.toString('utf8');
      const ask = { id: path.exec(request.path)?.[1] ?? '', body: raw === '' ? undefined : parsed(raw), raw, query: request.query };
      const value = handle(ask);
      const isWhole =
        request.method !== 'POST' || !request.path.startsWith('/v2/') || request.headers['prefer'] === 'return=representation';
      const reply =
        status === 204 ? { status, body: '' } : jsonReply(status, isWhole ? value : minimal(value), { 'paypal-debug-id': randomId(13) });
      if (window !== undefined) this.#answers.set(key, { request: hash, at: this.clock.now(), reply });
      return { reply, executed: true };
    } catch (error) {
      if (!(error instanceof PaypalProblem)) throw error;
      return { reply: problemReply(error), executed: false };
    }
  }

  /** The first answer under a key, while it is remembered. */
  #remembered(key: string, hash: string, window: number): Reply | undefined {
    if (key === '' || key.length > 108) throw new PaypalProblem(400, 'INVALID_REQUEST', 'PAYPAL_REQUEST_ID_REQUIRED');
    const earlier = this.#answers.get(key);
    if (!earlier || this.clock.now() - earlier.at > window) return undefined;
    if (earlier.request !== hash) throw new PaypalProblem(400, 'INVALID_REQUEST', 'REQUEST_ID_REUSED');
    return earlier.reply;
  }

  /** The sandbox's negative testing: `PayPal-Mock-Response: {"mock_application_codes":"INSTRUMENT_DECLINED"}`. */
  #mock(operation: string, request: Received): void {
    const header = request.headers['paypal-mock-response'];
    if (typeof header !== 'string' || !MOCKABLE.test(operation)) return;
    const { mock_application_codes: code } = JSON.parse(header) as { mock_application_codes?: unknown };
    if (typeof code === 'string') throw unprocessable(code);
  }

  #token(request: Received): { readonly reply: Reply; readonly executed: boolean } {
    const expected = `Basic ${Buffer.from(`${this.clientId}:${this.clientSecret}`).toString('base64')}`;
    const isHere = hostOf(request) === (this.isLive ? 'api-m.paypal.com' : 'api-m.sandbox.paypal.com');
    const isForm = request.body.toString('utf8') === 'grant_type=client_credentials';
    if (request.headers.authorization !== expected || !isHere || !isForm) {
      return { reply: jsonReply(401, { error: 'invalid_client', error_description: 'Client Authentication failed' }), executed: false };
    }
    const token = `A21-${randomBytes(24).toString('hex')}`;
    this.#tokens.set(token, this.clock.now() + TOKEN_SECONDS * 1000);
    const body = {
      scope: this.#scope,
      access_token: token,
      token_type: 'Bearer',
      app_id: 'APP-80W284485P519543T',
      expires_in: TOKEN_SECONDS,
    };
    return { reply: jsonReply(200, body), executed: true };
  }

  #report(ledger: PaypalLedger, query: URLSearchParams): unknown {
    if (!this.#scope.includes('/reporting/search/read')) throw new PaypalProblem(403, 'NOT_AUTHORIZED', 'PERMISSION_DENIED');
    return ledger.report(query);
  }

  #certificate(request: Received): Reply {
    try {
      return {
        status: 200,
        headers: { 'content-type': 'application/x-pem-file' },
        body: this.webhooks.certificate(request.path.split('/').at(-1)),
      };
    } catch {
      return { status: 404, body: '' };
    }
  }

  /** PayPal's page, for people and for scripts: `POST /checkoutnow?token=<order>&do=approve`. Whoever turns back is told to nobody. */
  #page(request: Received): Reply {
    const setup = request.query.get('approval_session_id');
    const orderId = request.query.get('token') ?? '';
    if (request.method !== 'POST') {
      const here = setup === null ? `/checkoutnow?token=${orderId}` : `/agreements/approve?approval_session_id=${setup}`;
      const button = (verb: string): string => `<button formaction="${here}&amp;do=${verb}">${verb}</button>`;
      const body = `<!doctype html><title>PayPal (local)</title><form method="post">${button('approve')} ${button('cancel')}</form>`;
      return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
    }
    if (setup !== null) return redirect(this.vault.approve(setup));
    const order = this.orders.order(orderId);
    if (request.query.get('do') !== 'approve') return redirect(order.cancelUrl, { token: order.id });
    this.orders.approve(order.id);
    return redirect(order.returnUrl, { token: order.id, PayerID: 'BUYER12345678' });
  }

  #ownPath(request: Received): Reply {
    if (request.path === '/__log') return jsonReply(200, this.log.all());
    const body = parsed(request.body.toString('utf8'));
    if (request.path === '/__clock' && typeof body === 'object' && body !== null && 'advance' in body) {
      this.clock.advance(Number(body.advance));
      return jsonReply(200, { now: this.clock.stamp() });
    }
    const script = readFaults(body);
    if (request.path !== '/__faults' || !script) return jsonReply(400, { error: 'Send a list of {match, times, action}.' });
    this.faults.add(...script);
    return jsonReply(200, { added: script.length });
  }
}

/** What PayPal answers unless it is asked for the whole. */
function minimal(value: unknown): unknown {
  const { id, status, links } = (value ?? {}) as Record<string, unknown>; // made by the routes above
  return { id, status, links };
}

/** Which of PayPal's hosts was meant, where whoever leads requests here says so; the sandbox otherwise. */
function hostOf({ headers }: Received): string {
  const named = headers['x-test-host'] ?? headers.host;
  return typeof named === 'string' && named.endsWith('.paypal.com') ? named : 'api-m.sandbox.paypal.com';
}

function redirect(target: string, query: Readonly<Record<string, string>> = {}): Reply {
  const url = new URL(target);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return { status: 303, headers: { location: url.href }, body: '' };
}

function problemReply({ status, body }: PaypalProblem): Reply {
  return jsonReply(status, body, { 'paypal-debug-id': randomId(13) });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PaypalProblem(400, 'INVALID_REQUEST', 'MALFORMED_REQUEST_JSON');
  }
}

if (import.meta.main) {
  const [port = '0', url, journalFile] = process.argv.slice(2);
  const paypal = await startPaypalServer({ port: Number(port), ...(journalFile === undefined ? {} : { journalFile }) });
  if (url !== undefined) paypal.webhooks.create({ url, event_types: [{ name: '*' }] });
  // Retries wait for the clock, which here is the wall's.
  setInterval(() => paypal.webhooks.deliverDue(), 250).unref();
  const { clientId, clientSecret } = paypal;
  process.stdout.write(`${JSON.stringify({ ready: true, url: paypal.url, clientId, clientSecret })}\n`);
  process.once('SIGTERM', () => void paypal.close());
}
