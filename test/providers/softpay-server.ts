/**
 * Softpay's Cloud API, as far as anybody outside knows it (see `plugins/softpay/src/wire.ts`), with a page that stands in for the phone.
 *
 * For a test: `const softpay = await startSoftpayServer()`. For a person: `node test/providers/softpay-server.ts [port]`, then open `/phone`. It is strict: a
 * field that it does not know is a 400, a request id is used once and ends, a merchant has to be named.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { FaultScript, readFaults } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { jsonReply, serveHttp, type Received, type Reply, type RunningServer } from '../../plugins/sandbox/src/provider/http-server.ts';
import { RequestLog } from './request-log.ts';

export interface SoftpayTransaction {
  readonly requestId: string;
  readonly expiresAt: number;
  state: string;
  appId?: string;
  amount?: number;
  currencyCode?: string;
  posReferenceNumber?: string;
  responseCode?: string;
  partialPan?: string;
  completedAt?: number;
}

/** An answer that is not 2xx. */
class SoftpayProblem extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const BASE = '/api-gateway/v3/api/cloud';
const APP_ID = /^[A-Z]{3}\d{10}$/;
const REQUEST_MS = 5 * 60_000;
/** In which a sale can be undone without the card; the acquirer's own. */
const CANCEL_MS = 10 * 60_000;
const TOKEN_MS = 300_000;
const SCOPES = ['create:payment', 'create:refund', 'create:cancellation'];

export async function startSoftpayServer({ port = 0 }: { readonly port?: number } = {}): Promise<SoftpayServer> {
  const softpay = new SoftpayServer();
  await softpay.listen(port);
  return softpay;
}

export class SoftpayServer {
  readonly faults = new FaultScript();
  readonly log = new RequestLog();
  readonly merchant = randomUUID();
  readonly clientId = `local-${randomBytes(6).toString('hex')}`;
  readonly clientSecret = `secret-${randomBytes(12).toString('hex')}`;
  /** True: the credentials are for live, and the sandbox does not know them. */
  isLive = false;
  /** True: the phone is out of reach. What it is asked for is accepted, and nothing happens. */
  isPhoneOffline = false;
  /** False: answers about a transaction leave out its amount. */
  tellsAmounts = true;
  readonly #tokens = new Map<string, number>();
  readonly #transactions = new Map<string, SoftpayTransaction>();
  #ahead = 0;
  #server: RunningServer | undefined;

  get url(): string {
    return this.#server?.url ?? '';
  }

  async listen(port: number): Promise<void> {
    this.#server = await serveHttp({
      port,
      faults: this.faults,
      handle: (request) => this.#answer(request),
      faultReply: (status) => problemReply(new SoftpayProblem(status, status, 'A scripted fault.')),
    });
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.log.close();
  }

  /** Epoch milliseconds, by a clock that {@link advance} puts forward. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  advance(ms: number): void {
    this.#ahead += ms;
  }

  revokeTokens(): void {
    this.#tokens.clear();
  }

  transaction(requestId: string): SoftpayTransaction {
    return this.#transactions.get(requestId) ?? missing();
  }

  /** Everything that a phone was asked for. */
  begun(): readonly SoftpayTransaction[] {
    return [...this.#transactions.values()].filter(({ appId }) => appId !== undefined);
  }

  /** The customer taps, and the bank agrees. */
  tap(requestId: string): void {
    this.#end(requestId, 'COMPLETED', '00');
  }

  /** The customer taps, and the bank says no. */
  decline(requestId: string, responseCode = '05'): void {
    this.#end(requestId, 'DECLINED', responseCode);
  }

  /** The app gives up: nobody tapped, or it broke. */
  fail(requestId: string): void {
    this.#end(requestId, 'FAILED');
  }

  /** A sale is undone at the phone, by a person there. */
  undoAtPhone(requestId: string): void {
    this.transaction(requestId).state = 'CANCELLED';
  }

  #end(requestId: string, state: string, responseCode?: string): void {
    const transaction = this.transaction(requestId);
    if (transaction.state !== 'PROCESSING') throw new SoftpayProblem(409, 400, `The transaction is ${transaction.state}.`);
    Object.assign(transaction, {
      state,
      partialPan: '…1234',
      completedAt: this.now(),
      ...(responseCode === undefined ? {} : { responseCode }),
    });
  }

  #answer(request: Received): Reply {
    if (request.path === '/__faults') return this.#addFaults(request);
    if (request.path === '/phone') return this.#phone(request);
    const { operation, reply } = this.#carryOut(request);
    this.log.add({ operation, idempotencyKey: '', executed: reply.status < 300, status: reply.status });
    return reply;
  }

  #carryOut(request: Received): { readonly operation: string; readonly reply: Reply } {
    const id = /^\/api-gateway\/v3\/api\/cloud\/transactions\/([A-Za-z0-9-]+)$/.exec(request.path)?.[1];
    const operation = `${request.method} ${id === undefined ? request.path.replace(BASE, '') : '/transactions/:id'}`;
    try {
      return { operation, reply: operation === 'POST /oauth2/token' ? this.#token(request) : this.#route(operation, id ?? '', request) };
    } catch (error) {
      if (!(error instanceof SoftpayProblem)) throw error;
      return { operation, reply: problemReply(error) };
    }
  }

  #route(operation: string, id: string, request: Received): Reply {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    if ((this.#tokens.get(token) ?? 0) <= this.now()) throw new SoftpayProblem(401, 1, 'The token is not valid.');
    if (request.headers['x-softpay-merchant-reference'] !== this.merchant) throw new SoftpayProblem(403, 120, 'The merchant is not known.');
    switch (operation) {
      case 'GET /merchants':
        return jsonReply(200, [{ merchantReference: this.merchant, name: 'Local shop' }]);
      case 'POST /transactions':
        return this.#make(fieldsOf(request, ['action']));
      case 'PUT /transactions/:id':
        return this.#begin(id, fieldsOf(request, ['appId', 'amount', 'currencyCode', 'posReferenceNumber', 'options']));
      case 'GET /transactions/:id':
        return jsonReply(200, this.#show(this.transaction(id)));
      case 'DELETE /transactions/:id':
        return this.#undo(id);
      default:
        throw new SoftpayProblem(404, 200, 'There is no such path.');
    }
  }

  #make({ action }: Readonly<Record<string, unknown>>): Reply {
    if (action !== 'PAYMENT') throw new SoftpayProblem(400, 310, 'The action is not known.');
    const transaction = { requestId: randomUUID(), expiresAt: this.now() + REQUEST_MS, state: 'CREATED' };
    this.#transactions.set(transaction.requestId, transaction);
    return jsonReply(201, { requestId: transaction.requestId, expiresAt: new Date(transaction.expiresAt).toISOString() });
  }

  #begin(id: string, { appId, amount, currencyCode, posReferenceNumber }: Readonly<Record<string, unknown>>): Reply {
    const transaction = this.transaction(id);
    if (transaction.state !== 'CREATED') throw new SoftpayProblem(409, 810, 'The request was used already.');
    if (this.now() > transaction.expiresAt) throw new SoftpayProblem(409, 800, 'The request has expired.');
    if (typeof appId !== 'string' || !APP_ID.test(appId)) throw new SoftpayProblem(400, 310, 'The app id has another form.');
    if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount <= 0)
      throw new SoftpayProblem(400, 320, 'The amount is not a whole number.');
    if (typeof currencyCode !== 'string' || !/^[A-Z]{3}$/.test(currencyCode))
      throw new SoftpayProblem(400, 320, 'The currency is not known.');
    if (typeof posReferenceNumber !== 'string' || posReferenceNumber === '')
      throw new SoftpayProblem(400, 320, 'The reference is missing.');
    Object.assign(transaction, { appId, amount, currencyCode, posReferenceNumber, state: 'PROCESSING' });
    return jsonReply(200, { requestId: id, state: 'PROCESSING' });
  }

  /** A payment that runs is stopped; one of minutes ago is undone. At a phone that is out of reach nothing happens. */
  #undo(id: string): Reply {
    const transaction = this.transaction(id);
    const { state, completedAt = 0 } = transaction;
    if (state === 'COMPLETED' && this.now() - completedAt > CANCEL_MS)
      throw new SoftpayProblem(409, 950, 'It is too late to undo this sale.');
    if (state !== 'PROCESSING' && state !== 'COMPLETED') throw new SoftpayProblem(409, 400, `The transaction is ${state}.`);
    if (!this.isPhoneOffline) transaction.state = 'CANCELLED';
    return jsonReply(202, { requestId: id, state: transaction.state });
  }

  #show({ requestId, state, appId, amount, currencyCode, posReferenceNumber, responseCode, partialPan }: SoftpayTransaction): object {
    return {
      requestId,
      state,
      appId,
      posReferenceNumber,
      responseCode,
      partialPan,
      ...(this.tellsAmounts ? { amount, currencyCode } : {}),
    };
  }

  #token(request: Received): Reply {
    const form = new URLSearchParams(request.body.toString('utf8'));
    const expected = `Basic ${Buffer.from(`${this.clientId}:${this.clientSecret}`).toString('base64')}`;
    const isHere = hostOf(request) === (this.isLive ? 'auth.softpay.io' : 'auth.sandbox.softpay.io');
    const hasScopes = SCOPES.every((scope) => form.get('scope')?.split(' ').includes(scope));
    if (request.headers.authorization !== expected || !isHere || !hasScopes || form.get('grant_type') !== 'client_credentials')
      return jsonReply(401, { error: 'invalid_client' });
    const token = randomBytes(24).toString('hex');
    this.#tokens.set(token, this.now() + TOKEN_MS);
    return jsonReply(200, { access_token: token, expires_in: TOKEN_MS / 1000, token_type: 'bearer' });
  }

  /** The phone, for people: what it is asked for, with a button for the tap, one for a no, and one for walking away. */
  #phone(request: Received): Reply {
    const id = request.query.get('id') ?? '';
    if (request.method === 'POST') {
      if (request.query.get('do') === 'tap') this.tap(id);
      else if (request.query.get('do') === 'decline') this.decline(id);
      else this.fail(id);
      return { status: 303, headers: { location: '/phone' }, body: '' };
    }
    const rows = this.begun().map(({ requestId, amount = 0, currencyCode = '', state }) => {
      const button = (verb: string): string => `<button formaction="/phone?id=${requestId}&amp;do=${verb}">${verb}</button>`;
      return `<li>${(amount / 100).toFixed(2)} ${currencyCode} ${state} ${state === 'PROCESSING' ? ['tap', 'decline', 'leave'].map(button).join(' ') : ''}</li>`;
    });
    const body = `<!doctype html><title>Phone (local)</title><form method="post"><ul>${rows.join('')}</ul></form>`;
    return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
  }

  #addFaults(request: Received): Reply {
    const script = readFaults(JSON.parse(request.body.toString('utf8')));
    if (!script) return jsonReply(400, { error: 'Send a list of {match, times, action}.' });
    this.faults.add(...script);
    return jsonReply(200, { added: script.length });
  }
}

/** Which of Softpay's hosts was meant, where whoever leads requests here says so; the sandbox otherwise. */
function hostOf({ headers }: Received): string {
  const named = headers['x-test-host'] ?? headers.host;
  return typeof named === 'string' && named.endsWith('.softpay.io') ? named : 'auth.sandbox.softpay.io';
}

function fieldsOf(request: Received, allowed: readonly string[]): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(request.body.toString('utf8'));
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null) throw new SoftpayProblem(400, 300, 'The body is no JSON object.');
  const odd = Object.keys(value).find((name) => !allowed.includes(name));
  if (odd !== undefined) throw new SoftpayProblem(400, 300, `The field ${odd} is not known.`);
  return { ...value };
}

function problemReply({ status, code, message }: SoftpayProblem): Reply {
  return jsonReply(status, { errorDomain: 'CLOUD', errorCode: code, message });
}

function missing(): never {
  throw new SoftpayProblem(404, 200, 'There is no such transaction.');
}

if (import.meta.main) {
  const softpay = await startSoftpayServer({ port: Number(process.argv[2] ?? 0) });
  const { clientId, clientSecret, merchant } = softpay;
  process.stdout.write(`${JSON.stringify({ ready: true, url: softpay.url, clientId, clientSecret, merchant })}\n`);
  process.once('SIGTERM', () => void softpay.close());
}
