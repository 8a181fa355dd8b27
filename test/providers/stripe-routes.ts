import type { Form } from './form-body.ts';
import type { StripeBook, StripeWorld } from './stripe-book.ts';
import type { StripeCalls } from './stripe-calls.ts';
import type { StripeMoneyBack } from './stripe-money-back.ts';
import { API_VERSION, integer, listOf, onlyParameters, required, textMap, textOf, type Charge, type Intent } from './stripe-objects.ts';
import type { StripeWebhooks } from './stripe-webhooks.ts';

export interface RouteParts {
  readonly world: StripeWorld;
  readonly book: StripeBook;
  readonly calls: StripeCalls;
  readonly moneyBack: StripeMoneyBack;
  readonly webhooks: StripeWebhooks;
  /** The default configuration of payment methods, by Stripe's names: whether each is on and may be used. */
  readonly configuration: Readonly<Record<string, boolean>>;
}

type Handler = (id: string, form: Form, query: URLSearchParams) => unknown;
export type Route = readonly [operation: string, path: RegExp, handle: Handler];

/** `POST /v1/refunds/:id` and what it does. */
function route(operation: string, handle: Handler): Route {
  const path = operation.slice(operation.indexOf(' ') + 1).replace(':id', '([^/]+)');
  return [operation, new RegExp(`^${path}$`), handle];
}

/** Everything of Stripe's API that this server knows. */
export function routesOf(parts: RouteParts): readonly Route[] {
  return [...paymentRoutes(parts), ...moneyRoutes(parts), ...vaultRoutes(parts), ...accountRoutes(parts)];
}

function paymentRoutes({ book, calls }: RouteParts): readonly Route[] {
  const show = (id: string) => book.show(book.session(id));
  return [
    route('POST /v1/checkout/sessions', (_id, form) => calls.createSession(form)),
    route('GET /v1/checkout/sessions', (_id, _form, query) =>
      page(
        [...book.sessions.values()].map((one) => book.show(one)),
        query,
      ),
    ),
    route('GET /v1/checkout/sessions/:id', show),
    route('POST /v1/checkout/sessions/:id', (id, form) => {
      onlyParameters(form, 'metadata');
      Object.assign(book.session(id).metadata, textMap(form['metadata']));
      return show(id);
    }),
    route('POST /v1/checkout/sessions/:id/expire', (id) => book.show(book.expireSession(id))),
    route('POST /v1/payment_intents', (_id, form) => calls.createIntent(form)),
    route('GET /v1/payment_intents', (_id, _form, query) => page([...book.intents.values()], query)),
  ];
}

function moneyRoutes({ world, book, calls, moneyBack }: RouteParts): readonly Route[] {
  const { ledger } = world;
  const ofIntent = <T extends { readonly payment_intent: string }>(all: Iterable<T>, query: URLSearchParams) =>
    [...all].filter((one) => one.payment_intent === query.get('payment_intent'));
  return [
    route('GET /v1/payment_intents/:id', (id, _form, query) => withCharge(world, book, book.intent(id), query)),
    route('POST /v1/payment_intents/:id/confirm', (id, form) => calls.confirmIntent(id, form)),
    route('POST /v1/payment_intents/:id/capture', (id, form) => {
      onlyParameters(form, 'amount_to_capture', 'final_capture');
      return book.capture(
        id,
        form['amount_to_capture'] === undefined ? undefined : integer(form['amount_to_capture'], 'amount_to_capture'),
      );
    }),
    route('POST /v1/payment_intents/:id/cancel', (id, form) => {
      onlyParameters(form, 'cancellation_reason');
      return book.cancel(id, textOf(form['cancellation_reason']));
    }),
    route('POST /v1/refunds', (_id, form) => {
      onlyParameters(form, 'payment_intent', 'amount', 'reason', 'metadata');
      const intent = book.intent(required(form['payment_intent'], 'payment_intent'));
      const amount = form['amount'] === undefined ? intent.amount_received : integer(form['amount'], 'amount');
      return moneyBack.refund(intent.id, amount, {
        metadata: textMap(form['metadata']),
        reason: textOf(form['reason']) ?? 'requested_by_customer',
      });
    }),
    route('GET /v1/refunds', (_id, _form, query) => page(ofIntent(moneyBack.refunds.values(), query), query)),
    route('GET /v1/disputes', (_id, _form, query) => page(ofIntent(moneyBack.disputes.values(), query), query)),
    route('GET /v1/payouts', (_id, _form, query) => page(ledger.payouts.filter(within(query, 'arrival_date')), query)),
    route('GET /v1/balance_transactions/:id', (id) => ledger.transaction(id)),
    route('GET /v1/balance_transactions', (_id, _form, query) => {
      const payout = query.get('payout');
      const all = payout === null ? ledger.transactions : ledger.transactionsOf(payout).toReversed();
      const isWhole = expands(query, 'data.source');
      return page(isWhole ? all.map((one) => ({ ...one, source: sourceOf({ book, moneyBack }, one.source) })) : all, query);
    }),
  ];
}

function vaultRoutes({ world: { vault } }: RouteParts): readonly Route[] {
  return [
    route('POST /v1/customers', (_id, form) => {
      onlyParameters(form, 'name', 'email', 'phone', 'metadata');
      return vault.createCustomer({ name: textOf(form['name']), email: textOf(form['email']), metadata: textMap(form['metadata']) });
    }),
    route('GET /v1/payment_methods/:id', (id) => vault.method(id)),
    route('POST /v1/payment_methods/:id/detach', (id) => vault.detach(id)),
    route('GET /v1/mandates/:id', (id, _form, query) => {
      const mandate = vault.mandate(id);
      return expands(query, 'payment_method') ? { ...mandate, payment_method: vault.method(mandate.payment_method) } : mandate;
    }),
    route('GET /v1/setup_intents/:id', (id, _form, query) => {
      const setup = vault.setup(id);
      return expands(query, 'latest_attempt') ? setup : { ...setup, latest_attempt: setup.latest_attempt?.['id'] ?? null };
    }),
  ];
}

function accountRoutes({ world, webhooks, configuration }: RouteParts): readonly Route[] {
  const hidden = ({ secret: _secret, ...shown }: ReturnType<StripeWebhooks['endpoint']>) => shown;
  return [
    route('GET /v1/account', () => ({
      id: 'acct_1LocalServer',
      object: 'account',
      settings: { dashboard: { display_name: 'Local shop' }, payouts: { schedule: { interval: world.ledger.interval } } },
    })),
    route('GET /v1/payment_method_configurations', (_id, _form, query) => page([configurationOf(configuration, world.isLive)], query)),
    route('POST /v1/webhook_endpoints', (_id, form) => {
      onlyParameters(form, 'url', 'enabled_events', 'api_version', 'description', 'metadata');
      return webhooks.register({
        url: required(form['url'], 'url'),
        enabled_events: listOf(form['enabled_events']) ?? [],
        api_version: textOf(form['api_version']) ?? API_VERSION,
        description: textOf(form['description']),
        metadata: textMap(form['metadata']),
        created: world.clock.seconds(),
        livemode: world.isLive,
      });
    }),
    route('GET /v1/webhook_endpoints', (_id, _form, query) => page([...webhooks.endpoints.values()].map(hidden), query)),
    route('POST /v1/webhook_endpoints/:id', (id, form) => {
      onlyParameters(form, 'enabled_events', 'disabled');
      const endpoint = webhooks.endpoint(id);
      endpoint.enabled_events = listOf(form['enabled_events']) ?? endpoint.enabled_events;
      if (form['disabled'] !== undefined) endpoint.status = form['disabled'] === 'true' ? 'disabled' : 'enabled';
      return hidden(endpoint);
    }),
    route('DELETE /v1/webhook_endpoints/:id', (id) => {
      webhooks.endpoint(id);
      webhooks.endpoints.delete(id);
      return { id, object: 'webhook_endpoint', deleted: true };
    }),
  ];
}

/** A page of a list, newest first; the lists here are kept oldest first. */
function page(all: readonly { readonly id: string; readonly created?: number }[], query: URLSearchParams): unknown {
  const limit = Math.min(100, Number(query.get('limit') ?? 10));
  const listed = all.filter(within(query, 'created')).toReversed();
  const after = query.get('starting_after');
  const from = after === null ? 0 : listed.findIndex(({ id }) => id === after) + 1;
  return { object: 'list', url: '/v1/list', has_more: from + limit < listed.length, data: listed.slice(from, from + limit) };
}

/** `created[gte]` and its like. */
function within(query: URLSearchParams, field: string): (one: object) => boolean {
  const bound = (name: string, otherwise: number): number => Number(query.get(`${field}[${name}]`) ?? otherwise);
  return (one) => {
    const value = Number((one as Readonly<Record<string, unknown>>)[field] ?? 0);
    return value >= bound('gte', 0) && value < bound('lt', Infinity) && value <= bound('lte', Infinity);
  };
}

function expands(query: URLSearchParams, what: string): boolean {
  return [...query].some(([name, value]) => name.startsWith('expand') && value.startsWith(what));
}

function withCharge({ ledger }: StripeWorld, book: StripeBook, intent: Intent, query: URLSearchParams): unknown {
  if (!expands(query, 'latest_charge') || intent.latest_charge === null) return intent;
  const charge: Charge = book.charge(intent.latest_charge);
  const { balance_transaction: balance } = charge;
  const isWhole = expands(query, 'latest_charge.balance_transaction') && balance !== null;
  return { ...intent, latest_charge: { ...charge, balance_transaction: isWhole ? ledger.transaction(balance) : balance } };
}

function sourceOf({ book, moneyBack }: Pick<RouteParts, 'book' | 'moneyBack'>, source: string | null): unknown {
  const id = source ?? '';
  return book.charges.get(id) ?? moneyBack.refunds.get(id) ?? moneyBack.disputes.get(id) ?? source;
}

function configurationOf(configuration: Readonly<Record<string, boolean>>, livemode: boolean) {
  const method = (isOn: boolean) => ({
    available: isOn,
    display_preference: { overridable: null, preference: isOn ? 'on' : 'off', value: isOn ? 'on' : 'off' },
  });
  return {
    id: 'pmc_1LocalServer',
    object: 'payment_method_configuration',
    active: true,
    application: null,
    is_default: true,
    name: 'Default',
    parent: null,
    livemode,
    ...Object.fromEntries(Object.entries(configuration).map(([name, isOn]) => [name, method(isOn)])),
  };
}
