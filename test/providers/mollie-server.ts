/**
 * Mollie, as far as payments need it, on this machine: enough for the official library not to notice.
 *
 * For a test: `const mollie = await startMollieServer()`. For a person: `node test/providers/mollie-server.ts [port]`, then open the
 * `checkout` link of a payment to choose how it ends. It is strict rather than complete: a field that it does not know is a 422.
 * `POST /__faults [{match,times,action}]` scripts faults, `POST /__clock {"advance":ms}` moves the time, `GET /__log` shows what was asked.
 */
import { FaultScript, readFaults } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { jsonReply, serveHttp, type Received, type Reply, type RunningServer } from '../../plugins/sandbox/src/provider/http-server.ts';
import { MollieBook } from './mollie-book.ts';
import { VirtualClock } from './mollie-clock.ts';
import { IdempotencyKeys } from './mollie-keys.ts';
import { MollieProblem, type Body, type Payment } from './mollie-objects.ts';
import { CHECKOUT, choosePage } from './mollie-page.ts';
import { GATEWAY_PAGE, halved, Quirks } from './mollie-quirks.ts';
import { METHODS, routesOf, type Answer, type OfferedMethod, type Route } from './mollie-routes.ts';
import { MollieSettlements } from './mollie-settlements.ts';
import { MollieViews } from './mollie-views.ts';
import { MollieWebhooks } from './mollie-webhooks.ts';
import { RequestLog } from './request-log.ts';

export interface MollieServerOptions {
  readonly port?: number;
  /** Its prefix decides the mode of everything. */
  readonly apiKey?: string;
  readonly organizationToken?: string;
  /** When the virtual clock begins, in epoch milliseconds. */
  readonly now?: number;
  /** The clock goes with the real time, instead of standing until it is moved. */
  readonly realTime?: boolean;
  /** Webhooks are sent, also to addresses on this machine, which Mollie refuses. */
  readonly sendWebhooks?: boolean;
  /** Where every request is written, durably. */
  readonly journalFile?: string;
}

export function startMollieServer(options: MollieServerOptions = {}): Promise<MollieServer> {
  return MollieServer.start(options);
}

export class MollieServer {
  readonly faults = new FaultScript();
  readonly quirks = new Quirks();
  readonly clock: VirtualClock;
  readonly log: RequestLog;
  readonly webhooks: MollieWebhooks;
  readonly book: MollieBook;
  readonly settlements: MollieSettlements;
  readonly apiKey: string;
  readonly organizationToken: string;
  /** What the profile offers; a person at Mollie's dashboard switches methods on and off. */
  readonly methods: OfferedMethod[] = [...METHODS];
  /** The bodies of requests that changed something, newest last: a test looks here for what was asked. */
  readonly bodies: Body[] = [];
  readonly #keys: IdempotencyKeys;
  readonly #views: MollieViews;
  readonly #routes: readonly Route[];
  #server: RunningServer | undefined;

  static async start(options: MollieServerOptions): Promise<MollieServer> {
    const mollie = new MollieServer(options);
    mollie.#server = await serveHttp({
      port: options.port ?? 0,
      faults: mollie.faults,
      handle: (request) => mollie.#answer(request),
      faultReply: (status) => problemReply(new MollieProblem(status, 'A scripted fault.')),
    });
    return mollie;
  }

  private constructor(options: MollieServerOptions) {
    this.apiKey = options.apiKey ?? 'test_localserver1';
    this.organizationToken = options.organizationToken ?? 'access_localserver1';
    this.clock = new VirtualClock(options.now);
    this.log = new RequestLog(options.journalFile);
    this.webhooks = new MollieWebhooks(this.clock, this.faults);
    if (options.realTime) this.clock.follow();
    this.clock.arrived = () => this.webhooks.settled();
    this.webhooks.isSilent = options.sendWebhooks !== true;
    const mode = this.apiKey.startsWith('live_') ? 'live' : 'test';
    this.book = new MollieBook(
      this.clock,
      (type, entity, payment, isClassic) => this.#tell(type, entity, payment, isClassic),
      options.sendWebhooks === true,
    );
    this.settlements = new MollieSettlements(this.book);
    this.#keys = new IdempotencyKeys(() => this.clock.now());
    this.#views = new MollieViews(this.book, mode, () => this.url);
    const { book, settlements, webhooks, methods } = this;
    this.#routes = routesOf({ book, views: this.#views, settlements, webhooks, mode, methods });
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async close(): Promise<void> {
    this.clock.stop();
    await this.webhooks.close();
    await this.#server?.close();
    this.log.close();
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  #tell(type: string, entity: { readonly id: string }, payment: Payment, isClassic: boolean): void {
    if (isClassic) this.webhooks.classic(payment.webhookUrl, payment.id);
    this.webhooks.event(type, this.#views.entity(entity));
  }

  async #answer(request: Received): Promise<Reply> {
    if (request.path === '/__log') return jsonReply(200, this.log.all());
    if (request.path === '/__faults') return this.#addFaults(request);
    if (request.path === '/__clock') return this.#moveClock(request);
    if (request.path.startsWith(CHECKOUT)) return this.#page(request);
    const route = this.#routes.find(([name, path]) => name.startsWith(`${request.method} `) && path.test(request.path));
    const operation = route?.[0] ?? `${request.method} ${request.path}`;
    const key = request.method === 'POST' ? String(request.headers['idempotency-key'] ?? '') : '';
    const quirk = this.quirks.take(operation);
    if (quirk === 'html-before') return GATEWAY_PAGE;
    if (quirk === '503') return problemReply(new MollieProblem(503, 'Another refund of this payment is being processed'));
    const { reply, executed } = await this.#execute(request, route, key, quirk === 'early-webhook');
    this.log.add({ operation, idempotencyKey: key, executed, status: reply.status });
    if (quirk === 'hang') return new Promise(() => undefined);
    if (quirk === 'html-after') return GATEWAY_PAGE;
    return quirk === 'truncated' ? halved(reply) : reply;
  }

  async #execute(request: Received, route: Route | undefined, key: string, isEarly: boolean): Promise<{ reply: Reply; executed: boolean }> {
    try {
      this.#authorize(request, route);
      if (!route) throw new MollieProblem(404, `The path ${request.path} does not exist`);
      const earlier = key === '' ? undefined : this.#keys.begin(key, request.path, request.body);
      if (earlier) return { reply: earlier, executed: false };
      // Whoever asks the same at this moment is told that it is under way.
      await new Promise((resolve) => setImmediate(resolve));
      const reply = await this.#carryOut(request, route, isEarly).catch(problemOf);
      if (key !== '') this.#keys.end(key, reply);
      return { reply, executed: reply.status < 400 };
    } catch (error) {
      return { reply: problemOf(error), executed: false };
    }
  }

  async #carryOut(request: Received, [, path, handle]: Route, isEarly: boolean): Promise<Reply> {
    const body = bodyOf(request);
    if (request.method !== 'GET') this.bodies.push(body);
    const [, ...ids] = path.exec(request.path) ?? [];
    const { status, value }: Answer = handle(
      ids.filter((id) => id !== undefined),
      body,
      request.query,
    );
    if (isEarly && typeof value === 'object' && 'id' in value && typeof value.id === 'string') {
      const reply = jsonReply(status, value, HAL);
      this.book.pay(value.id);
      await this.webhooks.settled();
      return reply;
    }
    return status === 202 || status === 204 ? { status, body: '' } : jsonReply(status, value, HAL);
  }

  /** A key of the profile opens the profile's doors; the organisation's have a token of their own. */
  #authorize({ headers }: Received, route: Route | undefined): void {
    const token = headers.authorization?.replace(/^Bearer /, '');
    if (token !== this.apiKey && token !== this.organizationToken)
      throw new MollieProblem(401, 'Missing authentication, or failed to authenticate');
    const isOrganizations = route?.[3] === 'organization';
    if (route && isOrganizations !== (token === this.organizationToken))
      throw new MollieProblem(403, 'This token does not have the right for this');
  }

  async #page(request: Received): Promise<Reply> {
    try {
      return choosePage(this.book, request);
    } catch (error) {
      return problemOf(error);
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
    return jsonReply(200, { now: this.clock.stamp() });
  }
}

const HAL = { 'content-type': 'application/hal+json' };

/** @throws MollieProblem 400 */
function bodyOf({ body }: Received): Body {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8')) as Body;
  } catch {
    throw new MollieProblem(400, 'The request body is not valid JSON');
  }
}

function problemReply(problem: MollieProblem): Reply {
  return jsonReply(problem.status, problem.body, HAL);
}

function problemOf(error: unknown): Reply {
  if (!(error instanceof MollieProblem)) throw error;
  return problemReply(error);
}

if (import.meta.main) {
  const [port = '0', journalFile] = process.argv.slice(2);
  const mollie = await startMollieServer({
    port: Number(port),
    sendWebhooks: true,
    realTime: true,
    ...(journalFile === undefined ? {} : { journalFile }),
  });
  process.stdout.write(`${JSON.stringify({ ready: true, url: mollie.url, apiKey: mollie.apiKey })}\n`);
  process.once('SIGTERM', () => void mollie.close());
}
