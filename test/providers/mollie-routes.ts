import type { MollieBook } from './mollie-book.ts';
import { MollieProblem, onlyFields, pageOf, self, type Body } from './mollie-objects.ts';
import type { MollieSettlements } from './mollie-settlements.ts';
import type { MollieViews } from './mollie-views.ts';
import type { MollieWebhooks } from './mollie-webhooks.ts';

export interface Answer {
  readonly status: number;
  readonly value: object;
}

/** `organization`: opened by the organisation's token, and by that alone. */
export type Route = readonly [
  operation: string,
  path: RegExp,
  handle: (ids: readonly string[], body: Body, query: URLSearchParams) => Answer,
  identity?: 'organization',
];

export interface Parts {
  readonly book: MollieBook;
  readonly views: MollieViews;
  readonly settlements: MollieSettlements;
  readonly webhooks: MollieWebhooks;
  readonly mode: 'test' | 'live';
  readonly methods: readonly OfferedMethod[];
}

const ok = (value: object): Answer => ({ status: 200, value });
const made = (value: object): Answer => ({ status: 201, value });
const NOTHING: Answer = { status: 204, value: {} };

/** `:id` in the operation's path stands for one part of it. */
function route(operation: string, handle: Route[2], identity?: 'organization'): Route {
  const path = new RegExp(`^${operation.split(' ')[1]?.replaceAll(/:\w+/g, '([^/]+)') ?? ''}$`);
  return identity ? [operation, path, handle, identity] : [operation, path, handle];
}

export function routesOf(parts: Parts): readonly Route[] {
  return [
    ...paymentRoutes(parts),
    ...customerRoutes(parts),
    ...profileRoutes(parts),
    ...organizationRoutes(parts),
    ...settlementRoutes(parts),
  ];
}

function paymentRoutes({ book, views }: Parts): readonly Route[] {
  const id = (ids: readonly string[]): string => ids[0] ?? '';
  const embed = (query: URLSearchParams): readonly string[] => (query.get('embed') ?? '').split(',').filter((part) => part !== '');
  return [
    route('POST /v2/payments', (_ids, body) => made(views.payment(book.createPayment(body)))),
    route('GET /v2/payments', (_ids, _body, query) =>
      ok(pageOf('payments', book.payments, '/payments', query, views.payment.bind(views) as never)),
    ),
    route('GET /v2/payments/:id', (ids, _body, query) => ok(views.payment(book.payment(id(ids)), embed(query)))),
    route('DELETE /v2/payments/:id', (ids) => ok(views.payment(book.cancel(id(ids))))),
    route('POST /v2/payments/:id/captures', (ids, body) => made(views.capture(book.capture(id(ids), body)))),
    route('POST /v2/payments/:id/release-authorization', (ids) => (book.release(id(ids)), { status: 202, value: {} })),
    route('POST /v2/payments/:id/refunds', (ids, body) => made(views.refund(book.createRefund(id(ids), body)))),
    route('DELETE /v2/payments/:id/refunds/:refund', (ids) => (book.cancelRefund(ids[1] ?? ''), NOTHING)),
  ];
}

function customerRoutes({ book, views }: Parts): readonly Route[] {
  return [
    route('POST /v2/customers', (_ids, body) => made(views.customer(book.createCustomer(body)))),
    route('GET /v2/customers/:id', ([id = '']) => ok(views.customer(book.customer(id)))),
    route('GET /v2/customers/:id/mandates', ([id = ''], _body, query) => {
      const mandates = book.mandates.filter((one) => one.customerId === book.customer(id).id && one.status !== 'revoked');
      return ok(pageOf('mandates', mandates, `/customers/${id}/mandates`, query, views.mandate.bind(views) as never));
    }),
    route('GET /v2/customers/:id/mandates/:mandate', ([id = '', mandate = '']) => ok(views.mandate(book.mandate(id, mandate)))),
    route('DELETE /v2/customers/:id/mandates/:mandate', ([id = '', mandate = '']) => (book.revokeMandate(id, mandate), NOTHING)),
  ];
}

/** A way of paying that the profile has switched on; `minimum` and `maximum` in euros. */
export interface OfferedMethod {
  readonly id: string;
  readonly description: string;
  readonly minimum: string;
  readonly maximum: string | null;
  readonly first: boolean;
}

export const METHODS: readonly OfferedMethod[] = [
  { id: 'ideal', description: 'iDEAL', minimum: '0.01', maximum: '50000.00', first: true },
  { id: 'creditcard', description: 'Card', minimum: '0.01', maximum: '10000.00', first: true },
  { id: 'bancontact', description: 'Bancontact', minimum: '0.02', maximum: '50000.00', first: true },
  { id: 'directdebit', description: 'SEPA Direct Debit', minimum: '0.01', maximum: '1000.00', first: false },
  { id: 'banktransfer', description: 'Bank transfer', minimum: '0.01', maximum: '1000000.00', first: false },
  { id: 'paypal', description: 'PayPal', minimum: '0.01', maximum: null, first: true },
  { id: 'telepathy', description: 'Telepathy', minimum: '0.01', maximum: null, first: false },
];

function profileRoutes({ mode, methods: switchedOn }: Parts): readonly Route[] {
  const euros = (value: string | null) => (value === null ? null : { value, currency: 'EUR' });
  return [
    route('GET /v2/profiles/me', () =>
      ok({
        resource: 'profile',
        id: 'pfl_QkEhN94Ba',
        mode,
        name: 'Local shop',
        website: 'https://shop.example',
        status: 'verified',
        _links: { self: self('/profiles/me') },
      }),
    ),
    route('GET /v2/methods', (_ids, _body, query) => {
      const value = query.get('amount[value]');
      const isFirst = query.get('sequenceType') === 'first';
      const offered = switchedOn.filter(
        (one) =>
          (!isFirst || one.first) &&
          (value === null || (Number(value) >= Number(one.minimum) && Number(value) <= Number(one.maximum ?? Infinity))),
      );
      const methods = offered.map(({ id, description, minimum, maximum }) => ({
        resource: 'method',
        id,
        description,
        status: 'activated',
        minimumAmount: euros(minimum),
        maximumAmount: euros(maximum),
        image: {
          size1x: `https://www.mollie.com/${id}.png`,
          size2x: `https://www.mollie.com/${id}2.png`,
          svg: `https://www.mollie.com/${id}.svg`,
        },
        _links: { self: self(`/methods/${id}`) },
      }));
      return ok({ count: methods.length, _embedded: { methods }, _links: { self: self('/methods') } });
    }),
  ];
}

function organizationRoutes({ webhooks, mode }: Parts): readonly Route[] {
  const checkMode = (isTest: boolean): void => {
    if (isTest !== (mode === 'test')) throw new MollieProblem(422, 'The test mode is wrong', 'testmode');
  };
  return [
    route('GET /v2/organizations/me', () => ok({ resource: 'organization', id: 'org_1', name: 'Local shop', _links: {} }), 'organization'),
    route(
      'GET /v2/webhooks',
      (_ids, _body, query) => {
        checkMode(query.get('testmode') === 'true');
        const standing = webhooks.hooks.filter(({ status }) => status !== 'deleted');
        return ok(pageOf('webhooks', standing, '/webhooks', query, webhooks.show.bind(webhooks) as never));
      },
      'organization',
    ),
    route('POST /v2/webhooks', (_ids, body) => (checkMode(body['testmode'] === true), made(webhooks.create(body))), 'organization'),
    route(
      'DELETE /v2/webhooks/:id',
      ([id = ''], body) => {
        onlyFields(body, 'testmode');
        webhooks.hook(id).status = 'deleted';
        return NOTHING;
      },
      'organization',
    ),
    route('GET /v2/events/:id', ([id = '']) => ok(webhooks.events.get(id) ?? missingEvent(id)), 'organization'),
  ];
}

function settlementRoutes({ book, views, settlements }: Parts): readonly Route[] {
  const part = (name: string, pick: (id: string) => readonly { readonly id: string }[], show: (one: never) => object): Route =>
    route(
      `GET /v2/settlements/:id/${name}`,
      ([id = ''], _body, query) => ok(pageOf(name, pick(id), `/settlements/${id}/${name}`, query, show)),
      'organization',
    );
  const among = <T extends { readonly id: string }>(all: readonly T[], ids: readonly string[]): readonly T[] =>
    all.filter(({ id }) => ids.includes(id));
  return [
    route(
      'GET /v2/settlements',
      (_ids, _body, query) =>
        ok(pageOf('settlements', settlements.all, '/settlements', query, settlements.show.bind(settlements) as never)),
      'organization',
    ),
    part('payments', (id) => among(book.payments, settlements.find(id).payments), views.payment.bind(views) as never),
    part('refunds', (id) => among(book.refunds, settlements.find(id).refunds), ((one: never) => views.refund(one, true)) as never),
    part('captures', (id) => among(book.captures, settlements.find(id).captures), views.capture.bind(views) as never),
    part(
      'chargebacks',
      (id) => {
        const { chargebacks, reversals } = settlements.find(id);
        return [
          ...among(book.chargebacks, chargebacks),
          ...among(book.chargebacks, reversals).map((one) => ({ ...one, isReversal: true })),
        ];
      },
      (({ isReversal, ...one }: { readonly isReversal?: true }) => views.chargeback(one as never, isReversal ? '' : '-')) as never,
    ),
  ];
}

function missingEvent(id: string): never {
  throw new MollieProblem(404, `No event exists with token ${id}.`);
}
