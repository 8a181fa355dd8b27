import { createHash } from 'node:crypto';
import { showEntry, type Book } from './book.ts';
import { jsonReply, type Received, type Reply } from './http-server.ts';
import type { MessageRow, Outboxes } from './outboxes.ts';
import type { Ledger } from './ledger.ts';
import { showMandate } from './mandate-row.ts';
import type { MandatesDesk } from './mandates-desk.ts';
import { offeredMethods } from './methods.ts';
import type { MoneyBack } from './money-back.ts';
import { showPayment, type PaymentRow } from './payment-row.ts';
import { registerWebhook, type PaymentsDesk } from './payments-desk.ts';
import { Problem, text, type Fields } from './problem.ts';
import type { Store } from './store.ts';
import type { WebhookSender } from './webhook-sender.ts';

/** The parts of the provider that the API speaks to. */
export interface Desks {
  readonly store: Store;
  readonly payments: PaymentsDesk;
  readonly mandates: MandatesDesk;
  readonly moneyBack: MoneyBack;
  readonly ledger: Ledger;
  readonly outboxes: Outboxes;
  readonly book: Book;
  readonly webhooks: WebhookSender;
}

interface Call {
  readonly desks: Desks;
  readonly account: string;
  readonly id: string;
  readonly fields: Fields;
  readonly query: URLSearchParams;
}

const MESSAGES_PAGE = 100;

type Route = readonly [method: 'GET' | 'POST', path: RegExp, answer: (call: Call) => { readonly status?: number; readonly value: unknown }];

const ROUTES: readonly Route[] = [
  ['GET', /^\/v1\/account$/, ({ account }) => ({ value: { id: account, name: 'Sandbox' } })],
  [
    'POST',
    /^\/v1\/payments$/,
    ({ desks, account, fields }) => ({ status: 201, value: paymentValue(desks, desks.payments.create(account, fields)) }),
  ],
  [
    'GET',
    /^\/v1\/payments$/,
    ({ desks, account, query }) => ({
      value: { data: listOf(desks.payments.findByReference(account, query.get('reference') ?? ''), (row) => paymentValue(desks, row)) },
    }),
  ],
  ['GET', /^\/v1\/payments\/([^/]+)$/, ({ desks, account, id }) => ({ value: paymentValue(desks, desks.payments.get(id, account)) })],
  [
    'POST',
    /^\/v1\/payments\/([^/]+)\/cancel$/,
    ({ desks, account, id }) => ({ value: paymentValue(desks, desks.payments.cancel(desks.payments.get(id, account).id)) }),
  ],
  [
    'POST',
    /^\/v1\/payments\/([^/]+)\/capture$/,
    ({ desks, account, id, fields }) => ({
      value: paymentValue(desks, desks.payments.capture(desks.payments.get(id, account).id, fields['amount'])),
    }),
  ],
  [
    'POST',
    /^\/v1\/payments\/([^/]+)\/refunds$/,
    ({ desks, account, id, fields }) => ({
      status: 201,
      value: desks.moneyBack.refund(desks.payments.get(id, account).id, text(fields, 'reference', 200), fields['amount']),
    }),
  ],
  [
    'POST',
    /^\/v1\/charges$/,
    ({ desks, account, fields }) => ({ status: 201, value: paymentValue(desks, desks.payments.charge(account, fields)) }),
  ],
  [
    'POST',
    /^\/v1\/mandates$/,
    ({ desks, account, fields }) => ({
      status: 201,
      value: showMandate(desks.mandates.ask(account, fields, registerWebhook(desks.store, account, fields['webhook']))),
    }),
  ],
  ['GET', /^\/v1\/mandates\/([^/]+)$/, ({ desks, account, id }) => ({ value: showMandate(desks.mandates.get(id, account)) })],
  [
    'POST',
    /^\/v1\/mandates\/([^/]+)\/revoke$/,
    ({ desks, account, id }) => ({ value: showMandate(desks.mandates.revoke(desks.mandates.get(id, account).id)) }),
  ],
  ['GET', /^\/v1\/methods$/, ({ query }) => ({ value: { data: offeredMethods(query) } })],
  ['GET', /^\/v1\/settlements$/, ({ desks, account, query }) => ({ value: desks.ledger.settled(account, query) })],
  ['POST', /^\/v1\/messages$/, ({ desks, account, fields }) => ({ status: 201, value: desks.outboxes.sendMessage(account, fields) })],
  ['GET', /^\/v1\/messages$/, ({ desks, account, query }) => ({ value: messagesPage(desks.outboxes, account, query) })],
  ['POST', /^\/v1\/mails$/, ({ desks, account, fields }) => ({ status: 201, value: desks.outboxes.sendMail(account, fields) })],
  [
    'POST',
    /^\/v1\/entries$/,
    ({ desks, account, fields }) => ({ status: 201, value: entryValue(desks, desks.book.post(account, fields)) }),
  ],
  [
    'GET',
    /^\/v1\/entries$/,
    ({ desks, account, query }) => ({
      value: { data: listOf(desks.book.findByReference(account, query.get('reference') ?? ''), (entry) => entryValue(desks, entry)) },
    }),
  ],
  [
    'POST',
    /^\/v1\/entries\/([^/]+)\/reverse$/,
    ({ desks, account, id, fields }) => ({ status: 201, value: entryValue(desks, desks.book.reverse(account, id, fields)) }),
  ],
];

/**
 * Answers a request to the API.
 *
 * A POST needs an `Idempotency-Key`. The first answer below 500 is stored in the transaction of its effect and replayed
 * with `Idempotent-Replayed: true`; the same key with another request is a 409, and with an answer that was an error of
 * the caller's fields nothing is stored.
 */
export function answerApi(desks: Desks, request: Received): Reply {
  const account = accountOf(request.headers.authorization);
  if (account === undefined) return problemReply(new Problem(401, 'key_refused', 'This API key is not known.'));
  try {
    const reply = request.method === 'POST' ? once(desks, account, request) : route(desks, account, request);
    if (request.method === 'POST') desks.webhooks.nudge();
    return reply;
  } catch (error) {
    if (error instanceof Problem) return problemReply(error);
    throw error;
  }
}

export function problemReply({ status, code, message, field }: Problem, headers: Readonly<Record<string, string>> = {}): Reply {
  return jsonReply(status, { error: { code, message, ...(field === undefined ? {} : { field }) } }, headers);
}

function once(desks: Desks, account: string, request: Received): Reply {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || key === '' || key.length > 255) {
    throw new Problem(400, 'idempotency_key_missing', 'A POST needs an Idempotency-Key of at most 255 characters.');
  }
  const hash = createHash('sha256').update(`${request.path}\n`).update(request.body).digest('hex');
  return desks.store.transact(() => {
    const earlier = desks.store.one<{ request: string; status: number; body: string }>(
      'select request, status, body from idempotency where account = ? and key = ?',
      account,
      key,
    );
    if (earlier && earlier.request !== hash) throw new Problem(409, 'idempotency_key_reused', 'This key was used for another request.');
    if (earlier)
      return {
        status: earlier.status,
        headers: { 'content-type': 'application/json; charset=utf-8', 'idempotent-replayed': 'true' },
        body: earlier.body,
      };
    const reply = route(desks, account, request);
    desks.store.run(
      'insert into idempotency (account, key, request, status, body, created_at) values (?, ?, ?, ?, ?, ?)',
      account,
      key,
      hash,
      reply.status,
      reply.body,
      Date.now(),
    );
    return reply;
  });
}

function route(desks: Desks, account: string, request: Received): Reply {
  for (const [method, pattern, answer] of ROUTES) {
    const match = request.method === method ? pattern.exec(request.path) : null;
    if (!match) continue;
    const { status = 200, value } = answer({ desks, account, id: match[1] ?? '', fields: readFields(request), query: request.query });
    return jsonReply(status, value);
  }
  throw new Problem(404, 'not_found', 'There is nothing at this address.');
}

function readFields(request: Received): Fields {
  if (request.body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(request.body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Falls through to the same answer as a body that is not an object.
  }
  throw new Problem(400, 'body_invalid', 'The body must be a JSON object.');
}

/** Any well-formed key opens an account of its own, named after the key's hash, because the key itself is never kept. */
function accountOf(authorization: string | undefined): string | undefined {
  const key = /^Bearer (sandbox_[A-Za-z0-9_]{8,64})$/.exec(authorization ?? '')?.[1];
  return key === undefined ? undefined : `acct_${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
}

function listOf<T>(found: T | undefined, show: (found: T) => unknown): readonly unknown[] {
  return found === undefined ? [] : [show(found)];
}

function paymentValue({ moneyBack, mandates }: Desks, payment: PaymentRow): unknown {
  return showPayment(payment, {
    refunds: moneyBack.refundsOf(payment.id),
    disputes: moneyBack.disputesOf(payment.id),
    mandate: payment.mandate === null ? null : showMandate(mandates.get(payment.mandate)),
  });
}

function entryValue(desks: Desks, entry: Parameters<typeof showEntry>[0]): unknown {
  return showEntry(entry, desks.book.linesOf(entry.id));
}

/** `?after=<id>` goes on behind a message, oldest first; `?last=true` is the newest alone. */
function messagesPage(outboxes: Outboxes, account: string, query: URLSearchParams): Readonly<Record<string, unknown>> {
  if (query.get('last') === 'true') {
    const last = outboxes.lastMessage(account);
    return { data: last ? [showMessage(last)] : [], more: false };
  }
  const rows = outboxes.messagesAfter(account, query.get('after'), MESSAGES_PAGE + 1);
  return { data: rows.slice(0, MESSAGES_PAGE).map(showMessage), more: rows.length > MESSAGES_PAGE };
}

function showMessage({ id, recipient, text: body, parts, created_at: at }: MessageRow): Readonly<Record<string, unknown>> {
  return { id, to: recipient, text: body, parts, created_at: new Date(at).toISOString() };
}
