/**
 * Stripe, as far as hosted checkout needs it, on this machine: enough for the official library not to notice.
 *
 * For a test: `const stripe = await startStripeServer()`. For a person:
 * `node test/providers/stripe-server.ts [port] [webhook url] [webhook secret] [journal file]`, then open the `url` of a
 * session to pay it. It is strict rather than complete: a parameter that it does not know is a 400, as at Stripe.
 * `POST /__faults [{match,times,action}]` scripts faults, `GET /__log` shows what was asked.
 */
import { createHash, randomBytes } from 'node:crypto';
import { FaultScript, readFaults } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { jsonReply, serveHttp, type Received, type Reply, type RunningServer } from '../../plugins/sandbox/src/provider/http-server.ts';
import { readForm, type Form } from './form-body.ts';
import { RequestLog } from './request-log.ts';
import {
  below,
  integer,
  onlyParameters,
  required,
  StripeProblem,
  textMap,
  type Charge,
  type Dispute,
  type Intent,
  type Refund,
  type Session,
} from './stripe-objects.ts';
import { StripeWebhooks, type WebhookTarget } from './stripe-webhooks.ts';

export interface StripeServerOptions {
  readonly port?: number;
  readonly apiKey?: string;
  readonly webhooks?: WebhookTarget;
  /** Where every request is written, durably. */
  readonly journalFile?: string;
}

type Handler = (id: string, form: Form, query: URLSearchParams) => unknown;
type Route = readonly [operation: string, path: RegExp, handle: Handler];

const NOT_TAKEN_YET = new Set(['open', 'requires_payment_method', 'requires_action', 'processing', 'requires_capture']);

export function startStripeServer(options: StripeServerOptions = {}): Promise<StripeServer> {
  return StripeServer.start(options);
}

export class StripeServer {
  readonly faults = new FaultScript();
  readonly log: RequestLog;
  readonly webhooks: StripeWebhooks;
  readonly apiKey: string;
  readonly #sessions = new Map<string, Session & { readonly draft: Form }>();
  readonly #intents = new Map<string, Intent>();
  readonly #charges = new Map<string, Charge>();
  readonly #refunds = new Map<string, Refund>();
  readonly #disputes = new Map<string, Dispute>();
  readonly #answers = new Map<string, { readonly request: string; readonly reply: Reply }>();
  readonly #routes: readonly Route[];
  #server: RunningServer | undefined;

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
    this.log = new RequestLog(options.journalFile);
    this.webhooks = new StripeWebhooks(this.faults, options.webhooks);
    this.#routes = [
      [
        'GET /v1/account',
        /^\/v1\/account$/,
        () => ({ id: 'acct_1LocalServer', object: 'account', settings: { dashboard: { display_name: 'Local shop' } } }),
      ],
      ['POST /v1/checkout/sessions', /^\/v1\/checkout\/sessions$/, (_id, form) => this.#createSession(form)],
      ['GET /v1/checkout/sessions', /^\/v1\/checkout\/sessions$/, (_id, _form, query) => this.#listSessions(query)],
      ['GET /v1/checkout/sessions/:id', /^\/v1\/checkout\/sessions\/([^/]+)$/, (id) => showSession(this.session(id))],
      ['POST /v1/checkout/sessions/:id', /^\/v1\/checkout\/sessions\/([^/]+)$/, (id, form) => this.#updateSession(id, form)],
      ['POST /v1/checkout/sessions/:id/expire', /^\/v1\/checkout\/sessions\/([^/]+)\/expire$/, (id) => showSession(this.expireSession(id))],
      ['GET /v1/payment_intents/:id', /^\/v1\/payment_intents\/([^/]+)$/, (id, _form, query) => this.#showIntent(this.intent(id), query)],
      ['POST /v1/payment_intents/:id/capture', /^\/v1\/payment_intents\/([^/]+)\/capture$/, (id, form) => this.#capture(id, form)],
      ['POST /v1/payment_intents/:id/cancel', /^\/v1\/payment_intents\/([^/]+)\/cancel$/, (id, form) => this.#cancelIntent(id, form)],
      ['POST /v1/refunds', /^\/v1\/refunds$/, (_id, form) => this.#createRefund(form)],
      [
        'GET /v1/refunds',
        /^\/v1\/refunds$/,
        (_id, _form, query) =>
          listOf([...this.#refunds.values()].filter((refund) => refund.payment_intent === query.get('payment_intent'))),
      ],
      [
        'GET /v1/disputes',
        /^\/v1\/disputes$/,
        (_id, _form, query) =>
          listOf([...this.#disputes.values()].filter((dispute) => dispute.payment_intent === query.get('payment_intent'))),
      ],
    ];
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async close(): Promise<void> {
    await this.webhooks.close();
    await this.#server?.close();
    this.log.close();
  }

  session(id: string): Session & { readonly draft: Form } {
    return this.#sessions.get(id) ?? missing('checkout.session', id);
  }

  intent(id: string): Intent {
    return this.#intents.get(id) ?? missing('payment_intent', id);
  }

  /** Every session, oldest first. */
  sessions(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  refundsOf(intentId: string): readonly Refund[] {
    return [...this.#refunds.values()].filter((refund) => refund.payment_intent === intentId);
  }

  /** The customer pays on the hosted page. With `sepa_debit` the money is under way until {@link settle}. */
  pay(sessionId: string, method = 'ideal'): Intent {
    const session = this.session(sessionId);
    if (session.status !== 'open')
      throw new StripeProblem(400, { type: 'invalid_request_error', message: `The session is ${session.status}.` });
    const intent = this.#begin(session);
    const manual = intent.capture_method === 'manual';
    const slow = method === 'sepa_debit';
    const charge = this.#createCharge(intent, method, slow ? 'pending' : 'succeeded');
    session.status = 'complete';
    session.url = null;
    if (slow) intent.status = 'processing';
    else if (manual) Object.assign(intent, { status: 'requires_capture', amount_capturable: intent.amount });
    else Object.assign(intent, { status: 'succeeded', amount_received: intent.amount });
    session.payment_status = slow || manual ? 'unpaid' : 'paid';
    this.#emit('charge.succeeded', charge);
    this.#emit(
      slow ? 'payment_intent.processing' : manual ? 'payment_intent.amount_capturable_updated' : 'payment_intent.succeeded',
      intent,
    );
    this.#emit('checkout.session.completed', showSession(session));
    return intent;
  }

  /** The bank says no; the customer is still on the page. */
  decline(sessionId: string, declineCode = 'insufficient_funds'): Intent {
    const intent = this.#begin(this.session(sessionId));
    intent.status = 'requires_payment_method';
    intent.last_payment_error = {
      type: 'card_error',
      code: 'card_declined',
      decline_code: declineCode,
      message: 'Your card was declined.',
    };
    this.#emit('payment_intent.payment_failed', intent);
    return intent;
  }

  /** A debit under way arrives, or bounces. */
  settle(intentId: string, result: 'succeeded' | 'failed'): void {
    const intent = this.intent(intentId);
    const charge = this.#chargeOf(intent);
    const session = [...this.#sessions.values()].find((candidate) => candidate.payment_intent === intentId);
    charge.status = result;
    if (result === 'succeeded') {
      Object.assign(intent, { status: 'succeeded', amount_received: intent.amount });
      if (session) session.payment_status = 'paid';
      this.#emit('payment_intent.succeeded', intent);
      if (session) this.#emit('checkout.session.async_payment_succeeded', showSession(session));
      return;
    }
    intent.status = 'requires_payment_method';
    intent.last_payment_error = {
      type: 'invalid_request_error',
      code: 'payment_intent_payment_attempt_failed',
      decline_code: 'insufficient_funds',
      message: 'The debit bounced.',
    };
    this.#emit('payment_intent.payment_failed', intent);
    if (session) this.#emit('checkout.session.async_payment_failed', showSession(session));
  }

  expireSession(id: string): Session & { readonly draft: Form } {
    const session = this.session(id);
    if (session.status !== 'open')
      throw new StripeProblem(400, {
        type: 'invalid_request_error',
        message: `Only open sessions can be expired; this one is ${session.status}.`,
      });
    session.status = 'expired';
    session.url = null;
    this.#emit('checkout.session.expired', showSession(session));
    return session;
  }

  /** A refund, as by the API or by a person in the dashboard. `pending` ones end with {@link finishRefund}. */
  refund(
    intentId: string,
    amount: number,
    more: { readonly metadata?: Record<string, string>; readonly reason?: string; readonly status?: Refund['status'] } = {},
  ): Refund {
    const intent = this.intent(intentId);
    const charge = this.#chargeOf(intent);
    if (amount > charge.amount_captured - charge.amount_refunded) {
      throw new StripeProblem(400, {
        type: 'invalid_request_error',
        code: 'charge_already_refunded',
        message: 'Refund amount is greater than unrefunded amount on charge.',
        param: 'amount',
      });
    }
    const refund: Refund = {
      id: newId('re'),
      object: 'refund',
      amount,
      currency: intent.currency,
      status: more.status ?? 'succeeded',
      charge: charge.id,
      payment_intent: intent.id,
      reason: more.reason ?? null,
      metadata: more.metadata ?? {},
      created: seconds(),
    };
    this.#refunds.set(refund.id, refund);
    charge.amount_refunded += amount;
    charge.refunded = charge.amount_refunded === charge.amount_captured;
    this.#emit('refund.created', refund);
    this.#emit('charge.refunded', charge);
    return refund;
  }

  finishRefund(id: string, status: 'succeeded' | 'failed'): void {
    const refund = this.#refunds.get(id) ?? missing('refund', id);
    refund.status = status;
    if (status === 'failed') this.#chargeOf(this.intent(refund.payment_intent)).amount_refunded -= refund.amount;
    this.#emit(status === 'failed' ? 'refund.failed' : 'refund.updated', refund);
  }

  /** The customer's bank takes the money back, or a dispute gets another status (`won`, `lost`). */
  dispute(intentId: string, status = 'needs_response'): Dispute {
    const charge = this.#chargeOf(this.intent(intentId));
    const known = [...this.#disputes.values()].find((dispute) => dispute.payment_intent === intentId);
    const dispute: Dispute = known ?? {
      id: newId('dp'),
      object: 'dispute',
      amount: charge.amount_captured,
      currency: charge.currency,
      status,
      charge: charge.id,
      payment_intent: intentId,
      reason: 'fraudulent',
      created: seconds(),
      livemode: false,
    };
    dispute.status = status;
    charge.disputed = true;
    this.#disputes.set(dispute.id, dispute);
    this.#emit(known ? 'charge.dispute.closed' : 'charge.dispute.created', dispute);
    return dispute;
  }

  async #answer(request: Received): Promise<Reply> {
    if (request.path === '/__faults') return this.#addFaults(request);
    if (request.path === '/__log') return jsonReply(200, this.log.all());
    if (request.path.startsWith('/pay/')) return this.#payPage(request);
    const operation = this.#routes.find(([name, path]) => name.startsWith(`${request.method} `) && path.test(request.path));
    const key = String(request.headers['idempotency-key'] ?? '');
    const { reply, executed } = this.#execute(request, operation, key);
    this.log.add({ operation: operation?.[0] ?? `${request.method} ${request.path}`, idempotencyKey: key, executed, status: reply.status });
    return reply;
  }

  #execute(request: Received, route: Route | undefined, key: string): { reply: Reply; executed: boolean } {
    try {
      if (request.headers.authorization !== `Bearer ${this.apiKey}`)
        throw new StripeProblem(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' });
      if (!route)
        throw new StripeProblem(404, {
          type: 'invalid_request_error',
          message: `Unrecognized request URL (${request.method}: ${request.path}).`,
        });
      const hash = createHash('sha256').update(`${request.path}\n`).update(request.body).digest('hex');
      const earlier = request.method === 'POST' ? this.#answers.get(key) : undefined;
      if (earlier && earlier.request !== hash) {
        throw new StripeProblem(400, {
          type: 'idempotency_error',
          message: 'Keys for idempotent requests can only be used with the same parameters they were first used with.',
        });
      }
      if (earlier)
        return { reply: { ...earlier.reply, headers: { ...earlier.reply.headers, 'idempotent-replayed': 'true' } }, executed: false };
      const value = route[2](route[1].exec(request.path)?.[1] ?? '', readForm(request.body.toString('utf8')), request.query);
      const reply = jsonReply(200, value, { 'request-id': newId('req') });
      if (request.method === 'POST') this.#answers.set(key, { request: hash, reply });
      return { reply, executed: true };
    } catch (error) {
      if (!(error instanceof StripeProblem)) throw error;
      return { reply: problemReply(error), executed: false };
    }
  }

  #createSession(form: Form): unknown {
    onlyParameters(
      form,
      'mode',
      'client_reference_id',
      'line_items',
      'success_url',
      'cancel_url',
      'metadata',
      'payment_intent_data',
      'allowed_payment_method_types',
      'customer_email',
      'locale',
      'expires_at',
    );
    onlyParameters(textOrForm(form['payment_intent_data']), 'metadata', 'description', 'capture_method', 'setup_future_usage');
    const price = below(form['line_items'], '0', 'price_data');
    const amount = integer(below(price, 'unit_amount'), 'line_items[0][price_data][unit_amount]');
    if (amount < 50) {
      throw new StripeProblem(400, {
        type: 'invalid_request_error',
        code: 'amount_too_small',
        message: 'The amount is below the minimum.',
        param: 'line_items[0][price_data][unit_amount]',
      });
    }
    required(below(price, 'product_data', 'name'), 'line_items[0][price_data][product_data][name]');
    const id = newId('cs_test');
    const methods = form['allowed_payment_method_types'];
    const session: Session & { readonly draft: Form } = {
      id,
      object: 'checkout.session',
      status: 'open',
      payment_status: 'unpaid',
      mode: 'payment',
      amount_total: amount,
      currency: required(below(price, 'currency'), 'line_items[0][price_data][currency]'),
      client_reference_id: typeof form['client_reference_id'] === 'string' ? form['client_reference_id'] : null,
      payment_intent: null,
      url: `${this.url}/pay/${id}`,
      metadata: textMap(form['metadata']),
      allowed_payment_method_types: Array.isArray(methods) ? methods.map(String) : null,
      success_url: required(form['success_url'], 'success_url'),
      cancel_url: typeof form['cancel_url'] === 'string' ? form['cancel_url'] : null,
      expires_at: form['expires_at'] === undefined ? seconds() + 86_400 : integer(form['expires_at'], 'expires_at'),
      created: seconds(),
      livemode: false,
      draft: textOrForm(form['payment_intent_data']),
    };
    this.#sessions.set(id, session);
    return showSession(session);
  }

  #listSessions(query: URLSearchParams): unknown {
    const since = Number(query.get('created[gte]') ?? 0);
    const limit = Number(query.get('limit') ?? 10);
    const all = [...this.#sessions.values()].reverse().filter((session) => session.created >= since);
    const after = query.get('starting_after');
    const from = after === null ? 0 : all.findIndex((session) => session.id === after) + 1;
    return listOf(all.slice(from, from + limit).map(showSession), from + limit < all.length);
  }

  #updateSession(id: string, form: Form): unknown {
    onlyParameters(form, 'metadata');
    const session = this.session(id);
    Object.assign(session.metadata, textMap(form['metadata']));
    return showSession(session);
  }

  #begin(session: Session & { readonly draft: Form }): Intent {
    const known = session.payment_intent === null ? undefined : this.intent(session.payment_intent);
    if (known) return known;
    const { draft } = session;
    const intent: Intent = {
      id: newId('pi'),
      object: 'payment_intent',
      status: 'requires_payment_method',
      amount: session.amount_total,
      amount_capturable: 0,
      amount_received: 0,
      currency: session.currency,
      capture_method: draft['capture_method'] === 'manual' ? 'manual' : 'automatic',
      cancellation_reason: null,
      description: typeof draft['description'] === 'string' ? draft['description'] : null,
      last_payment_error: null,
      latest_charge: null,
      metadata: textMap(draft['metadata']),
      created: seconds(),
      livemode: false,
    };
    this.#intents.set(intent.id, intent);
    session.payment_intent = intent.id;
    return intent;
  }

  #createCharge(intent: Intent, method: string, status: Charge['status']): Charge {
    const manual = intent.capture_method === 'manual';
    const charge: Charge = {
      id: newId('ch'),
      object: 'charge',
      status,
      amount: intent.amount,
      amount_captured: manual ? 0 : intent.amount,
      amount_refunded: 0,
      captured: !manual,
      refunded: false,
      disputed: false,
      currency: intent.currency,
      payment_intent: intent.id,
      metadata: intent.metadata,
      created: seconds(),
      livemode: false,
      payment_method_details: { type: method, ...(manual ? { card: { capture_before: seconds() + 7 * 86_400 } } : {}) },
      balance_transaction: manual
        ? null
        : {
            id: newId('txn'),
            object: 'balance_transaction',
            amount: intent.amount,
            fee: 29,
            net: intent.amount - 29,
            currency: intent.currency,
          },
    };
    this.#charges.set(charge.id, charge);
    intent.latest_charge = charge.id;
    intent.last_payment_error = null;
    return charge;
  }

  #capture(id: string, form: Form): unknown {
    onlyParameters(form, 'amount_to_capture', 'final_capture');
    const intent = this.intent(id);
    if (intent.status !== 'requires_capture') {
      throw new StripeProblem(400, {
        type: 'invalid_request_error',
        code: 'payment_intent_unexpected_state',
        message: `This PaymentIntent could not be captured because it has a status of ${intent.status}.`,
      });
    }
    const amount =
      form['amount_to_capture'] === undefined ? intent.amount_capturable : integer(form['amount_to_capture'], 'amount_to_capture');
    if (amount > intent.amount_capturable) {
      throw new StripeProblem(400, {
        type: 'invalid_request_error',
        code: 'amount_too_large',
        message: 'The amount is more than what can be captured.',
        param: 'amount_to_capture',
      });
    }
    Object.assign(this.#chargeOf(intent), { captured: true, amount_captured: amount });
    Object.assign(intent, { status: 'succeeded', amount_capturable: 0, amount_received: amount });
    this.#emit('payment_intent.succeeded', intent);
    return intent;
  }

  #cancelIntent(id: string, form: Form): unknown {
    onlyParameters(form, 'cancellation_reason');
    const intent = this.intent(id);
    if (!NOT_TAKEN_YET.has(intent.status)) {
      throw new StripeProblem(400, {
        type: 'invalid_request_error',
        code: 'payment_intent_unexpected_state',
        message: `You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`,
      });
    }
    Object.assign(intent, { status: 'canceled', amount_capturable: 0, cancellation_reason: form['cancellation_reason'] ?? null });
    this.#emit('payment_intent.canceled', intent);
    return intent;
  }

  #createRefund(form: Form): unknown {
    onlyParameters(form, 'payment_intent', 'amount', 'reason', 'metadata');
    const intent = this.intent(required(form['payment_intent'], 'payment_intent'));
    const amount = form['amount'] === undefined ? intent.amount_received : integer(form['amount'], 'amount');
    return this.refund(intent.id, amount, {
      metadata: textMap(form['metadata']),
      reason: typeof form['reason'] === 'string' ? form['reason'] : 'requested_by_customer',
    });
  }

  #showIntent(intent: Intent, query: URLSearchParams): unknown {
    const expands = [...query].some(([name, value]) => name.startsWith('expand') && value.startsWith('latest_charge'));
    return expands && intent.latest_charge !== null ? { ...intent, latest_charge: this.#chargeOf(intent) } : intent;
  }

  #chargeOf(intent: Intent): Charge {
    return this.#charges.get(intent.latest_charge ?? '') ?? missing('charge', String(intent.latest_charge));
  }

  #emit(type: string, object: object): void {
    // A snapshot: an event tells how things were then, and is never updated.
    const event = {
      id: newId('evt'),
      object: 'event',
      api_version: '2026-10-28.endive',
      created: seconds(),
      livemode: false,
      type,
      data: structuredClone({ object }),
    };
    this.webhooks.send(event);
  }

  #addFaults(request: Received): Reply {
    const script = readFaults(JSON.parse(request.body.toString('utf8')));
    if (!script) return jsonReply(400, { error: 'Send a list of {match, times, action}.' });
    this.faults.add(...script);
    return jsonReply(200, { added: script.length });
  }

  /** The hosted page, for people and for scripts: `POST /pay/<session>/pay` and `/decline`. */
  #payPage(request: Received): Reply {
    const [, , id = '', button] = request.path.split('/');
    const session = this.session(id);
    if (request.method !== 'POST') {
      const form = `<form method="post"><button formaction="/pay/${id}/pay">Pay</button> <button formaction="/pay/${id}/decline">Decline</button></form>`;
      return {
        status: 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        body: `<!doctype html><title>Pay</title><p>${session.amount_total} ${session.currency} (${session.status})</p>${form}`,
      };
    }
    if (button === 'pay') this.pay(id);
    else this.decline(id);
    return { status: 303, headers: { location: button === 'pay' ? session.success_url : `/pay/${id}` }, body: '' };
  }
}

function showSession(session: Session & { readonly draft: Form }): Session {
  const { draft: _draft, ...shown } = session;
  return shown;
}

function textOrForm(value: Form[string] | undefined): Form {
  return typeof value === 'object' && !Array.isArray(value) ? (value as Form) : {};
}

function listOf(data: readonly unknown[], hasMore = false): unknown {
  return { object: 'list', url: '/v1/list', has_more: hasMore, data };
}

function problemReply(problem: StripeProblem): Reply {
  return jsonReply(problem.status, { error: problem.error }, { 'request-id': newId('req') });
}

function missing(kind: string, id: string): never {
  throw new StripeProblem(404, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${kind}: '${id}'`,
    param: 'id',
  });
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

if (import.meta.main) {
  const [port = '0', url, secret = 'whsec_local_server_secret', journalFile] = process.argv.slice(2);
  const stripe = await startStripeServer({
    port: Number(port),
    ...(url === undefined ? {} : { webhooks: { url, secrets: [secret] } }),
    ...(journalFile === undefined ? {} : { journalFile }),
  });
  process.stdout.write(`${JSON.stringify({ ready: true, url: stripe.url, apiKey: stripe.apiKey })}\n`);
  process.once('SIGTERM', () => void stripe.close());
}
