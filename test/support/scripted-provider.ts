/** A provider behind the `ProviderCalls` port, without a process or a wire: it keeps payments, honours keys, and can be told to misbehave. */
import {
  declined,
  failed,
  ok,
  unknown,
  type ChargeMandate,
  type Context,
  type CreatedMandate,
  type CreateMandate,
  type CreatePayment,
  type CreatedPayment,
  type HostedFields,
  type MandateFacts,
  type NextStep,
  type Outcome,
  type PaymentFacts,
  type PaymentMethod,
  type Plugin,
  type Posted,
  type Posting,
  type ProviderSignal,
  type ProviderTraits,
  type RawWebhook,
  type RefundResult,
  type SettlementPage,
  type Verdict,
} from '@kassaflow/plugin-sdk';
import type { Clock } from '../../src/kernel/clock.ts';
import { methodOf } from '../../src/plugin-host/child/describe.ts';
import { ProviderCalls, type ProviderCall, type ProviderMethod, type WebhookConnection } from '../../src/plugin-host/provider-calls.ts';

type Misbehaviour =
  | 'carries it out, answers nothing'
  | 'does nothing, answers nothing'
  | 'declines'
  /** The bank wants to see the customer. */
  | 'asks for the customer'
  | 'refuses'
  | 'is unreachable'
  /** Whoever calls does not live to see the answer, and the provider has carried it out. */
  | 'outlives its caller'
  /** Whoever calls does not live to make the call. */
  | 'dies with its caller';

export class ScriptedProvider extends ProviderCalls {
  readonly calls: ProviderCall[] = [];
  readonly facts = new Map<string, PaymentFacts>();
  readonly created = new Map<string, CreatePayment>();
  readonly charged = new Map<string, ChargeMandate>();
  readonly mandates = new Map<string, MandateFacts>();
  readonly postings = new Map<string, Posting>();
  /** Refunds that it accepts stay pending until a test says otherwise. */
  refundsAreSlow = false;
  /** New payments and charges need nothing of the customer. */
  hasNoNextStep = false;
  /** What its codes say. */
  codeOf = (providerId: string): string => `https://pay.example/code/${providerId}`;
  /** How deliveries are read in place of the scripted way; a test may put a real plugin here, or a failure. */
  translator: ((delivery: RawWebhook) => Promise<readonly ProviderSignal[]>) | undefined;
  /** One hour. */
  remembersKeysFor = 3_600_000;
  /** Does not say whether it offers anything else. */
  missing = new Set<ProviderMethod | 'webhook.verify'>();
  /** How it differs from others. */
  differs: ProviderTraits = {};
  /** What the accounts of all connections offer; without it, none says. */
  offers: readonly PaymentMethod[] | undefined;
  /** How its fields are shown on our page. */
  fields: HostedFields | undefined;
  /** What it says that it settled on the days `from` to `to`; without it, it tells of no settlements. */
  settled: ((request: { readonly from: string; readonly to: string; readonly page?: string }) => Outcome<SettlementPage>) | undefined;
  /** A real plugin in place of the script, at its server on this machine. */
  plugin: { readonly plugin: Plugin; readonly contextOf: (call: ProviderCall) => Context } | undefined;
  readonly connections = new Map<string, WebhookConnection>();
  readonly #answers = new Map<string, Outcome<unknown>>();
  readonly #next = new Map<ProviderMethod, Misbehaviour[]>();

  constructor(private readonly clock: Clock) {
    super();
  }

  /** How the next call of `method` goes wrong; several stack up. */
  next(method: ProviderMethod, ...misbehaviours: Misbehaviour[]): void {
    this.#next.set(method, misbehaviours);
  }

  /** Changes what it will report of a payment. */
  report(providerId: string, change: Partial<PaymentFacts>): void {
    const before = this.facts.get(providerId);
    if (!before) throw new Error(`the provider has no payment ${providerId}`);
    this.facts.set(providerId, { ...before, ...change });
  }

  count(method: ProviderMethod): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  override async call<T>(call: ProviderCall): Promise<Outcome<T>> {
    this.calls.push(call);
    if (this.plugin) return (await this.#askPlugin(call)) as Outcome<T>;
    const wrong = this.#next.get(call.method)?.shift();
    if (wrong === 'does nothing, answers nothing') return unknown('no answer');
    if (wrong === 'is unreachable') return failed('temporary', 'connection refused');
    if (wrong === 'refuses') return failed('permanent', 'not possible any more', { code: 'already_done' });
    if (wrong === 'asks for the customer') return declined('authentication-failed', 'the bank asks for the customer');
    if (wrong === 'dies with its caller') throw new Error('killed');
    if (wrong === 'declines') return declined('insufficient-funds', 'no');
    const answer = this.#remembered(call);
    if (wrong === 'outlives its caller') throw new Error('killed');
    // The caller says by its type argument what this method answers.
    return wrong === 'carries it out, answers nothing' ? unknown('connection reset') : (answer as Outcome<T>);
  }

  override async has(_connectionId: string, method: ProviderMethod | 'webhook.verify'): Promise<boolean> {
    if (this.plugin) return methodOf(this.plugin.plugin, method) !== undefined;
    if (method === 'payments.methods' && !this.offers) return false;
    if (method === 'payments.settlements' && !this.settled) return false;
    return !this.missing.has(method);
  }

  override async keyTtlMs(): Promise<number> {
    return this.plugin?.plugin.payments?.keyTtlMs ?? this.remembersKeysFor;
  }

  override async traits(): Promise<ProviderTraits> {
    return this.plugin?.plugin.payments?.traits ?? this.differs;
  }

  override async hostedFields(): Promise<HostedFields | undefined> {
    return this.plugin ? this.plugin.plugin.payments?.hostedFields : this.fields;
  }

  override async findWebhookConnection(plugin: string, connectionId: string): Promise<WebhookConnection | undefined> {
    const found = this.connections.get(connectionId);
    return found?.plugin === plugin ? found : undefined;
  }

  /** A delivery is `{"id":…,"signals":[…]}`, signed by the header `x-signature: good`. */
  override async verify(_connection: WebhookConnection, { headers, body }: RawWebhook): Promise<Verdict> {
    const signature = headers['x-signature'];
    if (signature === undefined) return { ok: false, reason: 'signature-missing' };
    if (typeof signature !== 'string' || signature === '') return { ok: false, reason: 'signature-format' };
    if (signature !== 'good') return { ok: false, reason: 'signature-mismatch' };
    return { ok: true, eventId: (JSON.parse(Buffer.from(body).toString()) as { id: string }).id };
  }

  override async translate(_connection: WebhookConnection, delivery: RawWebhook): Promise<readonly ProviderSignal[]> {
    if (this.translator) return this.translator(delivery);
    const { body } = delivery;
    return (JSON.parse(Buffer.from(body).toString()) as { signals: ProviderSignal[] }).signals;
  }

  /** As the plugin's process does it: the method found by its path. */
  async #askPlugin(call: ProviderCall): Promise<Outcome<unknown>> {
    const { plugin, contextOf } = this.plugin!;
    const method = methodOf(plugin, call.method);
    return method ? ((await method(contextOf(call), call.input)) as Outcome<unknown>) : failed('permanent', `no ${call.method}`);
  }

  #remembered(call: ProviderCall): Outcome<unknown> {
    const known = call.idempotencyKey === '' ? undefined : this.#answers.get(call.idempotencyKey);
    const answer = known ?? this.#answer(call);
    this.#answers.set(call.idempotencyKey, answer);
    return answer;
  }

  #answer({ method, input }: ProviderCall): Outcome<unknown> {
    switch (method) {
      case 'payments.create':
        return this.#create(input as CreatePayment);
      case 'payments.charge':
        this.charged.set((input as ChargeMandate).reference, input as ChargeMandate);
        return this.#create(input as CreatePayment);
      case 'mandates.create':
        return this.#createMandate(input as CreateMandate);
      case 'mandates.fetch':
        return this.#mandate((input as { providerId: string }).providerId);
      case 'mandates.revoke': {
        const facts = this.mandates.get((input as { providerId: string }).providerId);
        if (facts) this.mandates.set(facts.providerId, { ...facts, state: 'revoked' });
        return this.#mandate((input as { providerId: string }).providerId);
      }
      case 'payments.settlements':
        return this.settled?.(input as { from: string; to: string; page?: string }) ?? ok({ lines: [] });
      case 'payments.methods':
        return ok(this.offers);
      case 'payments.fetch':
        return this.#fetch((input as { providerId: string }).providerId);
      case 'payments.find': {
        const found = [...this.created].find(([, { reference }]) => reference === (input as { reference: string }).reference);
        return ok(found && this.#createdPayment(found[0]));
      }
      case 'payments.capture':
        return this.#capture(input as { providerId: string; amount: { amount: string } });
      case 'payments.cancel':
        return this.#cancel((input as { providerId: string }).providerId);
      case 'payments.refund':
        return this.#refund(input as { providerId: string; reference: string; amount: { amount: string } });
      case 'accounting.post':
        this.postings.set((input as Posting).reference, input as Posting);
        return ok<Posted>({ entry: `entry-${this.postings.size}`, number: '17' });
      case 'accounting.find':
        return ok(this.postings.has((input as Posting).reference) ? { entry: 'entry-1' } : undefined);
      default:
        return failed('permanent', `not scripted: ${method}`);
    }
  }

  #create(request: CreatePayment): Outcome<CreatedPayment> {
    const providerId = `px_${this.created.size + 1}`;
    this.created.set(providerId, request);
    this.facts.set(providerId, {
      providerState: 'open',
      currency: request.amount.currency,
      started: false,
      authorized: 0,
      voided: 0,
      captured: 0,
      refunded: 0,
      refundPending: 0,
      chargedBack: 0,
      fetchStartedAt: this.clock.now().getTime(),
    });
    return ok(this.#createdPayment(providerId), providerId);
  }

  #createdPayment(providerId: string): CreatedPayment {
    if (this.created.get(providerId)?.flow === 'hosted-fields' && this.created.get(providerId)?.token === undefined)
      return {
        providerId,
        facts: this.#now(providerId),
        next: { kind: 'hosted-fields', clientSecret: `secret-of-${providerId}`, publishableKey: 'pk_test' },
      };
    if (this.created.get(providerId)?.flow === 'push')
      return { providerId, facts: this.#now(providerId), next: { kind: 'push', expiresAt: this.clock.now().getTime() + 600_000 } };
    if (this.created.get(providerId)?.flow === 'qr') {
      const expiresAt = this.clock.now().getTime() + 600_000;
      return { providerId, facts: this.#now(providerId), next: { kind: 'qr', payload: this.codeOf(providerId), expiresAt } };
    }
    const next: NextStep = this.hasNoNextStep ? { kind: 'none' } : { kind: 'redirect', url: `https://pay.example/${providerId}` };
    return { providerId, facts: this.#now(providerId), next };
  }

  /** Known by the step that leads to it until the customer approves: then `mandates` has its own id under that of the step. */
  #createMandate({ reference, kind }: CreateMandate): Outcome<CreatedMandate> {
    const facts: MandateFacts = { providerId: `step_${reference}`, kind, state: 'pending' };
    this.mandates.set(facts.providerId, facts);
    return ok({ facts, next: { kind: 'redirect', url: `https://pay.example/${reference}` } }, facts.providerId);
  }

  #mandate(providerId: string): Outcome<MandateFacts> {
    const facts = this.mandates.get(providerId);
    return facts ? ok(facts) : failed('permanent', 'no such mandate');
  }

  #fetch(providerId: string): Outcome<PaymentFacts> {
    return this.facts.has(providerId) ? ok(this.#now(providerId)) : failed('permanent', 'no such payment');
  }

  /** As providers that allow several captures: each takes a part of what is reserved. */
  #capture({ providerId, amount }: { providerId: string; amount: { amount: string } }): Outcome<PaymentFacts> {
    const { authorized, voided, captured } = this.#now(providerId);
    const minor = Number(amount.amount.replace('.', ''));
    if (captured + minor > authorized - voided) return failed('permanent', 'more than is reserved', { code: 'too_much' });
    this.report(providerId, { captured: captured + minor });
    return ok(this.#now(providerId));
  }

  #cancel(providerId: string): Outcome<PaymentFacts> {
    const { authorized, captured } = this.#now(providerId);
    if (captured > 0) return failed('permanent', 'the money was taken already', { code: 'already_captured' });
    this.report(providerId, { voided: authorized, ended: 'cancelled' });
    return ok(this.#now(providerId));
  }

  #refund({ providerId, reference, amount }: { providerId: string; reference: string; amount: { amount: string } }): Outcome<RefundResult> {
    const facts = this.#now(providerId);
    const minor = Number(amount.amount.replace('.', ''));
    if (facts.refunded + facts.refundPending + minor > facts.captured)
      return failed('permanent', 'more than was taken', { code: 'too_much' });
    this.report(providerId, this.refundsAreSlow ? { refundPending: facts.refundPending + minor } : { refunded: facts.refunded + minor });
    return ok({ providerId: `re_${reference}`, state: this.refundsAreSlow ? 'pending' : 'done' });
  }

  #now(providerId: string): PaymentFacts {
    const facts = this.facts.get(providerId);
    if (!facts) throw new Error(`the provider has no payment ${providerId}`);
    return { ...facts, fetchStartedAt: this.clock.now().getTime() };
  }
}
