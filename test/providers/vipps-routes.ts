import type { Received } from '../../plugins/sandbox/src/provider/http-server.ts';
import { VippsProblem } from './vipps-problem.ts';
import { showCharge } from './vipps-recurring-objects.ts';
import type { VippsServer } from './vipps-server.ts';

type Handler = (request: Received, ids: readonly string[], key: string) => unknown;
/** One operation of the API. */
export interface Route {
  readonly operation: string;
  readonly path: RegExp;
  /** The longest idempotency key; none, and none is asked for. */
  readonly keyLength?: number;
  /** Calls about one payment are counted. */
  readonly isLimited?: boolean;
  readonly status?: number;
  readonly handle: Handler;
}

const EPAYMENT_KEY = 50;
const RECURRING_KEY = 40;

/** All that the server answers behind its gate. */
export function routesOf(vipps: VippsServer): readonly Route[] {
  return [...epayment(vipps), ...agreements(vipps), ...others(vipps)];
}

/** A body as JSON; `undefined` for none. @throws VippsProblem */
export function bodyOf({ body }: Received): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new VippsProblem(400, 'Malformed JSON');
  }
}

function epayment({ payments, unit }: VippsServer): readonly Route[] {
  const limited = { isLimited: true };
  const write = { ...limited, keyLength: EPAYMENT_KEY };
  const at = (rest: string): RegExp => new RegExp(`^/epayment/v1/payments/([^/]+)${rest}$`);
  return [
    {
      operation: 'POST /epayment/v1/payments',
      path: /^\/epayment\/v1\/payments$/,
      ...write,
      status: 201,
      handle: (request, _ids, key) => payments.create(bodyOf(request), key),
    },
    {
      operation: 'GET /epayment/v1/payments/:id',
      path: at(''),
      ...limited,
      handle: (_request, [id = '']) => payments.show(payments.get(id)),
    },
    {
      operation: 'GET /epayment/v1/payments/:id/events',
      path: at('/events'),
      ...limited,
      handle: (_request, [id = '']) => payments.get(id).events,
    },
    {
      operation: 'POST /epayment/v1/payments/:id/capture',
      path: at('/capture'),
      ...write,
      handle: (request, [id = ''], key) => payments.capture(id, bodyOf(request), key),
    },
    {
      operation: 'POST /epayment/v1/payments/:id/refund',
      path: at('/refund'),
      ...write,
      handle: (request, [id = ''], key) => payments.refund(id, bodyOf(request), key),
    },
    {
      operation: 'POST /epayment/v1/payments/:id/cancel',
      path: at('/cancel'),
      ...write,
      handle: (request, [id = ''], key) => payments.cancel(id, bodyOf(request), key),
    },
    {
      operation: 'POST /epayment/v1/test/payments/:id/approve',
      path: /^\/epayment\/v1\/test\/payments\/([^/]+)\/approve$/,
      handle: (_request, [id = '']) => {
        if (unit.mode !== 'test') throw new VippsProblem(403, 'Approve not allowed', { code: 10020 });
        payments.approve(id);
        return {};
      },
    },
  ];
}

function agreements({ recurring }: VippsServer): readonly Route[] {
  const write = { keyLength: RECURRING_KEY };
  const at = (rest: string): RegExp => new RegExp(`^/recurring/v3/agreements/([^/]+)${rest}$`);
  const charge = at('/charges/([^/]+)');
  return [
    {
      operation: 'POST /recurring/v3/agreements',
      path: /^\/recurring\/v3\/agreements$/,
      ...write,
      status: 201,
      handle: (request, _ids, key) => recurring.draft(bodyOf(request), key),
    },
    {
      operation: 'GET /recurring/v3/agreements/:id',
      path: at(''),
      handle: (_request, [id = '']) => recurring.showAgreement(recurring.agreement(id)),
    },
    {
      operation: 'PATCH /recurring/v3/agreements/:id',
      path: at(''),
      ...write,
      handle: (request, [id = '']) => recurring.patch(id, bodyOf(request)),
    },
    {
      operation: 'PATCH /recurring/v3/agreements/:id/accept',
      path: at('/accept'),
      ...write,
      handle: (_request, [id = '']) => recurring.accept(id),
    },
    {
      operation: 'POST /recurring/v3/agreements/:id/charges',
      path: at('/charges'),
      ...write,
      status: 201,
      handle: (request, [id = ''], key) => recurring.createCharge(id, bodyOf(request), key),
    },
    {
      operation: 'GET /recurring/v3/agreements/:id/charges/:id',
      path: charge,
      handle: (_request, [id = '', name = '']) => showCharge(recurring.charge(id, name)),
    },
    {
      operation: 'DELETE /recurring/v3/agreements/:id/charges/:id',
      path: charge,
      ...write,
      handle: (_request, [id = '', name = ''], key) => recurring.cancel(id, name, key),
    },
    {
      operation: 'POST /recurring/v3/agreements/:id/charges/:id/capture',
      path: at('/charges/([^/]+)/capture'),
      ...write,
      handle: (request, [id = '', name = ''], key) => recurring.capture(id, name, bodyOf(request), key),
    },
    {
      operation: 'POST /recurring/v3/agreements/:id/charges/:id/refund',
      path: at('/charges/([^/]+)/refund'),
      ...write,
      handle: (request, [id = '', name = ''], key) => recurring.refund(id, name, bodyOf(request), key),
    },
    {
      operation: 'GET /recurring/v3/charges/:id',
      path: /^\/recurring\/v3\/charges\/([^/]+)$/,
      handle: (_request, [id = '']) => showCharge(recurring.chargeById(id)),
    },
  ];
}

function others({ webhooks, ledger }: VippsServer): readonly Route[] {
  return [
    { operation: 'POST /miami/v1/token', path: /^\/miami\/v1\/token$/, handle: () => undefined },
    { operation: 'GET /webhooks/v1/webhooks', path: /^\/webhooks\/v1\/webhooks$/, handle: () => ({ webhooks: webhooks.list() }) },
    {
      operation: 'POST /webhooks/v1/webhooks',
      path: /^\/webhooks\/v1\/webhooks$/,
      status: 201,
      handle: (request) => webhooks.register(bodyOf(request)),
    },
    {
      operation: 'DELETE /webhooks/v1/webhooks/:id',
      path: /^\/webhooks\/v1\/webhooks\/([^/]+)$/,
      handle: (_request, [id = '']) => webhooks.remove(id),
    },
    { operation: 'GET /settlement/v1/ledgers', path: /^\/settlement\/v1\/ledgers$/, handle: ({ query }) => ledger.ledgers(query) },
    {
      operation: 'GET /report/v2/ledgers/:id/:topic/dates/:date',
      path: /^\/report\/v2\/ledgers\/([^/]+)\/([^/]+)\/dates\/([^/]+)$/,
      handle: ({ query }, [id = '', topic = '', date = '']) => ledger.report(id, topic, date, query),
    },
  ];
}
