/**
 * Vipps MobilePay on this machine: ePayment, Recurring, Webhooks, Report and access tokens, as strict as there.
 *
 * For a test: `const vipps = await startVippsServer({ frozen: true })`; time then passes by `vipps.clock.advance(ms)`. For a person:
 * `node test/providers/vipps-server.ts [port] [webhook origin]`, then open the address of a payment to approve or refuse it.
 * Deliveries go to the origin given, with the path and the signature of the address that was registered.
 *
 * `POST /__faults [{match,times,action}]` scripts faults (also `html`, `truncated`, `early-webhook`), `GET /__log` shows what was asked, `POST /__sim/clock {"advance":ms}` lets time
 * pass, and `POST /__sim/act {"do":"approve","reference":"…"}` is the customer, the bank or the business portal; see `vipps-acts.ts`.
 */
import { FaultScript, readFaults } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { jsonReply, serveHttp, type Received, type Reply, type RunningServer } from '../../plugins/sandbox/src/provider/http-server.ts';
import { RequestLog } from './request-log.ts';
import { act, landingPage } from './vipps-acts.ts';
import { VippsClock, type VippsClockOptions } from './vipps-clock.ts';
import { azure, VippsGate, type VippsKeys } from './vipps-gate.ts';
import { VippsLedger } from './vipps-ledger.ts';
import { VippsPayments, type PaymentHooks, type SalesUnit } from './vipps-payments.ts';
import { problemReply, VippsProblem } from './vipps-problem.ts';
import { VippsRecurring } from './vipps-recurring.ts';
import { bodyOf, routesOf, type Route } from './vipps-routes.ts';
import { VippsWebhooks, type VippsReceiver } from './vipps-webhooks.ts';

export interface VippsServerOptions extends VippsClockOptions {
  readonly port?: number;
  readonly mode?: 'test' | 'live';
  readonly unit?: Partial<SalesUnit>;
  readonly keys?: Partial<VippsKeys>;
  readonly receiver?: VippsReceiver;
  /** Where every request is written, durably. */
  readonly journalFile?: string;
}

/** What goes wrong with an answer beyond the fault script: a page instead of it, half of it, or its webhooks before it. */
export interface AnswerFault {
  readonly match: string;
  readonly action: 'html' | 'truncated' | 'early-webhook';
  times?: number;
}

const KEYS: VippsKeys = {
  clientId: 'fb492b5e-7907-4d83-ba20-c7fb60ca35de',
  clientSecret: 'Y8Kteew6GE2ZmeycEt6egg',
  subscriptionKey: '0f14ebcab0ec4b29ae0cb90d91b4a84a',
  merchantSerialNumber: '123456',
  reportClientId: 'b01ab6d1-accounting',
  reportClientSecret: 'accounting-secret',
};
const EMPTY: Reply = { status: 204, body: '' };

export function startVippsServer(options: VippsServerOptions = {}): Promise<VippsServer> {
  return VippsServer.start(options);
}

export class VippsServer {
  readonly faults = new FaultScript();
  readonly answerFaults: AnswerFault[] = [];
  readonly clock: VippsClock;
  readonly log: RequestLog;
  readonly unit: SalesUnit;
  readonly gate: VippsGate;
  readonly payments: VippsPayments;
  readonly recurring: VippsRecurring;
  readonly webhooks: VippsWebhooks;
  readonly ledger: VippsLedger;
  readonly #routes: readonly Route[];
  #server: RunningServer | undefined;

  static async start(options: VippsServerOptions): Promise<VippsServer> {
    const vipps = new VippsServer(options);
    vipps.#server = await serveHttp({
      port: options.port ?? 0,
      faults: vipps.faults,
      handle: (request) => vipps.#answer(request),
      faultReply: (status) =>
        status === 429 ? azure(429, 'Too many requests') : problemReply(new VippsProblem(500, 'Internal error'), '/'),
    });
    return vipps;
  }

  private constructor(options: VippsServerOptions) {
    const keys = { ...KEYS, ...options.keys };
    const mode = options.mode ?? 'test';
    this.clock = new VippsClock(options);
    this.log = new RequestLog(options.journalFile);
    this.unit = {
      msn: keys.merchantSerialNumber,
      mode,
      currency: 'DKK',
      push: true,
      longLiving: true,
      captureDays: 14,
      tellsCaptureDate: true,
      ...options.unit,
    };
    this.gate = new VippsGate(this.clock, mode, keys);
    this.ledger = new VippsLedger(this.clock, keys.merchantSerialNumber);
    this.webhooks = new VippsWebhooks(this.clock, this.faults, options.receiver ?? (() => 200));
    const hooks: PaymentHooks = {
      emit: (type, subject, body) => this.webhooks.send(type, subject, body),
      book: (type, movement) => this.ledger.book(type, movement),
      baseUrl: () => this.url,
    };
    this.payments = new VippsPayments(this.clock, this.unit, hooks);
    this.recurring = new VippsRecurring(this.clock, this.unit, hooks);
    this.#routes = routesOf(this);
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  /** The settings of a connection to this server. */
  get settings(): {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly subscriptionKey: string;
    readonly merchantSerialNumber: string;
  } {
    const { clientId, clientSecret, subscriptionKey, merchantSerialNumber } = this.gate.keys;
    return { clientId, clientSecret, subscriptionKey, merchantSerialNumber };
  }

  async close(): Promise<void> {
    this.clock.close();
    await this.webhooks.close();
    await this.#server?.close();
    this.log.close();
  }

  async #answer(request: Received): Promise<Reply> {
    if (request.path.startsWith('/__')) return this.#control(request);
    if (request.path.startsWith('/landing/') || request.path.startsWith('/register/')) return landingPage(this, request);
    const route = this.#routes.find(({ operation, path }) => operation.startsWith(`${request.method} `) && path.test(request.path));
    const fault = this.#takeFault(`${request.method} ${request.path}`);
    const { reply, executed } = this.#execute(request, route);
    const idempotencyKey = String(request.headers['idempotency-key'] ?? '');
    this.log.add({ operation: route?.operation ?? `${request.method} ${request.path}`, idempotencyKey, executed, status: reply.status });
    if (fault === 'early-webhook') {
      await new Promise((resolve) => setImmediate(resolve));
      await this.webhooks.idle();
    }
    if (fault === 'html') return { status: 200, headers: { 'content-type': 'text/html' }, body: '<html><body>Maintenance</body></html>' };
    return fault === 'truncated' ? { ...reply, body: reply.body.slice(0, Math.ceil(reply.body.length / 2)) } : reply;
  }

  #execute(request: Received, route: Route | undefined): { readonly reply: Reply; readonly executed: boolean } {
    if (route?.operation.endsWith('token') || request.path === '/accesstoken/get')
      return { reply: this.gate.token(request), executed: true };
    const refusal = this.gate.refuse(request);
    if (refusal) return { reply: refusal, executed: false };
    try {
      if (!route) throw new VippsProblem(404, 'Resource not found');
      const ids = (route.path.exec(request.path) ?? []).slice(1);
      if (route.isLimited && this.gate.isTooMany(route.operation, ids[0] ?? referenceIn(request)))
        return { reply: azure(429, 'Too many requests'), executed: false };
      const work = (key: string): Reply => this.#carryOut(route, request, ids, key);
      return route.keyLength === undefined ? { reply: work(''), executed: true } : this.gate.once(request, route.keyLength, work);
    } catch (error) {
      if (!(error instanceof VippsProblem)) throw error;
      return { reply: problemReply(error, request.path), executed: false };
    }
  }

  /** An API's own refusal is an answer like any other: it is kept for its key. */
  #carryOut({ handle, status = 200 }: Route, request: Received, ids: readonly string[], key: string): Reply {
    try {
      const value = handle(request, ids, key);
      if (value === 202 || value === 204) return { ...EMPTY, status: value };
      return value === undefined ? EMPTY : jsonReply(status, value);
    } catch (error) {
      if (!(error instanceof VippsProblem)) throw error;
      return problemReply(error, request.path);
    }
  }

  #takeFault(operation: string): AnswerFault['action'] | undefined {
    const fault = this.answerFaults.find(({ match, times = 1 }) => times > 0 && operation.includes(match));
    if (fault) fault.times = (fault.times ?? 1) - 1;
    return fault?.action;
  }

  async #control(request: Received): Promise<Reply> {
    if (request.path === '/__log') return jsonReply(200, this.log.all());
    const value = bodyOf(request);
    if (request.path === '/__sim/clock') {
      await this.clock.advance(Number((value as { advance?: number } | undefined)?.advance ?? 0));
      return jsonReply(200, { now: this.clock.date().toISOString() });
    }
    if (request.path === '/__sim/act') return jsonReply(200, act(this, value));
    if (request.path !== '/__faults' || !Array.isArray(value)) return jsonReply(400, { error: 'Send a list of {match, times, action}.' });
    const answers = value.filter(isAnswerFault);
    const script = readFaults(value.filter((fault) => !isAnswerFault(fault)));
    if (!script) return jsonReply(400, { error: 'Send a list of {match, times, action}.' });
    this.faults.add(...script);
    this.answerFaults.push(...answers);
    return jsonReply(200, { added: value.length });
  }
}

function isAnswerFault(value: unknown): value is AnswerFault {
  const { match, action } = (value ?? {}) as Partial<Record<'match' | 'action', unknown>>;
  return typeof match === 'string' && (action === 'html' || action === 'truncated' || action === 'early-webhook');
}

/** A creation is counted by the reference in its body; without one, all count as the same. */
function referenceIn(request: Received): string {
  const body = bodyOf(request);
  return typeof body === 'object' && body !== null && 'reference' in body ? String(body.reference) : '';
}

/** Sends deliveries over HTTP to another origin than the registered one: this machine has no public https address. */
function overHttp(origin: string): VippsReceiver {
  return async ({ url, headers, body }) => {
    const { pathname, search } = new URL(url);
    // `host` is the registered one in the signature; the connection needs this machine's own.
    const { host: _host, ...sent } = headers;
    const answer = await fetch(`${origin}${pathname}${search}`, {
      method: 'POST',
      headers: sent,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    });
    await answer.body?.cancel();
    return answer.status;
  };
}

if (import.meta.main) {
  const [port = '0', origin, journalFile] = process.argv.slice(2);
  const vipps = await startVippsServer({
    port: Number(port),
    ...(origin === undefined ? {} : { receiver: overHttp(origin) }),
    ...(journalFile === undefined ? {} : { journalFile }),
  });
  process.stdout.write(`${JSON.stringify({ ready: true, url: vipps.url, settings: vipps.settings })}\n`);
  process.once('SIGTERM', () => void vipps.close());
}
