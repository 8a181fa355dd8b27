import { answerApi, problemReply, type Desks } from './api.ts';
import { Book } from './book.ts';
import { FaultScript, readFaults } from './fault-script.ts';
import { jsonReply, serveHttp, type Received, type Reply, type RunningServer } from './http-server.ts';
import { Ledger } from './ledger.ts';
import { MandatesDesk } from './mandates-desk.ts';
import { MoneyBack } from './money-back.ts';
import { Outboxes } from './outboxes.ts';
import { answerPage } from './pages/pages.ts';
import { PaymentsDesk } from './payments-desk.ts';
import { Problem } from './problem.ts';
import { Store } from './store.ts';
import { WebhookSender } from './webhook-sender.ts';

export interface SandboxProvider extends RunningServer {
  readonly faults: FaultScript;
}

export interface ProviderOptions {
  readonly dataDir: string;
  readonly port?: number;
  /** False: nothing survives a loss of power, and a transaction is 300 times faster. */
  readonly isDurable?: boolean;
}

const DUE_CHECK_MS = 1_000;

/**
 * Starts the pretend provider: its API below `/v1`, its pages below `/sandbox`, and `POST /__faults` for tests.
 * It listens on this machine only; the app passes `/sandbox` on to the public, and nothing else.
 */
export async function startProvider(options: ProviderOptions): Promise<SandboxProvider> {
  const faults = new FaultScript();
  const store = new Store(options.dataDir, options.isDurable);
  const webhooks = new WebhookSender(store, faults);
  const ledger = new Ledger(store);
  const mandates = new MandatesDesk(store, webhooks);
  const payments = new PaymentsDesk(store, webhooks, mandates, ledger);
  const moneyBack = new MoneyBack(store, payments, ledger);
  payments.givenBack = (id) => void moneyBack.dispute(id);
  const desks: Desks = { store, payments, mandates, moneyBack, ledger, webhooks, outboxes: new Outboxes(store), book: new Book(store) };

  const server = await serveHttp({
    port: options.port ?? 0,
    faults,
    handle: (request) => dispatch(desks, faults, request),
    faultReply: (status) =>
      status === 429
        ? problemReply(new Problem(429, 'too_many_requests', 'Slow down.'), { 'retry-after': '1' })
        : problemReply(new Problem(500, 'internal', 'The provider has a problem.')),
  });
  const due = setInterval(() => {
    if (store.transact(() => payments.runDue() + moneyBack.runDue()) > 0) webhooks.nudge();
  }, DUE_CHECK_MS);
  webhooks.nudge();

  return {
    port: server.port,
    url: server.url,
    faults,
    close: async () => {
      clearInterval(due);
      await webhooks.close();
      await server.close();
      store.close();
    },
  };
}

function dispatch(desks: Desks, faults: FaultScript, request: Received): Reply {
  if (request.path === '/__faults' && request.method === 'POST') return addFaults(faults, request);
  if (request.path.startsWith('/v1/')) return answerApi(desks, request);
  return answerPage(desks, request);
}

function addFaults(faults: FaultScript, request: Received): Reply {
  const script = readFaults(JSON.parse(request.body.toString('utf8')));
  if (!script) return problemReply(new Problem(400, 'body_invalid', 'Send a list of {match, times, action}.'));
  if (script.length === 0) faults.clear();
  faults.add(...script);
  return jsonReply(200, { added: script.length });
}
